"""Why Fireworks refuses a create, and what it takes before it is worth sending again.

`adapter` and `datasets` classify every refusal through here. Pure. The statuses in SURELY_REFUSED
are an allow-list: whatever else comes back, a job may exist. What a 409 means, the job itself
tells. Messages may be empty (a 403 without a word has been seen often), so that the code decides.
"""

from __future__ import annotations

import re

from reconciler.errors import CreateRejected, Remedy
from reconciler.providers.refusal import Refusal

SURELY_REFUSED = frozenset({400, 401, 403, 404, 412, 413, 415, 422, 429})
"""Answers after which there is surely no job: the server read the request and said no to it."""

SUSPENDED = 412
"""An account that is suspended, or to which the model's training is not open."""

QUOTA_SECONDS = 900.0
"""Between two tries at a quota: it counts accelerators in use, and comes free when a job ends."""

_RATE_SECONDS = 30.0
_DATASET_SECONDS = 20.0  # a dataset is looked over within seconds to minutes
_SOON = 300.0

_MONEY = re.compile(
    r"billing|payment|spend|credit|balance|suspend|delinquent|invoice", re.IGNORECASE
)
_RATE = re.compile(r"rate.?limit|too many requests|requests? per", re.IGNORECASE)
_NOT_READY = re.compile(
    r"dataset.*(not ready|uploading|being (validated|processed))", re.IGNORECASE
)
_TUNABLE = re.compile(r"tunable|full.?parameter|lora", re.IGNORECASE)


def rejection(refused: Refusal, name: str, key_env: str) -> CreateRejected:
    """A refusal in SURELY_REFUSED as the error that says what to do about it.

    `name` and `key_env` are the provider's in reconciler.yaml.
    """
    remedy, wait = _remedy(refused)
    return CreateRejected(
        f"{name} refused: {refused}",
        remedy=remedy,
        code=refused.code,
        retry_after=wait,
        hint=_hint(refused, remedy, name, key_env),
    )


def _remedy(refused: Refusal) -> tuple[Remedy, float | None]:
    if _MONEY.search(refused.message):
        return Remedy.FIX_ACCOUNT, None
    match refused.status:
        case 401 | 403 | 412:
            return Remedy.FIX_ACCOUNT, None
        case 429:
            return _limit(refused)
        case 400 if _NOT_READY.search(refused.message):
            return Remedy.RETRY_NOW, refused.retry_after or _DATASET_SECONDS
        case _:
            return Remedy.FIX_SPEC, None


def _limit(refused: Refusal) -> tuple[Remedy, float]:
    """A rate passes within seconds; a quota is a ceiling, and asking often does not lift it."""
    if not _RATE.search(refused.message) and refused.retry_after is None:
        return Remedy.RETRY_LATER, QUOTA_SECONDS
    wait = _RATE_SECONDS if refused.retry_after is None else refused.retry_after
    return (Remedy.RETRY_NOW if wait <= _SOON else Remedy.RETRY_LATER), wait


def _hint(refused: Refusal, remedy: Remedy, name: str, key_env: str) -> str:
    match remedy:
        case Remedy.FIX_ACCOUNT if _MONEY.search(refused.message):
            return f"see to the billing of the account at {name}: https://fireworks.ai/billing"
        case Remedy.FIX_ACCOUNT if refused.status == SUSPENDED:
            return f"the account at {name} is suspended, or this model's training is not open to it"
        case Remedy.FIX_ACCOUNT:
            return (
                f"check {key_env}, providers.{name}.account_id, and that the account may train and"
                " has a balance"
            )
        case Remedy.FIX_SPEC if refused.status == 404:  # noqa: PLR2004 - HTTP's own number
            return "check spec.model and the ids of the datasets"
        case Remedy.FIX_SPEC if _TUNABLE.search(refused.message):
            return "set spec.fireworks.lora_rank (8 is usual): few models take full training"
        case Remedy.FIX_SPEC if refused.param:
            return f"Fireworks names the field {refused.param}"
        case Remedy.FIX_SPEC:
            return "correct the spec or its data"
        case Remedy.RETRY_NOW | Remedy.RETRY_LATER:
            return "it is sent again by itself when it is due"
