"""The whole way with the command alone: specs, jobs, models, sidecars, and a quiet second run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from reconciler import schema
from reconciler.sandbox import server
from reconciler.sandbox.faults import parse
from tests.e2e.command import KEY, Command, creates
from tests.test_status import SEVENTEEN


def contents(root: Path) -> dict[str, str]:
    """Every file of a repository but the sandbox's own, by its hash."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "sandbox/providers" not in str(path)
    }


def test_specs_become_models_and_a_second_run_is_quiet(reconcile: Command) -> None:
    reconcile.files.add("support-bot")
    reconcile.files.add("intent-router", "  suffix: intents\n  seed: 7\n", data="intents.jsonl")
    reconcile.environment = {"RECONCILER_SANDBOX_SPEED": "50"}
    done = reconcile("--sandbox", "apply", "--wait")
    assert "created" in done.stdout
    for name in ("support-bot", "intent-router"):
        status = reconcile.files.sidecar(name)
        assert status["phase"] == "Succeeded"
        assert status["fine_tuned_model"].startswith("ft:gpt-4.1-mini-2025-04-14:")
        assert status["trained_tokens"] > 0
        assert set(status["job"]) >= SEVENTEEN
    before = contents(reconcile.files.root)
    reconcile("--sandbox", "apply", "--wait")
    assert contents(reconcile.files.root) == before
    assert len(creates(reconcile.files.root / ".reconciler/sandbox/providers")) == 2
    model = reconcile.files.sidecar("support-bot")["fine_tuned_model"]
    assert reconcile("--sandbox", "output", "support-bot").stdout == f"{model}\n"
    assert reconcile("output", "support-bot", "--sandbox", "--current").stdout == f"{model}\n"
    reconcile("output", "support-bot", check=1)  # the real state knows of none


class TestServed:
    """Against a sandbox that stays up, as one would against OpenAI."""

    @pytest.fixture
    def data_dir(self, tmp_path: Path) -> Path:
        return tmp_path / "providers"

    def test_jobs_go_on_between_commands(
        self, reconcile: Command, data_dir: Path, tmp_path: Path
    ) -> None:
        reconcile.files.add("support-bot")
        with server.serve(data_dir, speed=2) as sandbox:
            reconcile.environment = {
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": f"{sandbox.url}/v1",
            }
            reconcile("apply")
            assert reconcile.files.sidecar("support-bot")["phase"] == "Pending"
            assert "support-bot" in reconcile("status").stdout
            reconcile("apply", "--wait")
            assert reconcile.files.sidecar("support-bot")["phase"] == "Succeeded"
            for verb in (["status"], ["state", "list"], ["output", "support-bot"], ["validate"]):
                assert schema.check("output", reconcile.json(*verb)) == ()
            assert schema.check("plan", reconcile.json("plan")) == ()
            assert schema.check("output", reconcile.json("apply", "--wait")) == ()
            events = reconcile.json("events", "support-bot")
            assert events["kind"] == "EventList"
            curve = reconcile.json("metrics", "support-bot")
            assert schema.check("output", curve) == ()
            losses = [point["values"]["train_loss"] for point in curve["points"]]
            assert losses[-1] < losses[0]
            pulled = reconcile("state", "pull").stdout
            (tmp_path / "state.json").write_text(pulled)
            assert "serial" in reconcile("state", "push", str(tmp_path / "state.json")).stdout
            token = reconcile.files.sidecar("support-bot")["token"]
            assert "forgotten" in reconcile("state", "rm", token).stdout
            job_id = reconcile.files.sidecar("support-bot")["job"]["id"]
            assert "adopted" in reconcile("adopt", "support-bot", job_id).stdout
            reconcile("resolve", "support-bot", "--not-created", check=2)
            assert "in sync" in reconcile("plan").stdout
        assert KEY not in (data_dir / "requests.jsonl").read_text()

    def test_the_log_tells_of_requests_and_of_no_key(
        self, reconcile: Command, data_dir: Path
    ) -> None:
        reconcile.files.add("support-bot")
        with server.serve(data_dir, faults=[parse("list=503,x1")]) as sandbox:
            reconcile.environment = {
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": f"{sandbox.url}/v1",
            }
            log = reconcile("plan", "--log-level", "debug", "--log-format", "json").stderr
            lines = [json.loads(line) for line in log.splitlines()]
            assert any("GET /fine_tuning/jobs 200" in line["message"] for line in lines)
            assert any("trying again in" in line["message"] for line in lines)
            assert reconcile("plan", "--log-level", "debug").stderr.count("Z debug") >= 1
            assert reconcile("plan").stderr == ""

    def test_cancel(self, reconcile: Command, data_dir: Path) -> None:
        reconcile.files.add("support-bot")
        with server.serve(data_dir, speed=0.01) as sandbox:
            reconcile.environment = {
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": f"{sandbox.url}/v1",
            }
            reconcile("apply")
            assert "cancelled" in reconcile("cancel", "support-bot").stdout
            reconcile("apply", check=1)
            assert reconcile.files.sidecar("support-bot")["phase"] == "Cancelled"
            reconcile("output", "support-bot", check=1)
            assert reconcile.json("status", check=1)["kind"] == "StatusList"
        assert len(creates(data_dir)) == 1

    def test_a_refused_create_fails_the_run(self, reconcile: Command, data_dir: Path) -> None:
        reconcile.files.add("support-bot")
        spec = reconcile.files.root / "specs/support-bot.yaml"
        spec.write_text(spec.read_text().replace("./train.jsonl", "file-nowhere"))
        with server.serve(data_dir, speed=100) as sandbox:
            reconcile.environment = {
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": f"{sandbox.url}/v1",
            }
            done = reconcile("apply", check=1)
        assert "file-nowhere" in done.stdout
        assert creates(data_dir) == []
