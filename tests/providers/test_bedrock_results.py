"""What a job leaves behind: a loss curve from its folder in S3, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import ProviderAuthError
from tests.providers.bedrock_bench import DONE, Bench, arn, refused
from tests.providers.loopback import Heard, Reply, script


def listing(*keys: str, token: str = "") -> Reply:
    entries = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    truncated = "true" if token else "false"
    body = (
        '<?xml version="1.0"?><ListBucketResult>'
        f"<IsTruncated>{truncated}</IsTruncated>{more}{entries}</ListBucketResult>"
    )
    return Reply(200, body.encode(), {"Content-Type": "application/xml"})


CSV = b"step_number,epoch_number,training_loss,perplexity\n1,0,2.5,12\n"


class TestMetrics:
    def test_pages_of_the_folder_are_followed(self, at: Bench) -> None:
        def answer(heard: Heard) -> Reply:
            if heard.path.endswith(".csv"):
                return Reply(200, CSV)
            return (
                listing("out/x/training_metrics.csv")
                if "continuation-token" in heard.query
                else listing("out/x/config.json", token="more")
            )

        at.server.answer = answer
        (point,) = at.provider.metrics(DONE)
        assert point.values["train_loss"] == 2.5
        assert at.server.heard[0].query["prefix"] == "out/model-customization-job-a1b2c3d4e5f6/"
        assert "config.json" not in "".join(at.server.requests())

    def test_a_body_that_breaks_off_is_read_again(self, at: Bench) -> None:
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\nstep_number,"
        bodies = script(Reply(raw=half), Reply(200, CSV))
        keys = listing("out/x/training_metrics.csv")
        at.server.answer = lambda heard: bodies(heard) if heard.path.endswith(".csv") else keys
        assert len(at.provider.metrics(DONE)) == 1
        assert len(at.naps) == 1

    @pytest.mark.parametrize("get", [Reply(404), refused(404, "NoSuchBucket")])
    def test_a_folder_that_is_gone_has_no_curve(self, at: Bench, get: Reply) -> None:
        at.server.answer = script(get)
        assert at.provider.metrics(DONE) == ()

    def test_who_may_not_read_it_is_told(self, at: Bench) -> None:
        at.server.answer = script(Reply(403))
        with pytest.raises(ProviderAuthError) as caught:
            at.provider.metrics(DONE)
        assert "s3:ListBucket" in caught.value.hint

    def test_a_job_without_results_is_not_asked_about(self, at: Bench) -> None:
        assert at.provider.metrics(replace(DONE, result_files=())) == ()
        assert at.server.heard == []


def test_what_bedrock_does_not_keep_is_empty(at: Bench) -> None:
    assert list(at.provider.events(arn())) == []
    assert at.provider.checkpoints(arn()) == ()
    assert at.server.heard == []
