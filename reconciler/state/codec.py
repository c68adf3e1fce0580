"""A state as bytes and back: one spelling per state, and no bytes ever read as less than they hold.

Every store calls it; it touches no file. The document is JSON, a line per value and mappings in the
order of their keys, so that a git diff shows what changed. Its `checksum` is the sha256 of the
document without the line of the checksum itself, which a person can repeat:

    grep -v '^ "checksum"' state.json | sha256sum

Layout is not content: a state that a formatter or git's line ends have touched still reads. A value
that was edited does not, unless the reader says that it was edited on purpose.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from reconciler.errors import StateError, StateFormat
from reconciler.model import FileRef, Record, State
from reconciler.state import damage

VERSION = 2
"""The version this program writes. A new or changed field of the document is a new version."""

Migration: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


def _with_estimates(old: dict[str, Any]) -> dict[str, Any]:
    """Version 2 remembers what a create was expected to cost, and what became of its model."""
    fields = {"estimate": None, "stopped_because": None, "model_deleted": False}
    if any(name in record for record in old["records"].values() for name in fields):
        raise ValueError(fields)  # version 1 had none of them
    records = {token: record | fields for token, record in old["records"].items()}
    return old | {"version": 2, "records": records}


MIGRATIONS: Mapping[int, Migration] = MappingProxyType({1: _with_estimates})
"""How to read a document of an older version: by that version, what makes it one version newer."""


def encode(state: State) -> bytes:
    """The state as a document. Raises StateError where it holds what `decode` could not read."""
    return Encoder().encode(state)


class Encoder:
    """`encode` for many states of one run, which differ little: it keeps the text of each record.

    At 10,000 records that is a fifth of a second for the first state and less than half of it for
    those that follow, for as much memory as the document takes.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Record, bytes]] = {}

    def encode(self, state: State) -> bytes:
        """The same bytes as the function `encode`."""
        if place := _misplaced(state.records, state.files):
            raise StateError(f"{place} in the state stands under the wrong key")
        seen: dict[str, tuple[Record, bytes]] = {}
        for token in sorted(state.records):
            record = state.records[token]
            known = self._seen.get(token)
            # The very same object, not an equal one: 1 == 1.0 == True, and JSON tells them apart.
            seen[token] = known if known and known[0] is record else (record, _text(token, record))
        self._seen = seen
        return _document(state, [text for _, text in seen.values()])


def decode(
    data: bytes,
    where: str,
    *,
    edited: bool = False,
    migrations: Mapping[int, Migration] = MIGRATIONS,
) -> State:
    """The state in these bytes. Raises StateFormat, and nothing else, for bytes that hold none.

    `where` names the document in messages. With `edited`, values may differ from what was written:
    the checksum is not asked, everything else is.
    """
    if _sealed(data):
        # Bytes we wrote read at once. What fails here is looked at again below, slowly, for words.
        with suppress(*_UNREADABLE):
            document = _DOCUMENT.decode(data)
            if _whole(document, data):
                return _state(document)
    try:
        return _examine(data, where, edited, migrations)
    except RecursionError:
        raise damage.too_deep(where) from None


