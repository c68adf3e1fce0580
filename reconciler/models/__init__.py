"""The table of base models: what each can be trained by, takes, costs, and until when.

`specs` looks up the model of every spec here, `cli` shows the table. It is what vendors' pages said
on a day, in `reconciler/data/models.json` with where each row comes from; a repository's own rows
beat it. It refuses nothing: a model that is not in the table is one that nobody told it of. Pure
but for reading that file, once and only when somebody asks.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.config import BedrockSettings, OpenAISettings, ProviderSettings, is_loopback
from reconciler.cost import BaseModel

FILE = Path(__file__).parents[1] / "data" / "models.json"

_OPENAI = "api.openai.com"
_LIBRARY = "accounts/fireworks/models/"
"""The full names of the models that Fireworks lets everyone train begin so."""

_CONTEXT = re.compile(r":\d+k$")
"""At the end of an id of Bedrock's: the length of context that is trained, `:128k`."""

_ARNS = ("foundation-model/", "custom-model/")
_FACTS = (
    "methods",
    "default_epochs",
    "max_tokens_per_example",
    "min_examples",
    "max_examples",
    "max_bytes",
    "tokenizer",
    "closes_on",
    "shuts_down_on",
)


def table(own: Sequence[BaseModel] = ()) -> tuple[BaseModel, ...]:
    """Every row, the built-in ones first. `own` rows replace those of the same provider and id.

    What an own row leaves out stays as the built-in row has it.
    """
    rows = list(_built_in())
    for row in own:
        for index, known in enumerate(rows):
            if known.provider == row.provider and _names(known) & _names(row):
                rows[index] = _over(known, row)
                break
        else:
            rows.append(row)
    return tuple(rows)


def lookup(
    model: str | None, settings: ProviderSettings, own: Sequence[BaseModel] = ()
) -> BaseModel | None:
    """What is known of a model at a provider; None where that is nothing.

    `model` is an id, an alias or an ARN, or the name of a fine-tuned model that holds its base. Of
    `own` rows, those with the provider's name beat those with its type, and both the built-in ones.
    OpenAI's terms hold at OpenAI, and but for its last days in the sandbox, where no model is ever
    closed unless an own row says so. At another server with its API they do not, nor do own rows
    for `openai`; only what follows from the model itself does.
    """
    if model is None:
        return None
    name = base_id(model)
    elsewhere = isinstance(settings, OpenAISettings) and not _is_openai(settings)
    found = _by_name().get((settings.type, name))
    if found is not None and elsewhere:
        found = _without_terms(found, settings.name)
    if found is not None and _is_local(settings):
        found = replace(found, closes_on=None, shuts_down_on=None)
    names = {name} if found is None else _names(found)
    for row in _own(settings, own, elsewhere=elsewhere):
        if names & _names(row):
            found = row if found is None else _over(found, row)
    return found


def base_id(model: str) -> str:
    """The base model in a name, without the length of its context; the name itself at the least.

    Knows OpenAI's `ft:BASE:org:suffix:id`, Azure's `BASE.ft-…`, ARNs of foundation and custom
    models, and full names of Fireworks' library.
    """
    if model.startswith("ft:"):
        return model.split(":")[1]
    for kind in _ARNS if model.startswith("arn:") else ():
        _, found, rest = model.partition(kind)
        if found:
            model = rest.partition("/")[0]
    base = model.removeprefix(_LIBRARY).partition(".ft-")[0]
    return _CONTEXT.sub("", base)


def closed(model: BaseModel, today: date) -> bool:
    """Whether no job is created for a model any more."""
    days = (model.closes_on, model.shuts_down_on)
    return any(day is not None and date.fromisoformat(day) <= today for day in days)


def shuts_down_within(model: BaseModel, today: date, days: int) -> date | None:
    """The day on which a model and its fine-tunes stop, if it comes in so many days or fewer."""
    if model.shuts_down_on is None:
        return None
    day = date.fromisoformat(model.shuts_down_on)
    return day if today < day <= today + timedelta(days=days) else None


@functools.cache
def _built_in() -> tuple[BaseModel, ...]:
    return tuple(_row(**row) for row in json.loads(FILE.read_bytes())["models"])


def _row(*, methods: Sequence[str] = (), aliases: Sequence[str] = (), **facts: Any) -> BaseModel:
    return BaseModel(methods=tuple(methods), aliases=tuple(aliases), **facts)


@functools.cache
def _by_name() -> Mapping[tuple[str, str], BaseModel]:
    """The built-in rows by their provider and each of their names."""
    return {(row.provider, name): row for row in _built_in() for name in _names(row)}


def _own(
    settings: ProviderSettings, own: Sequence[BaseModel], *, elsewhere: bool
) -> Iterator[BaseModel]:
    """The repository's rows that may speak of a provider's models, the weaker ones first."""
    if not elsewhere and settings.type != settings.name:
        yield from (row for row in own if row.provider == settings.type)
    yield from (row for row in own if row.provider == settings.name)


def _is_openai(settings: OpenAISettings) -> bool:
    host = (urlsplit(settings.base_url).hostname or "").lower()
    return host == _OPENAI or host.endswith(f".{_OPENAI}") or is_loopback(host)


def _is_local(settings: ProviderSettings) -> bool:
    """Whether it is a server on this machine, which outlives every vendor's calendar."""
    url = settings.endpoint_url if isinstance(settings, BedrockSettings) else settings.base_url
    return is_loopback(urlsplit(url or "").hostname or "")


def _without_terms(row: BaseModel, provider: str) -> BaseModel:
    """The row without what is OpenAI's to decide."""
    return replace(
        row,
        provider=provider,
        methods=(),
        usd_per_million_tokens=None,
        usd_per_hour=None,
        closes_on=None,
        shuts_down_on=None,
    )


def _names(row: BaseModel) -> set[str]:
    return {base_id(name) for name in (row.id, *row.aliases)}


def _over(row: BaseModel, own: BaseModel) -> BaseModel:
    """A row with what another says of the same model. A price is replaced as a whole."""
    said = {fact: getattr(own, fact) for fact in _FACTS if getattr(own, fact) not in (None, ())}
    if own.usd_per_million_tokens is not None or own.usd_per_hour is not None:
        said |= {
            "usd_per_million_tokens": own.usd_per_million_tokens,
            "usd_per_hour": own.usd_per_hour,
            "source": own.source,
            "as_of": own.as_of,
        }
    return replace(row, provider=own.provider, **said)
