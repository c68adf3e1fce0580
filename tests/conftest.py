"""What all tests share: no deadline, since other work on the machine is no failure.

And, for those that need git: a remote and a clone of it, as new for each test.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.checkouts import Checkout, Remote, remote_and_clone

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One remote and its clone per process: a copy takes less time than git does."""
    folder = tmp_path_factory.mktemp("template")
    remote_and_clone(folder)
    return folder


@pytest.fixture
def repositories(template: Path, tmp_path: Path) -> tuple[Remote, Checkout]:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "clone" / ".git" / "config"
    config.write_text(config.read_text().replace(str(template), str(tmp_path)))
    return Remote(tmp_path / "remote.git"), Checkout(tmp_path / "clone")


@pytest.fixture
def remote(repositories: tuple[Remote, Checkout]) -> Remote:
    return repositories[0]


@pytest.fixture
def clone(repositories: tuple[Remote, Checkout]) -> Checkout:
    return repositories[1]
