"""Why OpenAI refuses a create, and what it takes before it is worth sending again.

`adapter`, `files` and `models` classify every refusal through here. Pure. The statuses in
SURELY_REFUSED are an allow-list: whatever else comes back, a job may exist.
"""

from __future__ import annotations

import re

from reconciler.errors import CreateRejected, Remedy
from reconciler.providers.refusal import Refusal

SURELY_REFUSED = frozenset({400, 401, 403, 404, 413, 415, 422, 429})
"""Answers after which there is surely no job: the server read the request and said no to it."""

NO_MONEY = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "account_deactivated",
    }
)
"""Codes that no waiting mends. OpenAI sends most of them with status 429."""

DAILY_SECONDS = 3600.0
"""Between two tries at a daily limit. It is a rolling window of 24 hours per organisation and
model (seen in the wild, 2026-02), so that a place may come free at any time of the day."""

CLOSED_SECONDS = 24 * 3600.0
"""Between two tries where the account may create no jobs at all: nobody mends that in a minute, and
a refusal that means it is not to be hammered at. Raising spec.attempt tries at once."""

_FILE_SECONDS = 20.0  # a file is looked over within seconds to minutes of its upload
_RATE_SECONDS = 30.0  # where a rate limit says nothing
_SOON = 300.0
_NOT_FOUND = 404

_PROCESSING = re.compile(r"still being processed|not ready to be used", re.IGNORECASE)
_DAILY = re.compile(r"daily|per day", re.IGNORECASE)
_DOORS = (400, 403, 404)
_CLOSED = re.compile(
    r"(?=.*fine-?\s?tun)(?=.*(organi[sz]ation|account|project))"
    r".*(no longer|not (available|enabled|allowed|permitted|eligible)|"
    r"discontinu|deprecat|sunset|wind(ing)?[- ]down|closed)",
    re.IGNORECASE,
)
_WIND_DOWN = (
    "OpenAI has closed fine-tuning to new customers since 2026-05-07, to those without recent use"
    " since 2026-07-02, and takes no new jobs from anyone after 2027-01-06: train this spec at"
    " another provider"
)


def rejection(refused: Refusal, name: str, key_env: str, *, openai: bool) -> CreateRejected:
    """A refusal in SURELY_REFUSED as the error that says what to do about it.

    `name` and `key_env` are the provider's in reconciler.yaml; `openai` says that it is OpenAI
    itself, which is closing fine-tuning.
    """
    remedy, wait = _remedy(refused)
    return CreateRejected(
        f"{name} refused: {refused}",
        remedy=remedy,
        code=refused.code,
        retry_after=wait,
        hint=_hint(refused, remedy, name, key_env, openai=openai),
    )


def surely_none(refused: Refusal) -> bool:
    """Whether a 404 is the API's word on the id that was asked for.

    The page of a web server is not, nor OpenAI's answer to a path that it has not: both only say
    that the base URL is wrong.
    """
    lost = refused.message.startswith(("Invalid URL", "Unknown request URL"))
    return refused.status == _NOT_FOUND and refused.structured and not lost


def _remedy(refused: Refusal) -> tuple[Remedy, float | None]:
    if _closed(refused):
        return Remedy.FIX_ACCOUNT, CLOSED_SECONDS
    if refused.code in NO_MONEY:
        return Remedy.FIX_ACCOUNT, None
    match refused.status:
        case 429:
            return _rate_limit(refused)
        case 401 | 403:
            return Remedy.FIX_ACCOUNT, None
        case 400 if _PROCESSING.search(refused.message):
            return Remedy.RETRY_NOW, refused.retry_after or _FILE_SECONDS
        case _:
            return Remedy.FIX_SPEC, None


def _rate_limit(refused: Refusal) -> tuple[Remedy, float]:
    if _DAILY.search(refused.code) or _DAILY.search(refused.message):
        return Remedy.RETRY_LATER, max(refused.retry_after or 0.0, DAILY_SECONDS)
    wait = _RATE_SECONDS if refused.retry_after is None else refused.retry_after
    return (Remedy.RETRY_NOW if wait <= _SOON else Remedy.RETRY_LATER), wait


def _closed(refused: Refusal) -> bool:
    """Whether the account may create no more jobs. OpenAI publishes no code for it."""
    return refused.status in _DOORS and bool(_CLOSED.search(refused.message))


def _hint(refused: Refusal, remedy: Remedy, name: str, key_env: str, *, openai: bool) -> str:
    if openai and (refused.status == 403 or _closed(refused)):  # noqa: PLR2004 - HTTP's own number
        return _WIND_DOWN
    match remedy:
        case Remedy.FIX_ACCOUNT if refused.code in NO_MONEY:
            return f"see to the billing of the account at {name}"
        case Remedy.FIX_ACCOUNT:
            return f"check {key_env}, and that its account and project may create fine-tuning jobs"
        case Remedy.FIX_SPEC if refused.status == _NOT_FOUND:
            return f"check spec.model, the data's file ids, and providers.{name}.base_url"
        case Remedy.FIX_SPEC if refused.param:
            return f"correct spec.{refused.param}"
        case Remedy.FIX_SPEC:
            return "correct the spec or its data"
        case Remedy.RETRY_NOW | Remedy.RETRY_LATER:
            return "it is sent again by itself when it is due"
