"""What GitHub Actions reads beside stdout: the step's summary and its outputs.

`plan`, `apply` and `validate` call it with `--format github`. GitHub names the files in the
environment; outside of it nothing is written.
"""

from __future__ import annotations

import os
from pathlib import Path


def tell(*, summary: str = "", outputs: str = "") -> None:
    """Append Markdown to the step's summary, and `name=value` lines to its outputs."""
    _append("GITHUB_STEP_SUMMARY", summary and f"{summary}\n")
    _append("GITHUB_OUTPUT", outputs)


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable)
    if path and text:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
