"""GitHub Actions as far as our action and the README's workflows use it, on this machine.

A machine runs the steps of a job with the bash, the environment and the files that a hosted runner
gives them. What is GitHub's own (checkout, setup-python, artifacts) is played here; every `run` of
ours is executed as it stands. The expressions it knows are names, texts, `==`, `!=`, `&&`, `||`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checkouts import run_git
from tests.repository import repository

CHECKOUT = Path(__file__).parents[2]
ACTION: Mapping[str, Any] = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
OURS = re.compile(r"[\w-]+/reconciler@v1")
TOKEN = "ghs_abcdefghijklmnopqrstuvwxyz0123456789"
REPOSITORY = "team/models"
BOT = "github-actions[bot]"

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_WORD = re.compile(r"'[^']*'|==|!=|&&|\|\||[\w.-]+")
_OPERATORS = {"&&": " and ", "||": " or ", "==": "==", "!=": "!="}


@dataclass(frozen=True)
class Done:
    """How a job or an action went: the exit code of the step that failed, what was printed."""

    code: int
    outputs: Mapping[str, str]
    log: str
    summary: str

    @property
    def commands(self) -> list[str]:
        """The lines that the runner obeys: `::error …`, unless commands are stopped."""
        found, stop = [], ""
        for line in self.log.splitlines():
            text = line.lstrip()
            if stop:
                stop = "" if text == f"::{stop}::" else stop
            elif text.startswith("::stop-commands::"):
                stop = text.removeprefix("::stop-commands::")
            elif text.startswith("::"):
                found.append(text)
        return found


@dataclass
class Machine:
    """A fresh machine with a checkout, for one event of a repository."""

    folder: Path
    root: Path
    event: Mapping[str, Any] = field(default_factory=lambda: {"event_name": "push"})
    environment: dict[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    remote: str = ""
    artifacts: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.temp = self.folder / "temp"
        self.bin = self.folder / "bin"
        for folder in (self.temp, self.bin):
            folder.mkdir(parents=True, exist_ok=True)
        self.github = self.folder / "github.json"
        self.play(login=BOT, comments=[], calls=[], read_only=False)
        (self.bin / "python3").symlink_to(sys.executable)
        gh = self.bin / "gh"
        gh.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).parent}/fake_gh.py "$@"\n')
        gh.chmod(0o755)
        self.path = [str(self.bin)]
        self.log: list[str] = []
        self.summary = ""

    def having(self, there: Path) -> Machine:
        """Let the action find what another machine has `installed`."""
        for what in (str(CHECKOUT), f"{CHECKOUT}[sandbox]"):
            (self.temp / home(what)).symlink_to(there)
        return self

    def play(self, **facts: Any) -> None:
        """Change what GitHub holds."""
        known = json.loads(self.github.read_text()) if self.github.exists() else {}
        self.github.write_text(json.dumps({**known, **facts}))

    def comments(self) -> list[dict[str, Any]]:
        """The comments of the pull request."""
        found: list[dict[str, Any]] = json.loads(self.github.read_text())["comments"]
        return found

    def action(self, **inputs: Any) -> Done:
        """A job of one step that uses our action."""
        step = {"uses": "your-org/reconciler@v1", "with": _dashed(inputs)}
        return self.job({"steps": [step]})

    def job(self, job: Mapping[str, Any], needs: Mapping[str, Any] | None = None) -> Done:
        """Run the steps of a job until one fails; `needs` holds the outputs of other jobs."""
        self.log, self.summary = [], ""
        contexts = {**self._contexts(), "needs": needs or {}, "steps": {}}
        env = self._filled(job.get("env", {}), contexts)
        code, last = self.steps(job["steps"], contexts, env)
        outputs = self._filled(job["outputs"], contexts) if "outputs" in job else last
        done = Done(code=code, outputs=outputs, log="".join(self.log), summary=self.summary)
        assert TOKEN not in done.log
        assert not any(secret in done.log for secret in self.secrets.values())
        return done

    def wanted(self, job: Mapping[str, Any], needs: Mapping[str, Any]) -> bool:
        """Whether the condition of a job holds."""
        contexts = {**self._contexts(), "needs": needs}
        return bool(_value(job.get("if", "'true'"), contexts))

    def steps(
        self,
        steps: Sequence[Mapping[str, Any]],
        contexts: dict[str, Any],
        env: Mapping[str, str] = {},
    ) -> tuple[int, Mapping[str, str]]:
        """Run steps until one fails: its exit code, and the outputs of the last one."""
        outputs: Mapping[str, str] = {}
        for step in steps:
            if not _value(step.get("if", "'true'"), contexts):
                continue
            given = {**env, **self._filled(step.get("env", {}), contexts)}
            if "run" in step:
                code, outputs = self._run(step, contexts, given)
            else:
                code, outputs = self._use(step["uses"], step.get("with", {}), contexts, given)
            if "id" in step:
                contexts["steps"][step["id"]] = {"outputs": outputs}
            if code:
                return code, outputs
        return 0, outputs

    def _run(
        self, step: Mapping[str, Any], contexts: Mapping[str, Any], env: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str]]:
        assert step["shell"] == "bash"
        files = {name: self.temp / name for name in ("output", "path", "step_summary", "script")}
        for file in files.values():
            file.write_text("")
        files["script"].write_text(_text(step["run"], contexts))  # as text of the script, too
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(files["script"])],
            cwd=self.root / _text(step.get("working-directory", "."), contexts),
            env={
                **self._environment(),
                **{f"GITHUB_{name.upper()}": str(file) for name, file in files.items()},
                **env,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.log.append(done.stdout)
        self.summary += files["step_summary"].read_text()
        self.path = [*files["path"].read_text().split(), *self.path]
        lines = files["output"].read_text().splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines)

    def _use(
        self,
        uses: str,
        given: Mapping[str, Any],
        contexts: Mapping[str, Any],
        env: Mapping[str, str],
    ) -> tuple[int, Mapping[str, str]]:
        inputs = self._filled(given, contexts)
        name, _, version = uses.partition("@")
        assert version
        match name:
            case "actions/setup-python":
                return 0, {}
            case "actions/checkout":
                self._check_out(inputs)
                return 0, {}
            case "actions/upload-artifact":
                self.artifacts[inputs["name"]] = Path(inputs["path"])
                return 0, {}
            case "actions/download-artifact":
                shutil.copy(self.artifacts[inputs["name"]], inputs["path"])
                return 0, {}
        assert OURS.fullmatch(uses), uses
        assert inputs.keys() <= ACTION["inputs"].keys()
        for key, described in ACTION["inputs"].items():
            inputs.setdefault(key, _text(described.get("default", ""), contexts))
        inside = {**contexts, "inputs": inputs, "steps": {}}
        code, _ = self.steps(ACTION["runs"]["steps"], inside, env)
        values = {name: output["value"] for name, output in ACTION["outputs"].items()}
        return code, self._filled(values, inside)

    def _check_out(self, inputs: Mapping[str, str]) -> None:
        depth = inputs.get("fetch-depth", "1")
        run_git(self.folder, "init", "--quiet", str(self.root))
        run_git(self.root, "remote", "add", "origin", self.remote)
        ref = self.event.get("ref", "refs/heads/main")
        run_git(self.root, "fetch", "--quiet", "--no-tags", f"--depth={depth}", "origin", ref)
        run_git(self.root, "checkout", "--quiet", "--detach", "FETCH_HEAD")
        if inputs.get("persist-credentials") == "false":
            run_git(self.root, "remote", "set-url", "--push", "origin", "file:///nowhere")

    def _contexts(self) -> dict[str, Any]:
        github = {
            "action_path": str(CHECKOUT),
            "repository": REPOSITORY,
            "token": TOKEN,
            "server_url": "https://github.com",
            "run_id": "1",
            "event": {},
            **self.event,
        }
        return {"github": github, "secrets": self.secrets, "runner": {"temp": str(self.temp)}}

    def _environment(self) -> dict[str, str]:
        ours = str(Path(sys.executable).parent)
        there = [part for part in os.environ["PATH"].split(os.pathsep) if part != ours]
        event = self.folder / "event.json"
        event.write_text(json.dumps(self.event.get("event", {})))
        return {
            **offline_pip(),
            "PATH": os.pathsep.join([*self.path, *there]),
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF_NAME": str(self.event.get("ref", "main")).removeprefix("refs/heads/"),
            "FAKE_GITHUB": str(self.github),
            **self.environment,
        }

    def _filled(self, values: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, str]:
        return {name: _text(value, contexts) for name, value in values.items()}


def installed(folders: pytest.TempPathFactory) -> Path:
    """What the action installs, by its own hand and once for all tests."""
    folder = folders.getbasetemp() / "action"
    if not folder.exists():
        (folder / "repository").mkdir(parents=True)
        repository(folder / "repository")
        machine = Machine(folder / "machine", folder / "repository")
        done = machine.action(command="validate", sandbox=True)
        assert done.code == 0, done.log
        (folder / "home").symlink_to(Path(machine.path[0]).parent)
    return (folder / "home").resolve()


def pull_request(head: str = "team/models", **more: Any) -> dict[str, Any]:
    """What GitHub says of a pull request from that repository."""
    number = {"number": 7, "head": {"repo": {"full_name": head}}, **more}
    event = {"event_name": "pull_request", "ref": "refs/pull/7/merge"}
    return {**event, "event": {"pull_request": number}}


def offline_pip() -> dict[str, str]:
    """What lets pip install our checkout without a network, and find what it depends on."""
    folders = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    return {
        "PYTHONPATH": os.pathsep.join(folders),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # to pip, this switches the isolation off
    }


def home(what: str) -> str:
    """The folder in which the action keeps what it has installed from there."""
    sum_ = subprocess.run(["cksum"], input=f"{what}\n", capture_output=True, text=True, check=True)
    return f"reconciler-{sum_.stdout.split()[0]}"


def expressions(value: Any) -> Iterator[str]:
    """Every `${{ … }}` in a document."""
    match value:
        case str():
            yield from _EXPRESSION.findall(value)
        case dict():
            for each in value.values():
                yield from expressions(each)
        case list():
            for each in value:
                yield from expressions(each)


def _dashed(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in inputs.items()}


def _text(value: Any, contexts: Mapping[str, Any]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _EXPRESSION.sub(lambda found: _shown(_value(found[1], contexts)), str(value))


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(expression: str, contexts: Mapping[str, Any]) -> Any:
    """What an expression comes to; a name that nothing knows is the empty text, as with GitHub."""

    def word(found: re.Match[str]) -> str:
        if found[0].startswith("'"):
            return repr(found[0][1:-1])
        return _OPERATORS.get(found[0]) or f"look({found[0]!r})"

    def look(name: str) -> Any:
        value: Any = contexts
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return "" if value is None else value

    bare = _EXPRESSION.sub(lambda found: found[1], expression)
    return eval(_WORD.sub(word, bare), {"look": look})
