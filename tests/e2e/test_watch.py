"""`reconcile watch` as somebody at a terminal meets it, and as a log keeps it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler import schema
from reconciler.sandbox import server
from reconciler.sandbox.faults import parse
from tests.e2e.command import KEY, Command, creates
from tests.e2e.terminal import PATIENCE_SECONDS, Terminal, started

FAST = {"RECONCILER_SANDBOX": "1", "RECONCILER_SANDBOX_SPEED": "5"}
PROVIDERS = ".reconciler/sandbox/providers"


@pytest.fixture
def terminal(reconcile: Command) -> Iterator[Terminal]:
    reconcile.files.add("support-bot")
    with started(reconcile.files.root, "watch", environment=FAST) as opened:
        yield opened


def not_locked(reconcile: Command) -> None:
    """Another command can take the lock at once."""
    reconcile("--sandbox", "apply", check=None)
    assert not list(reconcile.files.root.glob("**/*.lock-owner"))


def test_a_day_at_the_terminal(reconcile: Command, terminal: Terminal) -> None:
    files = reconcile.files
    terminal.sees("NAME", "STATE", "support-bot", "next look in")
    terminal.sees("1 succeeded")
    path = files.add("intent-router", "  suffix: intents\n", data="intents.jsonl", seed="i")
    terminal.sees("intent-router", "AGE")
    sound = path.read_text()
    path.write_text(sound.replace("suffix:", "sufix:"))
    terminal.sees("1 problem in 1 file; the rest goes on", "did you mean suffix?")
    files.add("ticket-tags", data="tags.jsonl", seed="t")
    terminal.sees("2 succeeded", "ticket-tags")
    path.write_text(sound)
    terminal.sees("mended", absent="1 problem in 1 file")
    terminal.sees("3 succeeded")
    terminal.signal(signal.SIGHUP)
    terminal.resize(60, 12)
    terminal.sees("3 succeeded")
    terminal.types("\x03")
    assert terminal.ends() == 0
    assert "stopped" in terminal.text()
    assert "Traceback" not in terminal.text()
    assert "counting" not in terminal.text()
    assert terminal.written.count("\x1b[?1049h") == terminal.written.count("\x1b[?1049l") == 1
    assert terminal.written.count("\x1b[?25l") == terminal.written.count("\x1b[?25h")
    assert len(creates(files.root / PROVIDERS)) == 3
    not_locked(reconcile)


def test_a_bad_configuration_is_shown_and_the_old_one_goes_on(
    reconcile: Command, terminal: Terminal
) -> None:
    terminal.sees("1 succeeded")
    config = reconcile.files.root / "reconciler.yaml"
    head = "apiVersion: finetuning.reconciler/v1\nkind: Config\n"
    config.write_text(f"{head}polcy: {{max_creates: 0}}\n")
    terminal.sees("reconciler.yaml", "polcy")
    config.write_text(f"{head}policy: {{max_creates: 0}}\n")
    terminal.sees("reloaded")
    reconcile.files.add("intent-router", data="intents.jsonl", seed="i")
    terminal.sees("max_creates 0", "intent-router", "support-bot  ")
    config.write_text(head)
    terminal.sees("2 succeeded")
    terminal.signal(signal.SIGTERM)
    assert terminal.ends() == 0
    assert len(creates(reconcile.files.root / PROVIDERS)) == 2


def test_real_money_waits_for_a_yes_and_what_runs_does_not(
    reconcile: Command, tmp_path: Path
) -> None:
    more = "  openai: {accept_shutdown: true}\n"
    reconcile.files.add("support-bot", more)
    with server.serve(tmp_path / "providers", speed=2) as sandbox:
        environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{sandbox.url}/v1"}
        with started(reconcile.files.root, "watch", environment=environment) as terminal:
            terminal.sees("training support-bot", "type y and Enter")
            assert creates(tmp_path / "providers") == []
            terminal.types("y\n")
            terminal.sees("AGE", absent="approval:")
            reconcile.files.add("intent-router", more, data="intents.jsonl", seed="i")
            terminal.sees("training intent-router", "type y and Enter", "1 succeeded")
            terminal.types("n\n")
            terminal.sees("was not approved")
            terminal.types("\x03")
            assert terminal.ends() == 0
            assert KEY not in terminal.text()
    assert len(creates(tmp_path / "providers")) == 1


@pytest.mark.parametrize(
    ("operation", "sign"),
    [
        pytest.param("list", "state.json.lock-owner", id="while it looks"),
        pytest.param("create", "state.json", id="while it creates"),
    ],
)
def test_a_stop_does_not_wait_for_a_provider_that_does_not_answer(
    reconcile: Command, tmp_path: Path, operation: str, sign: str
) -> None:
    reconcile.files.add("support-bot", "  openai: {accept_shutdown: true}\n")
    fault = parse(f"{operation}=hang-before:{10 * PATIENCE_SECONDS:.0f}")
    state = reconcile.files.root / ".reconciler"
    with server.serve(tmp_path / "providers", faults=[fault]) as sandbox:
        environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{sandbox.url}/v1"}
        with started(reconcile.files.root, "watch", "--yes", environment=environment) as terminal:
            terminal.waits_for((state / sign).exists)
            terminal.types("\x03")
            assert terminal.ends() == 0
    assert not (state / "state.json.lock-owner").exists()
    assert creates(tmp_path / "providers") == []


def lines_until(process: subprocess.Popen[str], wanted: str) -> list[str]:
    found: list[str] = []
    for line in process.stdout or ():
        found.append(line)
        if wanted in line:
            return found
    pytest.fail(f"never said {wanted}: {found}")


def test_a_program_reads_an_object_for_each_change(reconcile: Command) -> None:
    path = reconcile.files.add("support-bot")
    reconcile.environment = FAST
    with reconcile.started("watch", "--format", "json") as process:
        lines = lines_until(process, '"Succeeded"')
        path.write_text("spec: [\n")
        lines += lines_until(process, '"problem"')
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0
    found = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    assert (found[0]["event"], found[-1]["event"]) == ("started", "stopped")
    for item in found:
        assert schema.check("watch", item) == (), item
    created = next(item for item in found if item["event"] == "job")
    assert (created["name"], created["did"]) == ("support-bot", "created")
    not_locked(reconcile)


def test_a_log_has_a_line_for_each_change_and_a_stop_is_no_failure(reconcile: Command) -> None:
    reconcile.files.add("support-bot")
    reconcile.environment = FAST
    with reconcile.started("watch", "--poll", "1s") as process:
        lines = lines_until(process, "Succeeded")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0
    jobs = [line for line in lines if "  job  " in line]
    assert all(line.startswith("20") and "support-bot" in line for line in jobs)
    assert len(jobs) == len(set(jobs))


class TestOnce:
    def test_one_pass_and_the_verdict_of_apply(self, reconcile: Command) -> None:
        reconcile.files.add("support-bot")
        reconcile.environment = FAST
        assert "created" in reconcile("watch", "--once").stdout
        assert "job" in reconcile("watch", "--once").stdout

    def test_a_broken_file_is_left_out_and_fails_the_run(self, reconcile: Command) -> None:
        reconcile.files.add("support-bot")
        reconcile.files.add("broken", "  sede: 1\n")
        reconcile.environment = FAST
        done = reconcile("watch", "--once", check=1)
        assert "created" in done.stdout
        assert "sede" in done.stdout

    def test_a_refusal_is_an_error_like_any_other(self, reconcile: Command) -> None:
        reconcile.files.add("support-bot")
        reconcile.environment = FAST
        reconcile("watch", "--once", "--max-creates", "0", check=5)


def test_what_is_wrong_from_the_start_ends_the_command(reconcile: Command) -> None:
    (reconcile.files.root / "reconciler.yaml").write_text("kind: Nothing\n")
    reconcile("watch", check=2)
