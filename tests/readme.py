"""The README's fenced blocks, for tests that hold it to what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

README = Path(__file__).parents[1] / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"# (\S+\.ya?ml)\n")


def blocks(language: str) -> list[str]:
    """What stands between the fences of that language."""
    found = _BLOCK.findall(README.read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def files() -> dict[str, str]:
    """Every YAML block that begins with the path of the file it is to be, by that path."""
    return dict(_files())


def document(name: str) -> Any:
    """The file of that name, parsed. `on`, a truth to YAML 1.1, is the word that GitHub reads."""
    found = yaml.safe_load(files()[name])
    return {"on" if key is True else key: value for key, value in found.items()}


def _files() -> Iterator[tuple[str, str]]:
    for text in blocks("yaml"):
        if named := _NAMED.match(text):
            yield named[1], text
