"""What changed between two identities, in words: why a spec trains again.

`plan` calls it; the answer goes into the plan line a reviewer reads before money is spent. Pure.
It compares what we asked for with what we ask for now, never with a provider's echo: providers
answer an alias with a snapshot and "auto" with a number, which is no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model import Change, Dataset, JobSpec, Record

_DATA = {"training": "training data", "validation": "validation data"}
_SHORT_HASH = 6


def between(record: Record, spec: JobSpec) -> tuple[Change, ...]:
    """The fields in which `spec` differs from what `record` asked for, in the spec's order."""
    return tuple(_differences(record, spec))


def sentence(changes: tuple[Change, ...]) -> str:
    """`training data changed (3f9a1c… → 77b02e…, +120 examples), n_epochs 3 → 4`."""
    return ", ".join(
        f"{change.field} changed ({change.before} → {change.after})"
        if change.field in _DATA.values()
        else f"{change.field} {change.before} → {change.after}"
        for change in changes
    )


def _differences(record: Record, spec: JobSpec) -> Iterator[Change]:
    before, after = record.identity, spec.identity
    for field in dict.fromkeys((*after, *before)):
        old, new = before.get(field), after.get(field)
        if old == new:
            continue
        if field in _DATA:
            old_data, new_data = getattr(record, field), getattr(spec, field)
            yield Change(
                field=_DATA[field],
                before=_data(old_data),
                after=_data(new_data) + _growth(old_data, new_data),
            )
        else:
            yield from _fields(field, old, new)


def _fields(field: str, old: Any, new: Any) -> Iterator[Change]:
    """One change per leaf, named as a user would: `n_epochs`, not `hyperparameters.n_epochs`."""
    if isinstance(old or {}, Mapping) and isinstance(new or {}, Mapping) and field != "model":
        prefix = "" if field in ("hyperparameters", "method_options") else f"{field}."
        for key in dict.fromkeys((*(new or {}), *(old or {}))):
            old_item, new_item = (old or {}).get(key), (new or {}).get(key)
            if old_item != new_item:
                absent = "auto" if field == "hyperparameters" else "none"
                yield Change(
                    field=f"{prefix}{key}",
                    before=_word(old_item, absent),
                    after=_word(new_item, absent),
                )
        return
    absent = "0" if field == "attempt" else "none"
    yield Change(field=field, before=_word(old, absent), after=_word(new, absent))


def _word(value: Any, absent: str) -> str:
    match value:
        case None:
            return absent
        case {"from": str(upstream)}:
            return f"the model of {upstream}"
        case Mapping() | list() | tuple():
            return "edited" if value else absent
        case _:
            return str(value)


def _data(dataset: Dataset | None) -> str:
    if dataset is None:
        return "none"
    if dataset.sha256:
        return f"{dataset.sha256[:_SHORT_HASH]}…"
    return dataset.reference or "none"


def _growth(old: Dataset | None, new: Dataset | None) -> str:
    if old is None or new is None or old.examples is None or new.examples is None:
        return ""
    difference = new.examples - old.examples
    return f", {difference:+,} examples" if difference else ""
