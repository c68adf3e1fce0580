"""Identity, version 1, for ever: what is changed in here makes every spec train again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.cost import BaseModel
from reconciler.errors import Problem
from reconciler.identity import canonical_json, digest, identity, token
from reconciler.model import Dataset, JobSpec, Source

SMALL = JobSpec(
    namespace="default",
    name="support-bot",
    provider="openai",
    provider_type="openai",
    model="gpt-4.1-mini-2025-04-14",
    training=Dataset(path="specs/data/a.jsonl", sha256="a" * 64, size=1, present=True),
    source=Source(path="specs/support-bot.yaml", line=2),
)

FULL = replace(
    SMALL,
    name="support-bot-tone",
    model=None,
    model_from="support-bot",
    method="dpo",
    hyperparameters={"n_epochs": 3, "beta": 0.1, "learning_rate_multiplier": 2.0},
    method_options={"grader": {"type": "string_check", "name": "größe"}},
    validation=Dataset(reference="file-abc123"),
    suffix="tone",
    seed=0,
    integrations=({"type": "wandb", "wandb": {"project": "support", "tags": ["a", "b"]}},),
    metadata={"owner": "support", "cost_center": "42"},
    section={"extra_body": {"trainingType": "globalStandard"}},
    attempt=2,
)


def digest_of(spec: JobSpec, upstream_token: str | None = None) -> str:
    return digest(identity(spec, upstream_token))


def test_golden_a_small_spec() -> None:
    written = (
        '{"method":"supervised","model":"gpt-4.1-mini-2025-04-14","provider":"openai",'
        '"training":{"sha256":"' + "a" * 64 + '"}}'
    )
    assert canonical_json(identity(SMALL)) == written.encode()
    assert digest_of(SMALL) == hashlib.sha256(written.encode()).hexdigest()
    assert digest_of(SMALL) == "2ccfb929646615c95d9898c4cb7edea082c7c043219f765b651cb91d95b5dd7e"
    assert token("default", "support-bot", digest_of(SMALL)) == "support-bot-fc9a3ef457a79858"


def test_golden_a_full_spec() -> None:
    written = (
        '{"attempt":2,"hyperparameters":{"beta":0.1,"learning_rate_multiplier":2,"n_epochs":3},'
        '"integrations":[{"type":"wandb","wandb":{"project":"support","tags":["a","b"]}}],'
        '"metadata":{"cost_center":"42","owner":"support"},"method":"dpo",'
        '"method_options":{"grader":{"name":"größe","type":"string_check"}},'
        '"model":{"from":"support-bot-0123456789abcdef"},"provider":"openai",'
        '"section":{"extra_body":{"trainingType":"globalStandard"}},"seed":0,"suffix":"tone",'
        '"training":{"sha256":"' + "a" * 64 + '"},"validation":{"reference":"file-abc123"}}'
    )
    document = identity(FULL, "support-bot-0123456789abcdef")
    assert canonical_json(document).decode() == written
    assert digest(document) == "dd0465cede56e63deff7e2ae2939365ab2fd9dd5a4820be7cb94e7948231450d"
    assert (
        token("ml-team", "support-bot-tone", digest(document))
        == "support-bot-tone-91c103d7cd275b29"
    )


DECIDING: Mapping[str, Any] = {
    "provider": "azure",
    "model": "gpt-4.1-2025-04-14",
    "model_from": "other",
    "method": "reinforcement",
    "hyperparameters": {"n_epochs": 4},
    "method_options": {"grader": {"type": "python"}},
    "training": Dataset(sha256="b" * 64),
    "validation": Dataset(sha256="b" * 64),
    "suffix": "x",
    "seed": 1,
    "integrations": ({"type": "wandb", "wandb": {"project": "other"}},),
    "metadata": {"owner": "other"},
    "section": {"extra_body": {}},
    "conversion": "another form of the same data",
    "attempt": 1,
    "retry": 1,
}

STEERING: Mapping[str, Any] = {
    "provider_type": "bedrock",
    "top_level_hyperparameters": True,
    "retry_limit": 3,
    "deadline": 3600.0,
    "previous_names": ("older-bot",),
    "base": BaseModel(id="gpt-4.1-mini-2025-04-14", provider="openai"),
    "warnings": (Problem("specs/data/a.jsonl", 1, 1, "twice"),),
    "suspend": True,
    "deletion_policy": "cancel",
    "translation": ("n_epochs → epochCount 2",),
    "unready": "no bucket",
    "unready_hint": "set one",
    "labels": {"team": "support"},
    "source": Source(path="elsewhere.yaml", line=99, commit="abc"),
    "identity": {"x": 1},
    "digest": "x",
    "token": "x",
}

IN_THE_TOKEN = {"namespace", "name"}


@pytest.mark.parametrize("name", DECIDING)
def test_what_decides_the_model_changes_the_digest(name: str) -> None:
    changed = replace(SMALL, **{name: DECIDING[name]})
    assert digest_of(changed, "up-1") != digest_of(SMALL, "up-1")


@pytest.mark.parametrize("name", sorted(DECIDING.keys() - {"model", "model_from"}))
def test_beside_every_other_field_too(name: str) -> None:
    changed = replace(FULL, **{name: DECIDING[name]})
    assert digest_of(changed, "up-1") != digest_of(FULL, "up-1")


@pytest.mark.parametrize("name", STEERING)
def test_what_only_steers_us_does_not(name: str) -> None:
    assert digest_of(replace(SMALL, **{name: STEERING[name]})) == digest_of(SMALL)


def test_a_permission_decides_nothing() -> None:
    allowed = replace(SMALL, section={"accept_shutdown": True})
    assert identity(allowed) == identity(SMALL)


def test_every_field_of_a_spec_is_known_to_decide_or_to_steer() -> None:
    known = DECIDING.keys() | STEERING.keys() | IN_THE_TOKEN
    assert {field.name for field in fields(JobSpec)} == known


@pytest.mark.parametrize(
    "training",
    [
        pytest.param(Dataset(path="b.jsonl", sha256="a" * 64), id="another path"),
        pytest.param(Dataset(sha256="a" * 64, present=False), id="absent, but pinned"),
        pytest.param(
            Dataset(sha256="a" * 64, size=9, examples=3, format="chat", present=True),
            id="what is known of the bytes",
        ),
    ],
)
def test_data_is_its_bytes_wherever_they_lie(training: Dataset) -> None:
    assert digest_of(replace(SMALL, training=training)) == digest_of(SMALL)


def test_what_trains_upstream_is_part_of_what_trains_here() -> None:
    chained = replace(SMALL, model=None, model_from="support-bot")
    assert digest_of(chained, "support-bot-1") != digest_of(chained, "support-bot-2")
    renamed = replace(chained, model_from="renamed")
    assert digest_of(renamed, "support-bot-1") == digest_of(chained, "support-bot-1")


@pytest.mark.parametrize("left_to_the_provider", ["auto", None])
def test_auto_is_the_same_as_nothing(left_to_the_provider: str | None) -> None:
    auto = replace(SMALL, hyperparameters={"n_epochs": left_to_the_provider})
    assert identity(auto) == identity(SMALL)


def test_a_whole_float_is_its_integer() -> None:
    def with_multiplier(value: float) -> str:
        return digest_of(replace(SMALL, hyperparameters={"learning_rate_multiplier": value}))

    assert with_multiplier(2.0) == with_multiplier(2)
    assert with_multiplier(1e-5) == with_multiplier(0.00001)
    assert with_multiplier(2.5) != with_multiplier(2)


def test_seed_0_is_a_seed() -> None:
    assert digest_of(replace(SMALL, seed=0)) != digest_of(SMALL)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_carry_has_no_identity(value: Any) -> None:
    with pytest.raises(ValueError, match=r"JSON compliant|surrogates not allowed"):
        canonical_json({"x": value})


_json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=10,
)


def _reversed(value: Any) -> Any:
    match value:
        case dict():
            return {key: _reversed(value[key]) for key in reversed(value)}
        case list():
            return [_reversed(item) for item in value]
        case _:
            return value


@settings(deadline=None)
@given(_json)
def test_the_order_of_keys_does_not_matter(value: Any) -> None:
    assert canonical_json(_reversed(value)) == canonical_json(value)


@settings(deadline=None)
@given(_json, _json)
def test_different_values_are_spelt_differently(one: Any, other: Any) -> None:
    def typed(value: Any) -> Any:
        """As JSON sees it: true is not 1, but 1.0 is."""
        match value:
            case bool() | None | str():
                return (type(value).__name__, value)
            case list():
                return ("list", [typed(item) for item in value])
            case dict():
                return ("dict", {key: typed(item) for key, item in value.items()})
            case _:
                return ("number", value)

    same = typed(one) == typed(other)
    assert (canonical_json(one) == canonical_json(other)) is same


@settings(deadline=None)
@given(_json)
def test_canonical_json_is_json(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        # AWS's service model of Bedrock, 2026-10, with its length limits
        ("Bedrock jobName", r"(?=.{1,63}$)[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*"),
        ("Bedrock customModelName", r"(?=.{1,63}$)([0-9a-zA-Z][_-]?){1,63}"),
        ("Bedrock clientRequestToken", r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,254}[a-zA-Z0-9])?"),
        ("Bedrock tag value", r"[a-zA-Z0-9\s._:/=+@-]{0,256}"),
        # Fireworks' resource ids, as its documentation words them
        ("Fireworks id", r"(?=.{1,63}$)[a-z]([a-z0-9-]*[a-z0-9])?"),
        # OpenAI's OpenAPI description, 2026-08: a metadata value has at most 512 characters
        ("OpenAI metadata value", r".{1,512}"),
        ("what its contract says", r"(?=.{1,57}$)[a-z][a-z0-9-]*-[0-9a-f]{16}"),
    ],
)
@settings(deadline=None)
@given(
    name=st.lists(st.text("az09", min_size=1, max_size=9), min_size=1, max_size=4).map(
        lambda words: f"a{'-'.join(words)}"
    ),
    namespace=st.text(max_size=20),
)
def test_a_token_is_legal_everywhere(what: str, pattern: str, name: str, namespace: str) -> None:
    for each in (name, "a" * 40):
        assert re.fullmatch(pattern, token(namespace, each, "0" * 64)), what


def test_a_token_belongs_to_one_namespace_one_name_and_one_digest() -> None:
    tokens = {
        token(namespace, name, digest_)
        for namespace in ("a", "b")
        for name in ("x", "y")
        for digest_ in ("0" * 64, "1" * 64)
    }
    assert len(tokens) == 8
