"""Starting up is a feature: what a command imports, not how long this machine takes for it.

The times themselves are measured in `tests/bench`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository import repository

CHECKOUT = Path(__file__).parents[1]
HEAVY = {
    "httpx",
    "boto3",
    "rich.console",
    "jsonschema",
    "starlette",
    "uvicorn",
    "tenacity",
    "watchfiles",
}


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules one command imports, by its own account."""
    program = (
        "import sys\n"
        "from reconciler.cli.main import run\n"
        f"code = run({list(arguments)!r})\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={"PYTHONPATH": str(CHECKOUT), "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    repository(tmp_path).add("support-bot")
    return tmp_path


def test_help_imports_no_verb_and_nothing_heavy(folder: Path) -> None:
    modules = imported(folder, "--help")
    assert not modules & {*HEAVY, "yaml", "msgspec", "jsonschema_rs"}
    verbs = {name for name in modules if name.startswith("reconciler.cli.")}
    assert verbs == {"reconciler.cli.main", "reconciler.cli.options"}


def test_validate_of_a_sound_spec_imports_nothing_heavy(folder: Path) -> None:
    assert not imported(folder, "validate") & HEAVY


def test_plan_offline_imports_no_network(folder: Path) -> None:
    modules = imported(folder, "plan", "--offline")
    assert not modules & {"httpx", "boto3", "starlette", "uvicorn", "reconciler.sandbox.server"}
