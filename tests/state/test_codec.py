"""A state as bytes and back, and everything that only looks like one."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import StateError, StateFormat
from reconciler.model import FileRef, Record, State
from reconciler.state.codec import VERSION, Encoder, decode, encode, verify
from tests.state.samples import SHA, as_json, full_state, record, sealed
from tests.state.strategies import examples, files, json_values, records, states

GOLDEN = Path(__file__).parent / "golden"
WHERE = "state.json"


# What encode writes


@examples(60)
@given(states)
def test_what_is_written_is_read_back_and_written_again_alike(state: State) -> None:
    data = encode(state)
    assert data == msgspec.json.format(data, indent=1) + b"\n"
    assert decode(data, WHERE) == state
    assert encode(decode(data, WHERE)) == data


def test_the_head_of_the_document_comes_first() -> None:
    data = encode(full_state())
    assert list(json.loads(data)) == [
        "version",
        "lineage",
        "serial",
        "checksum",
        "records",
        "files",
    ]


@examples(30)
@given(states, states)
def test_an_encoder_that_has_seen_other_states_writes_the_same_bytes(
    first: State, second: State
) -> None:
    encoder = Encoder()
    for state in (first, second, replace(second, records={**first.records, **second.records})):
        assert encoder.encode(state) == encode(state)


def test_an_encoder_tells_equal_records_apart_that_json_tells_apart() -> None:
    encoder = Encoder()
    one, other = (replace(record(), identity={"seed": seed}) for seed in (1, True))
    assert one == other
    state = State(lineage="l", records={one.token: one})
    encoder.encode(state)
    assert b'"seed": true' in encoder.encode(replace(state, records={other.token: other}))


def test_order_of_insertion_leaves_no_trace() -> None:
    a, b = record("a"), record("b")
    scopes: dict[str, dict[str, FileRef]] = {"x": {}, "y": {}}
    one = State(lineage="l", records={a.token: a, b.token: b}, files=scopes)
    other = State(
        lineage="l", records={b.token: b, a.token: a}, files=dict(reversed(scopes.items()))
    )
    assert encode(one) == encode(other)


def test_a_change_of_one_value_is_a_change_of_few_lines() -> None:
    before = State(lineage="l", records={r.token: r for r in map(record, "abc")})
    changed = replace(before.records["b-0123456789abcdef"], attempt=1)
    after = replace(before, serial=1, records={**before.records, changed.token: changed})
    pairs = zip(encode(before).splitlines(), encode(after).splitlines(), strict=True)
    different = [new.split(b":")[0].strip() for old, new in pairs if old != new]
    assert different == [b'"serial"', b'"checksum"', b'"attempt"']


def test_version_2_is_read_and_written_as_ever() -> None:
    """The golden document is for ever. A field added to the model is a new version of it:
    raise codec.VERSION, add the migration, and keep this file as what the migration reads.
    """
    golden = (GOLDEN / "state.v2.json").read_bytes()
    assert decode(golden, WHERE) == full_state()
    assert encode(full_state()) == golden


def test_version_1_is_read_as_ever() -> None:
    """Nobody had counted tokens then, nor stopped a job or deleted a model for the user."""
    (token, now) = next(iter(full_state().records.items()))
    then = replace(now, estimate=None, stopped_because=None, model_deleted=False)
    expected = replace(full_state(), records={token: then})
    assert decode((GOLDEN / "state.v1.json").read_bytes(), WHERE) == expected


def test_a_mapping_that_is_no_dict_is_written_like_one() -> None:
    plain = record()
    locked = replace(plain, identity=MappingProxyType(dict(plain.identity)))
    states = [State(lineage="l", records={plain.token: each}) for each in (plain, locked)]
    assert encode(states[0]) == encode(states[1])


@pytest.mark.parametrize(
    ("state", "words"),
    [
        pytest.param(State(lineage="l", records={"b": record("a")}), "wrong key", id="record"),
        pytest.param(
            State(lineage="l", files={"s": {"x": next(iter(full_state().files.values()))[SHA]}}),
            "/files/s/x",
            id="file",
        ),
        pytest.param(
            State(lineage="l", records={record().token: replace(record(), name="\ud800")}),
            "bot-0123456789abcdef",
            id="a string no encoding has bytes for",
        ),
        pytest.param(
            State(lineage="l", records={record().token: replace(record(), identity={"x": 1j})}),
            "complex has no place in JSON",
            id="a number JSON lacks",
        ),
        pytest.param(State(lineage="\ud800"), "without its records", id="lineage"),
    ],
)
def test_a_state_that_could_not_be_read_is_not_written(state: State, words: str) -> None:
    with pytest.raises(StateError, match=re.escape(words)):
        encode(state)


# What verify keeps out


@examples(60)
@given(records | files)
def test_every_well_typed_value_passes(value: Record | FileRef) -> None:
    verify(value)


def test_a_provider_that_gives_half_seconds_is_named_before_anything_is_saved() -> None:
    job = replace(full_state().records["bot-0123456789abcdef"].job, created_at=1.5)  # type: ignore[type-var] # a lie a provider could tell
    with pytest.raises(StateError) as caught:
        verify(replace(record(), job=job))
    assert caught.value.message == (
        "bot-0123456789abcdef cannot be kept in the state: "
        "/job/created_at: expected `int | null`, got `float`"
    )


# What decode forgives


@pytest.mark.parametrize(
    "relaid",
    [
        pytest.param(lambda data: data.replace(b"\n", b"\r\n"), id="git's line ends"),
        pytest.param(lambda data: data.rstrip(), id="no last line end"),
        pytest.param(
            lambda data: json.dumps(json.loads(data), indent=4, sort_keys=True).encode(),
            id="a formatter",
        ),
        pytest.param(lambda data: msgspec.json.format(data, indent=0), id="a minifier"),
    ],
)
def test_layout_is_not_content(relaid: Any) -> None:
    data = relaid(encode(full_state()))
    assert data != encode(full_state())
    assert decode(data, WHERE) == full_state()


def test_an_edit_on_purpose_is_read_when_the_reader_says_so() -> None:
    data = encode(full_state()).replace(b'"attempt": 1', b'"attempt": 2')
    assert decode(data, WHERE, edited=True).records["bot-0123456789abcdef"].attempt == 2


def test_an_edit_on_purpose_must_still_be_a_state() -> None:
    data = encode(full_state()).replace(b'"attempt": 1', b'"attemt": 1')
    with pytest.raises(StateFormat, match="the field attempt is missing"):
        decode(data, WHERE, edited=True)


# Older versions


def _from_before(raw: dict[str, Any]) -> dict[str, Any]:
    """The version before, of a story in which records were once called jobs."""
    renamed = {"records" if key == "jobs" else key: value for key, value in raw.items()}
    return {**renamed, "version": VERSION}


def test_an_older_version_is_brought_up_to_date() -> None:
    old = {"jobs" if key == "records" else key: v for key, v in as_json(full_state()).items()}
    data = sealed({**old, "version": VERSION - 1})
    assert decode(data, WHERE, migrations={VERSION - 1: _from_before}) == full_state()


def test_a_document_of_this_version_that_calls_itself_older_loses_nothing() -> None:
    data = sealed({**as_json(full_state()), "version": 1})
    with pytest.raises(StateFormat, match="calls itself a state of version 1"):
        decode(data, WHERE)


def test_an_older_version_that_a_migration_cannot_make_sense_of_is_refused() -> None:
    def broken(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "records": raw["jobs"]}

    data = sealed({**as_json(full_state()), "version": 0})
    with pytest.raises(StateFormat, match="calls itself a state of version 0"):
        decode(data, WHERE, migrations={0: broken})


# Anything at all


def read_or_refused(data: bytes, good: State | None) -> None:
    """Decode reads the good state (by other bytes), or refuses in words; it does nothing else."""
    try:
        state = decode(data, WHERE)
    except StateFormat:
        return
    assert state == good


SMALL = replace(full_state(), files={})


def test_cut_anywhere_it_is_never_less_of_a_state() -> None:
    data = encode(SMALL)
    for end in range(len(data) - 1):  # without the very last line end it is whole
        with pytest.raises(StateFormat):
            decode(data[:end], WHERE)


def test_a_flipped_bit_anywhere_is_found_or_harmless() -> None:
    data = encode(SMALL)
    for position in range(len(data)):
        spoilt = bytearray(data)
        spoilt[position] ^= 1 << position % 8
        read_or_refused(bytes(spoilt), SMALL)


def test_lines_swapped_doubled_or_lost_are_found_or_harmless() -> None:
    lines = encode(SMALL).splitlines(keepends=True)
    choose = random.Random(0)
    for at in range(len(lines)):
        other = choose.randrange(len(lines))
        swapped = list(lines)
        swapped[at], swapped[other] = swapped[other], swapped[at]
        read_or_refused(b"".join(swapped), SMALL)
        read_or_refused(b"".join([*lines[:at], lines[at], *lines[at:]]), SMALL)
        read_or_refused(b"".join([*lines[:at], *lines[at + 1 :]]), SMALL)


@examples(60)
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_are_read_as_a_state_by_chance(data: bytes) -> None:
    read_or_refused(data, None)


@examples(60)
@given(states, st.data())
def test_a_value_replaced_anywhere_under_a_fitting_checksum_is_refused_or_read_as_it_is(
    state: State, data: st.DataObject
) -> None:
    document = as_json(state)
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not place[key] or not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(json_values)
    document.setdefault("checksum", "")
    try:
        found = decode(sealed(document), WHERE)
    except StateFormat:
        return
    assert {**as_json(found), "checksum": ""} == {**document, "checksum": ""}
