"""Spec files that must load, and files that must not: a new file in the corpus is a new test.

In `specs_corpus/valid` every file loads. In `specs_corpus/invalid` every file or folder has beside
it a `.expected` with the exact problems, a line each. Both find their data in `specs_corpus/data`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import specs
from reconciler.config import Config, OpenAISettings

CORPUS = Path(__file__).parent / "specs_corpus"
CONFIG = Config(
    root=CORPUS,
    specs=(),
    providers={
        "openai": OpenAISettings(name="openai"),
        "azure": OpenAISettings(
            name="azure", base_url="https://corpus.openai.azure.com/openai/v1", auth="api-key"
        ),
    },
)
VALID = sorted(path.name for path in (CORPUS / "valid").iterdir())
INVALID = sorted(path.name for path in (CORPUS / "invalid").iterdir() if path.suffix != ".expected")


@pytest.mark.parametrize("name", VALID)
def test_valid(name: str) -> None:
    loaded = specs.load(CONFIG, [str(CORPUS / "valid" / name)])
    assert loaded.problems == ()
    assert loaded.specs
    assert all(spec.token for spec in loaded.specs)


@pytest.mark.parametrize("name", INVALID)
def test_invalid(name: str) -> None:
    path = CORPUS / "invalid" / name
    expected = path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()
    loaded = specs.load(CONFIG, [str(path)])
    assert [str(problem) for problem in loaded.problems] == expected


def test_every_expectation_belongs_to_a_file() -> None:
    expected = {path.stem for path in (CORPUS / "invalid").glob("*.expected")}
    assert expected == {Path(name).stem for name in INVALID}
