"""What is wrong with one part of a value, before anybody knows where in a file it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One violation. `path` leads to the value, or with `at_key` to the name of a field.

    A field that is missing has the path that it would have.
    """

    path: tuple[str | int, ...]
    message: str
    hint: str = ""
    at_key: bool = False

    @property
    def text(self) -> str:
        """The message behind its path: `spec.seed: must be at least 0, got -1`."""
        return f"{dotted(self.path)}: {self.message}" if self.path else self.message


def dotted(path: tuple[str | int, ...]) -> str:
    """`spec.integrations[0].wandb`: a path as people write it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _SIMPLE.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step[:_LONGEST]}"]'
    return text


_SIMPLE = re.compile(r"[\w*<>-]{1,60}")
_LONGEST = 60
