"""Changes as pure functions: what they give back, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given

from reconciler.errors import StateError
from reconciler.model import FileRef, Record, State
from reconciler.state.edit import with_file, with_record, with_records, without_record
from tests.state.samples import SHA, record
from tests.state.strategies import examples, files, records, states

EMPTY = State(lineage="l", serial=3)
FILE = FileRef(reference="file-1", sha256=SHA, size=1, uploaded_at=1700000000)


@examples(30)
@given(states, records)
def test_a_record_is_there_afterwards_and_nothing_else_has_changed(
    state: State, new: Record
) -> None:
    before = dict(state.records)
    after = with_record(state, new)
    assert after.records == {**before, new.token: new}
    assert replace(after, records=before) == state
    assert state.records == before


@examples(30)
@given(states, records)
def test_a_record_taken_away_leaves_the_others(state: State, new: Record) -> None:
    others = {token: each for token, each in state.records.items() if token != new.token}
    assert without_record(with_record(state, new), new.token) == replace(state, records=others)


@examples(30)
@given(states, files)
def test_a_file_is_there_afterwards_and_nothing_else_has_changed(
    state: State, file: FileRef
) -> None:
    for scope in [*state.files, "another scope"]:
        after = with_file(state, scope, file)
        assert after.files[scope] == {**state.files.get(scope, {}), file.sha256: file}
        assert replace(after, files=state.files) == state


def test_many_records_are_as_one_after_the_other() -> None:
    new = [record("a"), record("b"), record("a", attempt=1)]
    one_by_one = EMPTY
    for each in new:
        one_by_one = with_record(one_by_one, each)
    assert with_records(EMPTY, new) == one_by_one
    assert one_by_one.records["a-0123456789abcdef"].attempt == 1


def test_what_changes_nothing_is_the_same_object() -> None:
    state = with_file(with_record(EMPTY, record()), "scope", FILE)
    assert with_record(state, replace(record())) is state
    assert with_records(state, []) is state
    assert with_file(state, "scope", replace(FILE)) is state
    assert without_record(state, "nobody-0123456789abcdef") is state


def test_the_serial_is_not_theirs() -> None:
    state = with_file(with_record(EMPTY, record()), "scope", FILE)
    assert (state.lineage, state.serial) == ("l", 3)


def test_what_could_not_be_read_back_is_refused() -> None:
    with pytest.raises(StateError, match="/size: expected `int`, got `str`"):
        with_file(EMPTY, "scope", replace(FILE, size=cast("Any", "1024")))
    with pytest.raises(StateError, match="/attempt: expected `int`, got `null`"):
        with_record(EMPTY, replace(record(), attempt=cast("Any", None)))
