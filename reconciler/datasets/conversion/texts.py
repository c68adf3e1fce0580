"""What is asked of every text that is to be trained on. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from reconciler.datasets.fault import Fault
from reconciler.datasets.position import Pointer


def is_blank(text: str) -> bool:
    """Whether a text says nothing."""
    return not text or text.isspace()


def holds_reserved(text: str, reserved: tuple[str, ...]) -> bool:
    """Whether a text holds one of these words, in any case of letters."""
    return bool(reserved) and bool(_held(text, reserved))


def reserved_fault(text: str, at: Pointer, reserved: tuple[str, ...]) -> Iterator[Fault]:
    """The fault of a text that holds reserved words; it names them as the list spells them."""
    if words := [f'"{word}"' for word in _held(text, reserved)]:
        are = "is a reserved word" if len(words) == 1 else "are reserved words"
        yield Fault(
            pointer=at,
            message=f"{' and '.join(words)} {are}, with which the job would fail",
            hint="write it otherwise",
        )


def _held(text: str, reserved: tuple[str, ...]) -> list[str]:
    words = [found for found in _with_marks(reserved) if found[2] in text]
    lowered = text.lower() if words else ""
    return [word for word, low, _ in words if low in lowered]


@cache
def _with_marks(reserved: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """Each word, in lower case too, and a sign in it that few texts hold: quick to look for."""
    return tuple(
        (word, word.lower(), next((sign for sign in word if not sign.isalpha()), ""))
        for word in reserved
    )
