"""The wheel, as a stranger gets it: built, installed outside of the checkout, and run there."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.repository import repository

CHECKOUT = Path(__file__).parents[1]
SCHEMAS = {path.name for path in (CHECKOUT / "schemas").glob("*.json")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*build, str(CHECKOUT)], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_holds_the_package_the_schemas_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"reconciler"}
    assert {Path(name).name for name in names if "/schemas/" in name} == SCHEMAS
    assert "reconciler/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_runs_outside_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    installed, folder = tmp_path / "installed", tmp_path / "repository"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*install, "--target", str(installed), str(wheel)], check=True)
    folder.mkdir()
    repository(folder).add("support-bot", "  sead: 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate"],
        cwd=folder,
        env={"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "did you mean seed?" in done.stdout


def test_its_command_is_the_one_in_the_readme(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "reconcile = reconciler.cli.main:main" in archive.read(name).decode()
