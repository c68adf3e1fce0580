"""The sidecar: pure projection, byte-stable file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import schema
from reconciler.cost import Estimate
from reconciler.errors import Remedy
from reconciler.model import (
    Action,
    Binding,
    Job,
    JobError,
    JobSpec,
    JobStatus,
    Reason,
    Record,
    Rejection,
    State,
    Step,
)
from reconciler.status import job_object, project, sidecar_path, write_sidecar
from reconciler.yamlio import load
from tests.fakes import NOW, make_record, make_spec

SPEC = make_spec()
JOB = Job(
    id="ftjob-1",
    status=JobStatus.RUNNING,
    provider_status="running",
    created_at=int(NOW),
    model="gpt-4.1-mini-2025-04-14",
    training_file="file-1",
    seed=42,
    hyperparameters={"n_epochs": 3},
)
DONE = replace(
    JOB,
    status=JobStatus.SUCCEEDED,
    provider_status="succeeded",
    fine_tuned_model="ft:x",
    trained_tokens=51234,
    finished_at=int(NOW) + 60,
    result_files=("file-r",),
)
FAILED = replace(
    JOB,
    status=JobStatus.FAILED,
    provider_status="failed",
    error=JobError(code="invalid_training_file", message="Example 3 is bad"),
)

SEVENTEEN = {
    *("id", "created_at", "error", "fine_tuned_model", "finished_at", "hyperparameters", "model"),
    *("object", "organization_id", "result_files", "status", "trained_tokens", "training_file"),
    *("validation_file", "seed", "integrations", "estimated_finish"),
}


def bound(job: Job, spec: JobSpec = SPEC) -> Record:
    return make_record(spec, binding=Binding.BOUND, job=job)


def rejected() -> Record:
    rejection = Rejection(remedy=Remedy.FIX_SPEC, code="model_not_found", message="no", at=NOW)
    return make_record(binding=Binding.REJECTED, rejection=rejection)


def state(*records: Record) -> State:
    return State(lineage="l", records={record.token: record for record in records})


def hold(reason: Reason) -> Step:
    return Step(
        action=Action.HOLD,
        reason=reason,
        token=SPEC.token,
        name=SPEC.name,
        provider=SPEC.provider,
        message="why",
        hint="what to do",
    )


def status(*records: Record, step: Step | None = None) -> dict[str, Any]:
    document = project(SPEC, state(*records), step)
    as_written = yaml.safe_load(yaml.safe_dump(document))
    (parsed,) = load(yaml.safe_dump(as_written).encode(), "x.status.yaml")
    assert schema.problems("finetuningjobstatus", parsed) == []
    found: dict[str, Any] = document["status"]
    return found


@pytest.mark.parametrize(
    ("record", "step", "phase"),
    [
        pytest.param(None, None, "Pending", id="nothing yet"),
        pytest.param(None, hold(Reason.SUSPENDED), "Held", id="suspended"),
        pytest.param(None, hold(Reason.WAITING_FOR_SPEC), "Held", id="waiting for a spec"),
        pytest.param(None, hold(Reason.PROVIDER_UNAVAILABLE), "Pending", id="an outage is no hold"),
        pytest.param(make_record(), None, "Unknown", id="unanswered create"),
        pytest.param(rejected(), None, "Held", id="refused"),
        pytest.param(bound(JOB), None, "Running", id="running"),
        pytest.param(bound(replace(JOB, status=JobStatus.QUEUED)), None, "Pending", id="queued"),
        pytest.param(bound(replace(JOB, status=JobStatus.PAUSED)), None, "Paused", id="paused"),
        pytest.param(bound(DONE), None, "Succeeded", id="succeeded"),
        pytest.param(bound(FAILED), None, "Failed", id="failed"),
        pytest.param(
            bound(replace(JOB, status=JobStatus.CANCELLED)), None, "Cancelled", id="cancelled"
        ),
        pytest.param(
            bound(replace(JOB, status=JobStatus.UNKNOWN)), None, "Unknown", id="unknown word"
        ),
        pytest.param(bound(DONE), hold(Reason.JOB_MISSING), "Unknown", id="vanished"),
    ],
)
def test_phase(record: Record | None, step: Step | None, phase: str) -> None:
    records = (record,) if record else ()
    assert status(*records, step=step)["phase"] == phase


class TestJobObject:
    def test_has_the_seventeen_fields_whatever_the_provider_said(self) -> None:
        bare = Job(id="j", status=JobStatus.QUEUED, provider_status="queued")
        assert set(job_object(bare)) - {"provider_status"} == SEVENTEEN
        assert job_object(bare)["object"] == "fine_tuning.job"

    def test_keeps_method_and_metadata_where_present(self) -> None:
        job = replace(JOB, method={"type": "dpo"}, metadata={"a": "b"})
        assert set(job_object(job)) == {*SEVENTEEN, "provider_status", "method", "metadata"}

    def test_an_unknown_word_reads_as_running_and_is_kept(self) -> None:
        job = replace(JOB, status=JobStatus.UNKNOWN, provider_status="defragmenting")
        document = job_object(job)
        assert (document["status"], document["provider_status"]) == ("running", "defragmenting")

    def test_an_error_has_its_three_fields(self) -> None:
        assert job_object(FAILED)["error"] == {
            "code": "invalid_training_file",
            "message": "Example 3 is bad",
            "param": None,
        }


class TestModels:
    def test_a_model_to_use_now_outlives_an_edit(self) -> None:
        earlier = make_spec(seed=1)
        found = status(bound(DONE, earlier), bound(JOB))
        assert found["fine_tuned_model"] is None
        assert found["last_succeeded"] == {
            "fine_tuned_model": "ft:x",
            "trained_tokens": 51234,
            "job_id": "ftjob-1",
            "digest": earlier.digest,
            "finished_at": int(NOW) + 60,
        }

    def test_previous_jobs_newest_first(self) -> None:
        old = bound(replace(DONE, id="old", created_at=1), make_spec(seed=1))
        older = bound(replace(DONE, id="older", created_at=0), make_spec(seed=2))
        found = status(older, old, bound(JOB))
        assert [job["job_id"] for job in found["previous"]] == ["old", "older"]

    def test_other_names_and_namespaces_are_not_previous(self) -> None:
        others = (bound(DONE, make_spec("other")), bound(DONE, make_spec(namespace="research")))
        assert status(*others)["previous"] == []


class TestConditions:
    def conditions(self, *records: Record, step: Step | None = None) -> dict[str, tuple[str, str]]:
        found = status(*records, step=step)["conditions"]
        return {c["type"]: (c["status"], c["reason"]) for c in found}

    def test_running(self) -> None:
        assert self.conditions(bound(JOB)) == {
            "Synced": ("True", "JobBound"),
            "Ready": ("False", "Running"),
        }

    def test_succeeded(self) -> None:
        assert self.conditions(bound(DONE))["Ready"] == ("True", "Succeeded")

    def test_failed_waits_for_somebody(self) -> None:
        assert self.conditions(bound(FAILED))["Stalled"] == ("True", "JobFailed")

    def test_refused_waits_for_somebody(self) -> None:
        assert self.conditions(rejected()) == {
            "Synced": ("False", "CreateRejected"),
            "Ready": ("False", "NoJob"),
            "Stalled": ("True", "model_not_found"),
        }

    def test_waiting_for_a_spec_is_not_stalled(self) -> None:
        step = hold(Reason.WAITING_FOR_SPEC)
        assert "Stalled" not in self.conditions(step=step)


class TestFile:
    def test_lies_beside_the_spec(self) -> None:
        assert sidecar_path(Path("/r"), SPEC) == Path("/r/specs/support-bot.status.yaml")

    def test_is_written_only_when_bytes_differ(self, tmp_path: Path) -> None:
        path, elsewhere = tmp_path / "a.status.yaml", tmp_path / "else"
        document = project(SPEC, state(bound(JOB)))
        assert write_sidecar(path, document, elsewhere=elsewhere) == path
        before = path.stat()
        assert write_sidecar(path, document, elsewhere=elsewhere) is None
        assert path.stat() == before
        done = project(SPEC, state(bound(DONE)))
        assert write_sidecar(path, done, elsewhere=elsewhere) == path
        assert yaml.safe_load(path.read_text()) == done
        assert [p.name for p in tmp_path.iterdir()] == ["a.status.yaml"]

    def test_the_sandbox_never_replaces_the_truth(self, tmp_path: Path) -> None:
        path, elsewhere = tmp_path / "a.status.yaml", tmp_path / "sandbox" / "a.status.yaml"
        real = project(SPEC, state(bound(DONE)))
        play = project(SPEC, state(bound(JOB)), sandbox=True)
        write_sidecar(path, real, elsewhere=elsewhere)
        assert write_sidecar(path, play, elsewhere=elsewhere) == elsewhere
        assert write_sidecar(path, play, elsewhere=elsewhere) is None
        assert yaml.safe_load(path.read_text()) == real

    def test_the_truth_replaces_the_sandbox(self, tmp_path: Path) -> None:
        path, elsewhere = tmp_path / "a.status.yaml", tmp_path / "else"
        write_sidecar(path, project(SPEC, state(bound(JOB)), sandbox=True), elsewhere=elsewhere)
        real = project(SPEC, state(bound(DONE)))
        assert write_sidecar(path, real, elsewhere=elsewhere) == path
        assert not elsewhere.exists()


ESTIMATE = Estimate(
    tokens=50_000,
    tokens_low=50_000,
    tokens_high=60_000,
    epochs_low=3,
    epochs_high=3,
    exact=False,
    tokenizer="o200k_base",
    usd=0.25,
    usd_low=0.25,
    usd_high=0.3,
    price="$5.00 per 1M tokens",
)


def estimated(job: Job | None, estimate: Estimate | None = ESTIMATE) -> Any:
    record = make_record(SPEC, binding=Binding.BOUND, job=job, estimate=estimate)
    state = State(lineage="l", records={record.token: record})
    return project(SPEC, state)["status"]["estimated"]


def test_what_was_expected_stands_beside_what_was_trained() -> None:
    assert estimated(DONE) == {
        "tokens": 50_000,
        "tokens_high": 60_000,
        "exact": False,
        "cost_usd": 0.25,
        "cost_usd_high": 0.3,
        "price": "$5.00 per 1M tokens",
        "cost_usd_of_trained_tokens": 0.2562,
    }


def test_until_the_provider_says_how_much_was_trained_nobody_knows_its_cost() -> None:
    assert estimated(JOB)["cost_usd_of_trained_tokens"] is None
    assert estimated(DONE, replace(ESTIMATE, usd=None))["cost_usd_of_trained_tokens"] is None
    assert estimated(DONE, None) is None


def test_a_renamed_spec_keeps_its_history() -> None:
    older = make_record(SPEC, binding=Binding.BOUND, job=DONE)
    renamed = replace(SPEC, name="helpdesk", token="t", previous_names=(SPEC.name,))
    state = State(lineage="l", records={older.token: older})
    status = project(renamed, state)["status"]
    assert status["last_succeeded"]["fine_tuned_model"] == "ft:x"
    assert [one["token"] for one in status["previous"]] == [older.token]


def test_a_deleted_model_is_nothing_to_use() -> None:
    record = make_record(SPEC, binding=Binding.BOUND, job=DONE, model_deleted=True)
    status = project(SPEC, State(lineage="l", records={record.token: record}))["status"]
    assert status["last_succeeded"] is None


def test_a_job_that_took_too_long_says_so() -> None:
    stopped = replace(JOB, status=JobStatus.CANCELLED, provider_status="cancelled")
    record = make_record(
        SPEC, binding=Binding.BOUND, job=stopped, stopped_because="DeadlineExceeded"
    )
    conditions = project(SPEC, State(lineage="l", records={record.token: record}))["status"][
        "conditions"
    ]
    assert conditions[-1]["reason"] == "DeadlineExceeded"
