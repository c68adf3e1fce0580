"""What a chat example says, whatever form it is written in.

`reading` makes it of a line, `forms` writes it. What has no place in here cannot be converted.
"""

from __future__ import annotations

from dataclasses import dataclass

SPEAKERS = ("user", "assistant")
"""Whose turn it is: a user begins, they alternate, and the assistant has the last word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A system text, and turns that alternate between a user and an assistant.

    Each is a tuple of texts, since content may come in parts. No text is blank; an example without
    a system text has an empty tuple for it.
    """

    system: tuple[str, ...]
    turns: tuple[tuple[str, ...], ...]
