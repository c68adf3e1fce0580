"""A reviewed plan, kept in a file, and held against the plan that would be carried out now.

`plan --out` writes one, `apply --plan` reads it. A saved plan is never carried out itself: the pass
is decided anew, and goes on only if it would do the very same. So it needs no trust: a file that
was tampered with can only refuse.

What is pinned is what would be done and what it would cost: of every step that creates, ties or
cancels a job its token (so the spec and the bytes of its data), its base model and its price; and
the lineage of the state. The serial is kept to be told. It does not refuse by itself: a status that
was refreshed meanwhile is another serial and the same plan. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from reconciler.engine import Request
from reconciler.errors import ConfigError
from reconciler.model import Action, Plan, Step
from reconciler.plan import checksum


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedStep:
    """A step that acts, as it was reviewed. `usd` and `usd_high` are None where nobody can tell."""

    action: Action
    reason: str
    token: str
    name: str
    provider: str
    digest: str | None
    training_sha256: str | None
    validation_sha256: str | None
    base_model: str | None
    job_id: str | None
    usd: float | None
    usd_high: float | None
    price: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """The document: `schemas/savedplan.v1.schema.json`. `request` is what was asked for."""

    apiVersion: Literal["finetuning.reconciler/v1"] = "finetuning.reconciler/v1"  # noqa: N815 - its name there
    kind: Literal["SavedPlan"] = "SavedPlan"
    namespace: str
    sandbox: bool
    lineage: str
    serial: int
    checksum: str
    request: Request
    steps: tuple[PinnedStep, ...]


def saved(decided: Plan, request: Request, *, namespace: str, sandbox: bool) -> SavedPlan:
    """What a reviewer of this plan agrees to."""
    return SavedPlan(
        namespace=namespace,
        sandbox=sandbox,
        lineage=decided.lineage,
        serial=decided.serial,
        checksum=checksum(decided),
        request=request,
        steps=tuple(_pinned(step) for step in _acting(decided)),
    )


def encode(plan: SavedPlan) -> bytes:
    """The document as bytes: the same for the same plan."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def decode(data: bytes, where: str) -> SavedPlan:
    """The plan in these bytes. Raises ConfigError where they hold none."""
    try:
        return msgspec.json.decode(data, type=SavedPlan)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"{where} is no saved plan: {error}", hint="reconcile plan --out writes one"
        ) from None


def moved(reviewed: SavedPlan, now: SavedPlan) -> tuple[str, ...]:
    """Everything that would be done otherwise than it was reviewed, in words; () for nothing."""
    return tuple(_differences(reviewed, now))


def _differences(reviewed: SavedPlan, now: SavedPlan) -> Iterator[str]:
    if reviewed.sandbox != now.sandbox:
        where = {True: "in the sandbox", False: "for the real providers"}
        yield f"it was made {where[reviewed.sandbox]}, and this is {where[now.sandbox]}"
    if reviewed.namespace != now.namespace:
        yield f"it is of the namespace {reviewed.namespace}, and this is {now.namespace}"
    if reviewed.serial and reviewed.lineage != now.lineage:  # serial 0: there was no state yet
        yield f"it was made with the state {reviewed.lineage}, and this is {now.lineage}"
    before, after = _by_token(reviewed), _by_token(now)
    for token in dict.fromkeys((*before, *after)):
        yield from _difference(before.get(token), after.get(token))


def _difference(before: PinnedStep | None, after: PinnedStep | None) -> Iterator[str]:
    match before, after:
        case PinnedStep(), None:
            yield f"{before.name}: {before.action} was planned, and is not to be done any more"
        case None, PinnedStep():
            yield f"{after.name}: {after.action} was not planned ({after.token})"
        case PinnedStep(), PinnedStep():
            for field, what in _COMPARED.items():
                old, new = getattr(before, field), getattr(after, field)
                if old != new:
                    yield f"{before.name}: {what} {_word(old)} → {_word(new)}"
        case _:
            return


_COMPARED: Mapping[str, str] = {
    "action": "action",
    "name": "name",
    "digest": "digest",
    "training_sha256": "training data",
    "validation_sha256": "validation data",
    "provider": "provider",
    "base_model": "base model",
    "job_id": "job",
    "usd": "cost in US dollars",
    "usd_high": "highest cost in US dollars",
    "price": "price",
}
"""What may differ under one token, which stands for the spec and its data."""


def _word(value: object) -> str:
    return "unknown" if value in (None, "") else str(value)


def _by_token(plan: SavedPlan) -> dict[str, PinnedStep]:
    return {step.token: step for step in plan.steps}


def _acting(decided: Plan) -> tuple[Step, ...]:
    return decided.of(Action.CREATE, Action.ADOPT, Action.CANCEL)


def _pinned(step: Step) -> PinnedStep:
    spec, estimate = step.spec, step.estimate
    return PinnedStep(
        action=step.action,
        reason=step.reason.value,
        token=step.token,
        name=step.name,
        provider=step.provider,
        digest=spec.digest if spec else None,
        training_sha256=spec.training.sha256 if spec else None,
        validation_sha256=spec.validation.sha256 if spec and spec.validation else None,
        base_model=step.base_model,
        job_id=step.job.id if step.job else None,
        usd=estimate.usd if estimate else None,
        usd_high=estimate.usd_high if estimate else None,
        price=estimate.price if estimate else "",
    )
