"""Where we mean to differ from a gateway that translates the same words: one test each.

The gateway is Portkey's (npm 1.15.2, read and run 2026-11). It sends what it has a place for, and
drops the rest without a word; what is asserted here is what ours does instead.
"""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import Dataset, JobStatus
from reconciler.providers.bedrock import hyperparameters, rules, wire
from tests.providers.bedrock_bench import (
    BUCKET,
    CLAUDE,
    JOBS,
    NOVA,
    SETTINGS,
    arn,
    bench,
    make,
    request,
    shown,
)
from tests.providers.loopback import Reply, route, script
from tests.providers.test_bedrock_wire import answer

BODY = make(
    model=CLAUDE,
    suffix="support",
    hyperparameters={"n_epochs": 3, "batch_size": 8, "learning_rate_multiplier": 0.5},
    validation=Dataset(sha256="cd" * 32),
    metadata={"owner": "support"},
)


def sent(**fields: Any) -> dict[str, Any]:
    return wire.create_request(request(make(**fields) if fields else BODY), SETTINGS)


class TestCreate:
    def test_validation_data_are_validators(self) -> None:
        """The gateway: validationDataConfig = {s3Uri}, which AWS does not have."""
        uri = f"s3://{BUCKET}/finetune/{'cd' * 32}.jsonl"
        assert sent()["validationDataConfig"] == {"validators": [{"s3Uri": uri}]}

    def test_an_output_is_an_object(self) -> None:
        """The gateway: a bare text where the field is given, `…/undefined` where no suffix is."""
        own = sent(section={"output_s3_uri": "s3://results/"})
        assert own["outputDataConfig"] == {"s3Uri": "s3://results/"}
        assert sent(suffix=None)["outputDataConfig"] == {"s3Uri": f"s3://{BUCKET}/finetune/output/"}

    def test_hyperparameters_of_the_method_are_sent(self) -> None:
        """The gateway: lost, unless the deprecated top-level object is there too."""
        assert sent()["hyperParameters"] == {
            "epochCount": "3",
            "batchSize": "8",
            "learningRateMultiplier": "0.5",
        }

    @pytest.mark.parametrize("top_level", [True, False])
    def test_one_meaning_has_one_body(self, top_level: bool) -> None:
        body = sent(hyperparameters={"n_epochs": 3}, top_level_hyperparameters=top_level)
        assert body["hyperParameters"] == {"epochCount": "3"}

    def test_a_multiplier_goes_where_there_is_one_and_nowhere_else(self) -> None:
        """The gateway: learningRateMultiplier to every model, Titan and Nova too."""
        spec = make(model=NOVA, hyperparameters={"learning_rate_multiplier": 0.5})
        (violation,) = hyperparameters.violations(spec, NOVA)
        assert "never sent as a rate" in violation.message

    def test_zero_is_a_value(self) -> None:
        """The gateway: dropped, because it is falsy."""
        own = {"hyperparameters": {"learningRateWarmupSteps": 0}}
        assert sent(section=own)["hyperParameters"] == {"learningRateWarmupSteps": "0"}

    def test_bedrocks_own_hyperparameters_are_sent(self) -> None:
        """The gateway: only three names go through."""
        own = {"hyperparameters": {"learningRate": 1e-5}}
        assert sent(section=own)["hyperParameters"] == {"learningRate": "0.00001"}

    def test_a_job_is_named_after_its_spec(self) -> None:
        """The gateway: portkey-finetune-<a new uuid>, another one at every try."""
        assert sent()["jobName"] == sent()["clientRequestToken"] == BODY.token

    def test_a_model_always_has_a_name(self) -> None:
        """The gateway: no customModelName without a suffix, and AWS needs one."""
        spec = make(suffix=None)
        assert sent(suffix=None)["customModelName"] == f"support-bot-{spec.token[-16:]}"

    def test_metadata_become_tags(self) -> None:
        """The gateway: dropped."""
        assert {"key": "owner", "value": "support"} in sent()["jobTags"]

    @pytest.mark.parametrize(
        "fields",
        [
            {"seed": 42},
            {"integrations": ({"type": "wandb", "wandb": {"project": "p"}},)},
            {"method": "dpo"},
        ],
    )
    def test_what_cannot_be_sent_is_refused(self, fields: dict[str, Any]) -> None:
        """The gateway: dropped without a word; dpo trains as if it were supervised."""
        assert rules.check(make(**fields), SETTINGS)

    def test_a_job_without_a_role_is_not_sent(self) -> None:
        """The gateway: no default and no complaint, so that AWS refuses it."""
        missing = rules.unready(make(), type(SETTINGS)(name="bedrock", bucket=BUCKET))
        assert missing is not None
        assert "role_arn" in missing.path

    def test_a_uri_is_written_plainly(self) -> None:
        """The gateway: wants it URL-encoded."""
        spec = make(training=Dataset(reference="s3%3A%2F%2Fbucket%2Fx.jsonl"))
        (violation,) = rules.check(spec, SETTINGS)
        assert "not URL-encoded" in violation.hint

    def test_the_answer_is_a_job(self) -> None:
        """The gateway: {id}, and nothing else."""
        table = {
            f"POST {JOBS}": Reply(201, {"jobArn": arn()}),
            f"GET {JOBS}/{BODY.token}": Reply(200, shown(BODY.token)),
        }
        with bench(route(table)) as at:
            job = at.provider.create(request(BODY))
        assert job.id == arn()
        assert job.created_at
        assert job.hyperparameters


