"""Where a model came from: the words for a person, the fields for a program."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler import schema
from reconciler.model import Dataset, JobStatus, Record, Source
from reconciler.report.origins import document, text
from reconciler.whence import Origin
from tests.report.samples import (
    BASE,
    CREATE,
    ESTIMATE,
    FAILED,
    PENDING_RECORD,
    RUNNING,
    SUCCEEDED,
    SUPPORT,
    TUNED,
    bound,
)

COMMIT = "5b1e7c0" + "d" * 33
SFT = bound(
    CREATE,
    SUCCEEDED,
    estimate=ESTIMATE,
    source=Source(path="specs/support.yaml", line=14, commit=COMMIT),
    training=replace(SUPPORT, reference="file-Qz81"),
    validation=Dataset(reference="file-Wy27"),
)
DPO = replace(
    SFT,
    name="support-dpo",
    token="support-dpo-0123456789abcdef",
    source=Source(path="specs/dpo.yaml", line=1),
    validation=None,
    estimate=None,
    job=replace(SUCCEEDED, id="ftjob-DpO", model=TUNED, fine_tuned_model=f"{TUNED}:dpo"),
)


def lines(*found: Origin, width: int = 200) -> list[str]:
    return text(found, color=False, width=width).splitlines()


def line(record: Record, label: str) -> str:
    """What is said under this label."""
    (found,) = [each for each in lines(Origin(record=record)) if each.split()[0] == label]
    return found.strip().removeprefix(label).strip()


class TestText:
    def test_everything_that_is_known(self) -> None:
        assert lines(Origin(record=SFT)) == [
            TUNED,
            "  spec        default/support-bot, specs/support.yaml:14",
            f"  commit      {COMMIT} (git show 5b1e7c0ddddd:specs/support.yaml)",
            (
                "  training    specs/data/support.train.jsonl, 812 examples, sha256"
                f" {SUPPORT.sha256}, uploaded as file-Qz81"
            ),
            "  validation  file-Wy27",
            f"  job         ftjob-Zk3m9P at openai, succeeded, on {BASE}",
            "  when        2026-11-23T11:00:00Z to 2026-11-23T12:46:40Z",
            (
                "  cost        51,204 tokens trained, estimated at $0.77"
                " ($5.00 per 1M tokens (openai.com/api/pricing, 2026-11-20))"
            ),
            f"  token       {SFT.token}",
        ]

    def test_below_it_what_it_was_trained_on(self) -> None:
        found = lines(Origin(record=DPO, base=Origin(record=SFT)))
        place = found.index("trained on the model of:")
        assert found[0] == f"{TUNED}:dpo"
        assert found[place + 1 :] == lines(Origin(record=SFT))

    def test_every_origin_has_its_block(self) -> None:
        found = lines(Origin(record=DPO), Origin(record=SFT))
        assert [each for each in found if each and not each.startswith(" ")] == [
            f"{TUNED}:dpo",
            TUNED,
        ]

    def test_nothing_found_says_nothing(self) -> None:
        assert text((), color=False, width=80) == ""

    @pytest.mark.parametrize(
        ("origin", "head"),
        [
            pytest.param(Origin(record=SFT), TUNED, id="the model"),
            pytest.param(
                Origin(record=SFT, checkpoint=f"{TUNED}:ckpt-step-5"),
                f"{TUNED}:ckpt-step-5",
                id="the checkpoint that was asked for",
            ),
            pytest.param(
                Origin(record=PENDING_RECORD), PENDING_RECORD.token, id="the token, without a model"
            ),
            pytest.param(
                Origin(record=replace(SFT, job=FAILED)), SFT.token, id="the token of what failed"
            ),
        ],
    )
    def test_a_block_begins_with(self, origin: Origin, head: str) -> None:
        assert lines(origin)[0] == head

    @pytest.mark.parametrize(
        ("commit", "said"),
        [
            pytest.param(
                None, "none: the specs were in no git repository, or the job was found", id="none"
            ),
            pytest.param(f"{COMMIT}-dirty", f"{COMMIT}, and files differed from it", id="dirty"),
        ],
    )
    def test_which_commit(self, commit: str | None, said: str) -> None:
        assert line(replace(SFT, source=replace(SFT.source, commit=commit)), "commit") == said

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            pytest.param(Dataset(reference="s3://b/k.jsonl"), "s3://b/k.jsonl", id="a reference"),
            pytest.param(
                Dataset(path="a.jsonl", sha256="ab", examples=1),
                "a.jsonl, 1 example, sha256 ab",
                id="a file that was never uploaded",
            ),
            pytest.param(Dataset(), "-", id="nothing"),
        ],
    )
    def test_which_data(self, data: Dataset, said: str) -> None:
        assert line(replace(SFT, training=data), "training") == said

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            pytest.param(
                {"estimate": None}, "51,204 tokens trained", id="what was trained, no price"
            ),
            pytest.param(
                {"job": RUNNING},
                "estimated at $0.77 ($5.00 per 1M tokens (openai.com/api/pricing, 2026-11-20))",
                id="the estimate, while it runs",
            ),
            pytest.param({"job": RUNNING, "estimate": None}, "not known", id="neither"),
            pytest.param(
                {"estimate": replace(ESTIMATE, usd=None)}, "51,204 tokens trained", id="unpriced"
            ),
        ],
    )
    def test_what_it_cost(self, fields: dict[str, Any], said: str) -> None:
        assert line(replace(SFT, **fields), "cost") == said

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            (JobStatus.VALIDATING_FILES, "validating files"),
            (JobStatus.RUNNING, "running"),
            (JobStatus.CANCELLED, "cancelled"),
        ],
    )
    def test_how_its_job_is_doing(self, status: JobStatus, said: str) -> None:
        record = replace(SFT, job=replace(RUNNING, status=status, model=None))
        assert line(record, "job") == f"{RUNNING.id} at openai, {said}"
        assert line(record, "when") == "2026-11-23T11:00:00Z"

    def test_without_a_job_there_is_no_time(self) -> None:
        found = lines(Origin(record=PENDING_RECORD))
        assert not [each for each in found if each.split()[0] in ("job", "when", "validation")]

    def test_that_it_is_gone(self) -> None:
        gone = replace(SFT, model_deleted=True)
        assert line(gone, "deleted") == "the model has been deleted"
        assert not [each for each in lines(Origin(record=SFT)) if "deleted" in each]

    def test_a_narrow_page_cuts_nothing(self) -> None:
        found = lines(Origin(record=SFT), width=60)
        assert max(map(len, found)) <= 60
        packed = "".join("".join(found).split())
        for fact in (TUNED, SFT.token, "specs/support.yaml", "file-Qz81", "$0.77", SUPPORT.sha256):
            assert fact is not None
            assert fact in packed

    def test_what_a_provider_says_can_do_nothing_to_a_terminal(self) -> None:
        job = replace(SUCCEEDED, fine_tuned_model="ft:\x1b[31mred", model="a\x07")
        found = text([Origin(record=replace(SFT, job=job))], color=False, width=200)
        assert "\x1b" not in found
        assert "\x07" not in found


class TestDocument:
    @pytest.mark.parametrize(
        "origin",
        [
            pytest.param(Origin(record=SFT), id="all that is known"),
            pytest.param(Origin(record=PENDING_RECORD), id="nothing but a spec"),
            pytest.param(Origin(record=DPO, base=Origin(record=SFT)), id="a chain"),
            pytest.param(Origin(record=SFT, checkpoint=f"{TUNED}:ckpt-step-5"), id="a checkpoint"),
        ],
    )
    def test_it_is_as_the_schema_says(self, origin: Origin) -> None:
        assert schema.check("output", json.loads(document([origin]))) == ()

    def test_everything_that_is_known(self) -> None:
        found = json.loads(document([Origin(record=SFT, checkpoint=f"{TUNED}:ckpt-step-5")]))
        assert found == {
            "apiVersion": "finetuning.reconciler/v1",
            "kind": "OriginList",
            "origins": [
                {
                    "fine_tuned_model": TUNED,
                    "checkpoint": f"{TUNED}:ckpt-step-5",
                    "model_deleted": False,
                    "name": "support-bot",
                    "namespace": "default",
                    "token": SFT.token,
                    "digest": SFT.digest,
                    "attempt": 0,
                    "provider": "openai",
                    "source": {"path": "specs/support.yaml", "line": 14, "commit": COMMIT},
                    "datasets": {
                        "training": {
                            "path": "specs/data/support.train.jsonl",
                            "sha256": SUPPORT.sha256,
                            "examples": 812,
                            "bytes": 1_204_331,
                            "reference": "file-Qz81",
                        },
                        "validation": {
                            "path": None,
                            "sha256": None,
                            "examples": None,
                            "bytes": None,
                            "reference": "file-Wy27",
                        },
                    },
                    "job_id": "ftjob-Zk3m9P",
                    "status": "succeeded",
                    "base_model": BASE,
                    "created_at": SUCCEEDED.created_at,
                    "finished_at": SUCCEEDED.finished_at,
                    "trained_tokens": 51_204,
                    "estimated_cost_usd": ESTIMATE.usd,
                    "base": None,
                }
            ],
        }

    def test_every_key_is_there_when_nothing_is_known(self) -> None:
        full, bare = (
            json.loads(document([Origin(record=record)]))["origins"][0]
            for record in (SFT, PENDING_RECORD)
        )
        assert list(full) == list(bare)
        assert [bare[key] for key in ("fine_tuned_model", "job_id", "status", "base_model")] == [
            None
        ] * 4

    def test_a_base_is_an_origin_of_its_own(self) -> None:
        nested = json.loads(document([Origin(record=DPO, base=Origin(record=SFT))]))["origins"]
        alone = json.loads(document([Origin(record=SFT)]))["origins"]
        assert [origin["base"] for origin in nested] == alone

    def test_nothing_found(self) -> None:
        assert json.loads(document([]))["origins"] == []


def test_two_origins_stand_a_line_apart() -> None:
    assert "" in lines(Origin(record=DPO), Origin(record=SFT))
