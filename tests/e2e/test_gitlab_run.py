"""The README's .gitlab-ci.yml: its scripts as they stand, against a GitLab on loopback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from reconciler.sandbox import server
from tests import readme
from tests.checkouts import BRANCH, Checkout, Remote, environment, remote_and_clone
from tests.e2e.command import KEY, creates
from tests.e2e.github_runner import CHECKOUT
from tests.repository import Repository

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None, reason="the scripts call curl, which this machine has not"
)

TOKEN = "glpat-abcdefghijklmnopqrst"
NOTES = "/api/v4/projects/11/merge_requests/3/notes"
US, THEM = {"id": 5}, {"id": 6}


@dataclass
class GitLab:
    """The notes of one merge request, and who may write them."""

    notes: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, body: str | None) -> Any:
        """One call by us; None where there is no such thing."""
        match method, path.removeprefix(NOTES):
            case "GET", "/api/v4/user":
                return US
            case "GET", "":
                return self.notes
            case "POST", "":
                note = {"id": len(self.notes) + 1, "author": US, "body": body}
                self.notes.append(note)
                return note
            case "PUT", path:
                (note,) = (n for n in self.notes if f"/{n['id']}" == path)
                assert note["author"] == US
                note["body"] = body
                return note
        return None


@contextmanager
def served(gitlab: GitLab) -> Iterator[GitLab]:
    """GitLab on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _call(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = parse_qs(self.rfile.read(length).decode())
            body = form.get("body", [None])[0]
            may = self.headers.get("PRIVATE-TOKEN") == TOKEN
            found = gitlab.answer(self.command, urlsplit(self.path).path, body) if may else None
            self.send_response(200 if found is not None else 404)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        do_GET = do_POST = do_PUT = _call  # noqa: N815 - their names there

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    gitlab.url = f"http://127.0.0.1:{http.server_port}/api/v4"
    try:
        yield gitlab
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@dataclass
class Team:
    """A remote, a developer, GitLab, and the provider."""

    remote: Remote
    developer: Checkout
    gitlab: GitLab
    url: str
    runners: int = 0

    def run(self, job: str, *, key: str = KEY, **variables: str) -> tuple[int, str, Checkout]:
        """The script of a job in a fresh clone: its exit code, and what was printed."""
        self.runners += 1
        checkout = self.developer.clone(f"runner-{self.runners}", "--depth=20")
        checkout.git("switch", "--quiet", "--detach")
        scripts = str(Path(sys.executable).parent)
        lines = readme.document(".gitlab-ci.yml")[job]["script"]
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
            cwd=checkout.root,
            env={
                **environment(checkout.root),
                "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
                "PYTHONPATH": str(CHECKOUT),
                "CI_API_V4_URL": self.gitlab.url,
                "CI_PROJECT_ID": "11",
                "OPENAI_BASE_URL": f"{self.url}/v1",
                "OPENAI_API_KEY": key,
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert KEY not in done.stdout
        assert TOKEN not in done.stdout
        return done.returncode, done.stdout, checkout

    def plan(self, **variables: str) -> tuple[int, str, Checkout]:
        """A pipeline of the merge request."""
        given = {"CI_MERGE_REQUEST_IID": "3", "NOTES_TOKEN": TOKEN, **variables}
        return self.run("plan", **given)

    def on_main(self, job: str) -> tuple[int, str, Checkout]:
        """A pipeline of the main branch."""
        return self.run(job, CI_COMMIT_BRANCH=BRANCH)


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """Where the providers keep what would have been paid for."""
    return tmp_path / "providers"


@pytest.fixture
def team(tmp_path: Path, jobs: Path) -> Iterator[Team]:
    ignored = ".reconciler/*\n!.reconciler/state.json\n"
    files = {".gitignore": ignored, ".gitattributes": "*.jsonl -text\n"}
    remote, developer = remote_and_clone(tmp_path / "git", files)
    Repository(developer.root).add("support-bot")
    developer.git("add", "specs")
    developer.git("commit", "--quiet", "-m", "add support")
    developer.git("push", "--quiet", "origin", BRANCH)
    with server.serve(jobs, speed=50) as sandbox, served(GitLab()) as gitlab:
        yield Team(remote, developer, gitlab, sandbox.url)


def test_a_merge_request_gets_one_note_and_keeps_it(team: Team, jobs: Path) -> None:
    marker = "<!-- reconciler:plan:default -->"
    stranger = {"id": 1, "author": THEM, "body": f"{marker}\nbuy nothing"}
    team.gitlab.notes.append(dict(stranger))
    for _ in range(2):
        code, said, checkout = team.plan()
        assert code == 0, said
        assert checkout.git("status", "--porcelain") == ""
    theirs, ours = team.gitlab.notes
    assert theirs == stranger
    assert ours["body"].startswith(marker)
    assert "support-bot" in ours["body"]
    assert creates(jobs) == []


def test_a_merge_request_without_a_key_is_planned_offline_without_a_note(
    team: Team, jobs: Path
) -> None:
    code, said, _ = team.plan(key="", NOTES_TOKEN="")
    assert code == 0, said
    assert "the provider was not asked" in said
    assert team.gitlab.notes == []
    assert creates(jobs) == []


def test_specs_that_are_not_sound_fail_the_pipeline(team: Team) -> None:
    Repository(team.developer.root).add("support-bot", "  sead: 1\n")
    team.developer.git("commit", "--quiet", "--all", "-m", "a typing error")
    team.developer.git("push", "--quiet", "origin", BRANCH)
    code, said, _ = team.plan()
    assert code == 3
    assert "specs/support-bot.yaml:9:3" in said


def test_apply_creates_and_writes_back_and_refresh_only_looks(team: Team, jobs: Path) -> None:
    early, said, _ = team.on_main("refresh")
    assert early == 0, said
    assert creates(jobs) == []
    code, said, _ = team.on_main("apply")
    assert code == 0, said
    assert len(creates(jobs)) == 1
    assert "specs/support-bot.status.yaml" in team.remote.files()
    code, said, _ = team.on_main("refresh")
    assert code == 0, said
    assert len(creates(jobs)) == 1


def test_only_what_waits_for_a_person_is_forgiven_and_only_to_a_plan() -> None:
    jobs = readme.document(".gitlab-ci.yml")
    assert jobs["plan"]["allow_failure"] == {"exit_codes": 1}
    assert not any("allow_failure" in jobs[name] for name in ("apply", "refresh"))