class TestRead:
    def test_stopping_is_not_over(self) -> None:
        """The gateway: cancelled, while it still runs and costs."""
        job = wire.job(answer(status="Stopping"))
        assert job is not None
        assert not job.status.terminal

    def test_an_unknown_word_is_unknown(self) -> None:
        """The gateway: running."""
        job = wire.job(answer(status="Archived"))
        assert job is not None
        assert (job.status, job.provider_status) == (JobStatus.UNKNOWN, "Archived")

    def test_times_are_seconds(self) -> None:
        """The gateway: milliseconds."""
        job = wire.job(answer())
        assert job is not None
        assert job.created_at == 1_793_527_200

    def test_a_model_appears_with_the_end(self) -> None:
        """The gateway: its name stands there from the beginning."""
        job = wire.job(answer(status="InProgress"))
        assert job is not None
        assert job.fine_tuned_model is None

    def test_validation_data_are_read_back(self) -> None:
        """The gateway: always empty."""
        job = wire.job(answer())
        assert job is not None
        assert job.validation_file == "s3://bucket/valid.jsonl"

    def test_a_rate_is_not_a_multiplier(self) -> None:
        """The gateway: learningRate comes back as learning_rate_multiplier."""
        job = wire.job(answer(hyperParameters={"learningRate": "0.00001"}))
        assert job is not None
        assert job.hyperparameters == {"learningRate": "0.00001"}

    def test_an_error_is_an_error_or_none(self) -> None:
        """The gateway: a text, or {}."""
        failed = wire.job(answer(status="Failed", failureMessage="bad data"))
        assert failed is not None
        assert failed.error is not None
        assert failed.error.message == "bad data"
        done = wire.job(answer())
        assert done is not None
        assert done.error is None

    def test_a_list_is_read_to_its_end(self) -> None:
        """The gateway: `limit` and `after` are dropped, so that page two never comes."""
        entry = {"jobArn": arn(), "jobName": "bot", "status": "Completed"}
        first = Reply(200, {"modelCustomizationJobSummaries": [entry], "nextToken": "t"})
        second = Reply(200, {"modelCustomizationJobSummaries": [entry]})
        with bench(script(first, second)) as at:
            assert len(list(at.provider.list())) == 2
            assert at.server.heard[1].query["nextToken"] == "t"

    def test_a_cancelled_job_is_shown(self) -> None:
        """The gateway: {}, and any third path segment (/pause, /resume) stops the job too."""
        table = {
            f"POST {JOBS}/{BODY.token}/stop": Reply(200, {}),
            f"GET {JOBS}/{BODY.token}": Reply(200, shown(BODY.token, "Stopped")),
        }
        with bench(route(table)) as at:
            assert at.provider.cancel(BODY.token).status is JobStatus.CANCELLED
