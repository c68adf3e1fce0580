"""What a chat example says, whatever form it is written in.

`reading` makes it of a line, `forms` writes it. What has no place in here cannot be converted.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A system text, and turns: a user begins, an assistant has the last word, and they alternate.

    A turn is a tuple of texts, since content may come in parts. `system` is a tuple of one text, or
    empty where there is none. No text is blank.
    """

    system: tuple[str, ...]
    turns: tuple[tuple[str, ...], ...]