def verify(value: Record | FileRef) -> None:
    """Raise StateError unless this value can be read back once it is written.

    Annotations do not hold at run time: a provider's `1.5` in a field of whole seconds would be
    written without complaint, and the state would not be read again.
    """
    name = value.token if isinstance(value, Record) else value.reference
    try:
        _READERS[type(value)].decode(_ENCODER.encode(value))
    except _UNREADABLE as error:
        raise StateError(
            f"{name} cannot be kept in the state: {damage.wording(error)}",
            hint="the provider answered with something this program does not expect",
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """The document as it lies in the store; `schemas/state.v2.schema.json` describes it."""

    version: Literal[2]
    lineage: Annotated[str, msgspec.Meta(min_length=1)]
    serial: Annotated[int, msgspec.Meta(ge=0)]
    checksum: str
    records: dict[str, Record]
    files: dict[str, dict[str, FileRef]]


def _text(token: str, record: Record) -> bytes:
    """A record as a member of `records`, laid out as it will stand there."""
    try:
        nested = msgspec.json.format(_ENCODER.encode({"": {token: record}}), indent=1)
    except _UNREADABLE as error:
        raise StateError(f"the record of {token} is no JSON: {error}") from error
    return nested[len(b'{\n "": {\n  ') : -len(b"\n }\n}")]


def _document(state: State, records: list[bytes]) -> bytes:
    try:
        head = {"version": VERSION, "lineage": state.lineage, "serial": state.serial}
        front = msgspec.json.format(msgspec.json.encode(head), indent=1)[: -len(b"\n}")] + b","
        back = msgspec.json.format(_ENCODER.encode({"files": state.files}), indent=1)
    except _UNREADABLE as error:
        raise StateError(f"the state without its records is no JSON: {error}") from error
    opened, closed = (b"{\n  ", b"\n },") if records else (b"{", b"},")
    listed = b",\n  ".join(records)
    rest = (b'\n "records": ' + opened, listed, closed + back[len(b"{") :] + b"\n")
    return b"".join((front, b'\n "checksum": "%b",' % _checksum(front, *rest), *rest))


def _plain(value: Any) -> Any:
    """Called for types that JSON has no word for: any mapping is an object, the rest is refused."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _checksum(*pieces: bytes | memoryview) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest().encode()


def _sealed(data: bytes) -> bool:
    """Whether these bytes are, one for one, what the checksum in them was made of."""
    line = _CHECKSUM_LINE.search(data)
    if line is None:
        return False
    view = memoryview(data)
    return line[1] == _checksum(view[: line.start()], view[line.end() :])


def _whole(document: _Document, data: bytes) -> bool:
    """Whether the document is all there is in the data, each record and file under its own key.

    The decoder drops fields it does not know and keeps the last of two members with one key,
    saying nothing; so what it made of the data is written again and compared.
    """
    if _misplaced(document.records, document.files):
        return False
    return _ENCODER.encode(document) == msgspec.json.format(data, indent=-1)


def _misplaced(
    records: Mapping[str, Record], files: Mapping[str, Mapping[str, FileRef]]
) -> str | None:
    for token, record in records.items():
        if token != record.token:
            return f"/records/{token}"
    for scope, known in files.items():
        for sha256, file in known.items():
            if sha256 != file.sha256:
                return f"/files/{scope}/{sha256}"
    return None


def _state(document: _Document) -> State:
    return State(
        lineage=document.lineage,
        serial=document.serial,
        records=document.records,
        files=document.files,
    )


def _examine(data: bytes, where: str, edited: bool, migrations: Mapping[int, Migration]) -> State:
    """The long way: older versions, other layouts, and words for everything that is no state."""
    raw = damage.parse(data, where)
    version = damage.version(raw, where, VERSION)
    if version < VERSION:
        if not (edited or _sealed(data)):
            raise damage.changed(where)
        raw = _migrated(raw, version, migrations, where)
    document = damage.shaped(raw, _Document, where)
    if place := _misplaced(document.records, document.files):
        raise StateFormat(f"{where}: {place} is not what its key says", hint=damage.EDITING)
    state = _state(document)
    try:
        canonical = json.loads(encode(state))
    except StateError as error:
        raise StateFormat(f"{where}: {error.message}", hint=error.hint) from None
    if fault := damage.difference({**raw, "checksum": ""}, {**canonical, "checksum": ""}):
        raise StateFormat(f"{where}: {fault}", hint=damage.EDITING)
    laid_out_anew = document.checksum == canonical["checksum"]
    if not (edited or version < VERSION or laid_out_anew or _sealed(data)):
        raise damage.changed(where)
    return state


def _migrated(
    raw: dict[str, Any], version: int, migrations: Mapping[int, Migration], where: str
) -> dict[str, Any]:
    for step in range(version, VERSION):
        if step not in migrations:
            raise StateFormat(
                f"{where} is a state of version {step}, which this program never wrote"
            )
        try:
            raw = migrations[step](raw)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise StateFormat(
                f"{where} calls itself a state of version {step} and is not built like one"
            ) from error
    return raw


_ENCODER = msgspec.json.Encoder(order="deterministic", enc_hook=_plain)
_DOCUMENT = msgspec.json.Decoder(_Document)
_READERS: Mapping[type, msgspec.json.Decoder[Any]] = {
    Record: msgspec.json.Decoder(Record),
    FileRef: msgspec.json.Decoder(FileRef),
}
_UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, RecursionError, OverflowError)
_CHECKSUM_LINE = re.compile(rb'\n "checksum": "([0-9a-f]{64})",')
