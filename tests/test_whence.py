"""From a model back: by every name it may be asked for, and along chains of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import whence
from reconciler.identity import digest, token
from reconciler.model import Binding, Job, JobError, JobStatus, Record, State
from reconciler.whence import Origin, origins
from tests.fakes import make_record, make_spec

ARN = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-micro-v1:0/abc123"
FULL_NAME = "accounts/acme/models/support-bot-0123"


def done(number: int, model: str | None = None) -> Job:
    return Job(
        id=f"ftjob-{number}",
        status=JobStatus.SUCCEEDED,
        provider_status="succeeded",
        fine_tuned_model=f"ft:model-{number}" if model is None else model,
    )


def record(name: str, job: Job | None, *, upstream: Record | str | None = None) -> Record:
    """A record as state holds it; `upstream` is what it was trained on, or a token."""
    spec = make_spec(name)
    identity = dict(spec.identity)
    if upstream is not None:
        from_ = upstream if isinstance(upstream, str) else upstream.token
        identity["model"] = {"from": from_}
    digest_ = digest(identity)
    return replace(
        make_record(spec),
        identity=identity,
        digest=digest_,
        token=token("default", name, digest_),
        binding=Binding.BOUND if job else Binding.PENDING,
        job=job,
    )


def state(*records: Record) -> State:
    return State(lineage="l", records={each.token: each for each in records})


def chain(length: int) -> list[Record]:
    """Records of specs that each train on the model of the one before."""
    made = [record("job-0", done(0))]
    for number in range(1, length):
        made.append(record(f"job-{number}", done(number), upstream=made[-1]))
    return made


def walked(origin: Origin | None) -> list[Record]:
    """The records along a chain, the newest first."""
    found = []
    while origin is not None:
        found.append(origin.record)
        origin = origin.base
    return found


SUPPORT = record("support-bot", done(1, "ft:gpt-4.1-mini:acme:support:9aBc"))
NOVA = record("intents", done(2, ARN))
LLAMA = record("tone", done(3, FULL_NAME))
PENDING = record("pending", None)
KNOWN = state(SUPPORT, NOVA, LLAMA, PENDING)


@pytest.mark.parametrize(
    ("asked", "found", "checkpoint"),
    [
        pytest.param("ft:gpt-4.1-mini:acme:support:9aBc", [SUPPORT], False, id="its id"),
        pytest.param(
            "ft:gpt-4.1-mini:acme:support:9aBc:ckpt-step-20", [SUPPORT], True, id="a checkpoint"
        ),
        pytest.param("ftjob-1", [SUPPORT], False, id="the id of its job"),
        pytest.param(SUPPORT.token, [SUPPORT], False, id="its token"),
        pytest.param(PENDING.token, [PENDING], False, id="a token that has no job yet"),
        pytest.param(ARN, [NOVA], False, id="an ARN"),
        pytest.param("abc123", [NOVA], False, id="the end of an ARN"),
        pytest.param(FULL_NAME, [LLAMA], False, id="a full name"),
        pytest.param("support-bot-0123", [LLAMA], False, id="the end of a full name"),
        pytest.param("ft:gpt-4.1-mini:acme:support", [], False, id="the beginning is not enough"),
        pytest.param("ft:gpt-4.1-mini:acme:support:9aBcD", [], False, id="one letter too many"),
        pytest.param("bc123", [], False, id="a part of the end"),
        pytest.param("support-bot", [], False, id="a spec's name is no model"),
        pytest.param("gpt-4.1-mini", [], False, id="a base model"),
    ],
)
def test_by_what_a_model_is_found(asked: str, found: Sequence[Record], checkpoint: bool) -> None:
    answer = origins(asked, KNOWN)
    assert [origin.record for origin in answer] == found
    assert [origin.checkpoint for origin in answer] == [asked if checkpoint else None] * len(found)


def test_two_accounts_may_have_the_same_id() -> None:
    other = record("other", done(1, "ft:other"))
    answer = origins("ftjob-1", state(SUPPORT, other))
    assert [origin.record for origin in answer] == [SUPPORT, other]


def test_a_job_that_failed_left_no_model_and_is_found_by_its_id() -> None:
    job = replace(done(9), status=JobStatus.FAILED, fine_tuned_model=None)
    failed = record("failed", job)
    assert [origin.record for origin in origins("ftjob-9", state(failed))] == [failed]
    assert origins("ft:model-9", state(failed)) == ()


def test_an_empty_state_knows_of_nothing() -> None:
    assert origins("ftjob-1", state()) == ()


class TestChains:
    @given(st.integers(1, 40))
    def test_it_leads_to_the_first_of_all(self, length: int) -> None:
        made = chain(length)
        (origin,) = origins(f"ft:model-{length - 1}", state(*made))
        assert walked(origin) == made[::-1]

    def test_a_base_model_of_the_vendors_is_no_record(self) -> None:
        (origin,) = origins("ftjob-1", KNOWN)
        assert origin.base is None

    def test_it_ends_where_state_has_forgotten(self) -> None:
        made = chain(3)
        (origin,) = origins("ft:model-2", state(*made[1:]))
        assert walked(origin) == [made[2], made[1]]

    def test_a_checkpoint_is_of_the_last_link_only(self) -> None:
        (origin,) = origins("ft:model-1:ckpt-step-5", state(*chain(2)))
        assert origin.checkpoint == "ft:model-1:ckpt-step-5"
        assert origin.base is not None
        assert origin.base.checkpoint is None

    def test_of_an_upstream_that_was_tried_again_the_attempt_that_succeeded(self) -> None:
        fault = JobError(code="server_error", message="Internal error")
        job = replace(done(1), status=JobStatus.FAILED, fine_tuned_model=None, error=fault)
        first = record("sft", job)
        again = {**first.identity, "retry": 1}
        second = replace(
            first,
            identity=again,
            digest=digest(again),
            token=token("default", "sft", digest(again)),
            job=done(2),
        )
        follower = record("dpo", done(3), upstream=first)
        (origin,) = origins("ft:model-3", state(first, second, follower))
        assert walked(origin) == [follower, second]


def test_nothing_is_changed_by_asking() -> None:
    before = dict(KNOWN.records)
    whence.origins("ftjob-1", KNOWN)
    assert KNOWN.records == before


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_which_only_an_edited_state_has_is_walked_once(length: int) -> None:
    made = [record(f"job-{number}", done(number)) for number in range(length)]
    ring = [
        replace(one, identity={**one.identity, "model": {"from": made[(at + 1) % length].token}})
        for at, one in enumerate(made)
    ]
    (origin,) = origins("ft:model-0", state(*ring))
    assert len(walked(origin)) == length


def test_a_chain_may_be_thousands_long() -> None:
    (origin,) = origins("ft:model-2999", state(*chain(3_000)))
    assert len(walked(origin)) == 3_000
