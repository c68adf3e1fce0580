"""How the tokens of a file are to be counted: said once, for whoever counts them.

`estimates` says it of the training data of every spec, `cli.datasets` of the files it shows, and
`specs` in advance, so that a second process can count a large file while it is read anyway. The
answer is the same whoever counts. Imports nothing that is slow to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.cost import BaseModel

DEFAULT_TOKENIZER = "o200k_base"
"""OpenAI's own since gpt-4o. For other models' tokens it is an estimate, and is called one."""

CACHE = Path(".reconciler/cache/tokens")
"""Where counts are kept, relative to the repository. It may be deleted at any time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How to count.

    `tokenizer` is the name of a vocabulary that is here, or the path of a tokenizer.json. An
    example counts as `limit` tokens at most. `exact` counts all of a file that would be sampled.
    `cache` is a folder for what was counted, made where it is missing.
    """

    tokenizer: str = DEFAULT_TOKENIZER
    limit: int | None = None
    exact: bool = False
    cache: Path | None = None


def counting(base: BaseModel | None, root: Path, *, exact: bool = False) -> Counting:
    """How training data of this base model is counted, in the repository at `root`."""
    named = (base.tokenizer if base else None) or DEFAULT_TOKENIZER
    return Counting(
        tokenizer=str(root / named) if named.endswith(".json") else named,
        limit=base.max_tokens_per_example if base else None,
        exact=exact,
        cache=root / CACHE,
    )
