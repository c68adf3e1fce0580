"""The base models that the sandbox knows, as OpenAI's pages described them in autumn 2026.

`create_request` asks which may be tuned how, `models` lists them. The sandbox goes on tuning what
OpenAI has shut down: a demonstration of reinforcement needs a model that can do it. The date of the
shutdown is told, and what to make of it is the client's decision.
"""

from __future__ import annotations

from dataclasses import dataclass

_AUTUMN_2026 = "2026-10-23"
_JANUARY_2027 = "2027-01-14"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """A model of OpenAI's own. `methods` is empty where it cannot be tuned.

    `data` is the form of its training data, `created` unix seconds, `shutdown` a date.
    """

    id: str
    aliases: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    data: str = "chat"
    created: int
    shutdown: str | None = None


BASE_MODELS = (
    BaseModel(
        id="gpt-4.1-2025-04-14",
        aliases=("gpt-4.1",),
        methods=("supervised", "dpo"),
        created=1_744_315_746,
        shutdown=_JANUARY_2027,
    ),
    BaseModel(
        id="gpt-4.1-mini-2025-04-14",
        aliases=("gpt-4.1-mini",),
        methods=("supervised", "dpo"),
        created=1_744_317_547,
        shutdown=_JANUARY_2027,
    ),
    BaseModel(
        id="gpt-4.1-nano-2025-04-14",
        aliases=("gpt-4.1-nano",),
        methods=("supervised", "dpo"),
        created=1_744_321_025,
        shutdown=_AUTUMN_2026,
    ),
    BaseModel(
        id="gpt-4o-2024-08-06",
        aliases=("gpt-4o",),
        methods=("supervised", "dpo"),
        created=1_722_814_719,
        shutdown=_JANUARY_2027,
    ),
    BaseModel(id="gpt-4o-2024-11-20", created=1_739_331_543, shutdown=_JANUARY_2027),
    BaseModel(
        id="gpt-4o-mini-2024-07-18",
        aliases=("gpt-4o-mini",),
        methods=("supervised", "dpo"),
        created=1_721_172_717,
        shutdown=_JANUARY_2027,
    ),
    BaseModel(
        id="o4-mini-2025-04-16",
        aliases=("o4-mini",),
        methods=("reinforcement",),
        created=1_744_133_506,
        shutdown=_AUTUMN_2026,
    ),
    BaseModel(
        id="gpt-3.5-turbo-0125",
        aliases=("gpt-3.5-turbo",),
        methods=("supervised",),
        created=1_706_048_358,
        shutdown=_AUTUMN_2026,
    ),
    BaseModel(
        id="davinci-002",
        methods=("supervised",),
        data="completions",
        created=1_692_634_301,
        shutdown=_AUTUMN_2026,
    ),
    BaseModel(
        id="babbage-002",
        methods=("supervised",),
        data="completions",
        created=1_692_634_615,
        shutdown=_AUTUMN_2026,
    ),
)

_BY_NAME = {name: model for model in BASE_MODELS for name in (model.id, *model.aliases)}


def base_model(name: str) -> BaseModel | None:
    """The model by this name or alias."""
    return _BY_NAME.get(name)


def ancestor(fine_tuned_model: str) -> BaseModel | None:
    """The base model inside a name like `ft:gpt-4o-mini-2024-07-18:org::abc`."""
    prefix, _, rest = fine_tuned_model.partition(":")
    return base_model(rest.split(":")[0]) if prefix == "ft" else None
