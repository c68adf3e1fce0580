"""Changes to a state, as pure functions: the vocabulary of `Ledger.commit`.

`apply` and the `state` verbs call these. They return a new state and leave the given one alone;
where nothing would change they return the very object they were given, which costs no write.
`lineage` and `serial` are not theirs to touch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from reconciler.model import FileRef, Record, State
from reconciler.state import codec


def with_record(state: State, record: Record) -> State:
    """The state with this record under its token, whatever was there before.

    Raises StateError for a record that could not be read back once written: one provider's odd
    answer must not make the whole state unreadable.
    """
    return with_records(state, (record,))


def with_records(state: State, records: Iterable[Record]) -> State:
    """`with_record` for many at once: one copy of the state instead of one per record."""
    new = {record.token: record for record in records}
    new = {token: record for token, record in new.items() if state.records.get(token) != record}
    if not new:
        return state
    for record in new.values():
        codec.verify(record)
    return replace(state, records={**state.records, **new})


def without_record(state: State, token: str) -> State:
    """The state without the record of this token."""
    if token not in state.records:
        return state
    records = {key: record for key, record in state.records.items() if key != token}
    return replace(state, records=records)


def with_file(state: State, scope: str, file: FileRef) -> State:
    """The state knowing that these bytes lie at the provider of this scope.

    Raises StateError for a reference that could not be read back once written.
    """
    known = state.files.get(scope, {})
    if known.get(file.sha256) == file:
        return state
    codec.verify(file)
    return replace(state, files={**state.files, scope: {**known, file.sha256: file}})
