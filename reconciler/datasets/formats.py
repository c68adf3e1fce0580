"""The format of a file: what all its examples have in common.

`facts` asks once, about the shapes that a file's examples have and where each stands first. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from reconciler.datasets.findings import Found, Kind
from reconciler.datasets.part import ShapeSeen
from reconciler.datasets.shape import Shape

MIXED = "mixed-formats"


class Format(StrEnum):
    """What the examples of a file are."""

    CHAT = "chat"
    COMPLETION = "completion"
    PREFERENCE = "preference"
    REINFORCEMENT = "reinforcement"  # conversations in which a user has the last word
    SYSTEM_MESSAGES = "system-messages"  # Bedrock's form for Claude
    BEDROCK_CONVERSATION = "bedrock-conversation"  # its form for Nova and newer Llamas
    BEDROCK_PROMPTS = "bedrock-prompts"  # the same, some unanswered: for distillation alone
    IMAGE = "image"  # places of pictures in S3, and captions
    TEXT = "text"  # nothing but texts, for continued pre-training


def settle(shapes: Mapping[str, ShapeSeen]) -> tuple[Format | None, Kind | None]:
    """The format of a file with examples of these shapes, and the examples that have another.

    In the order in which shapes appear, each narrows what the file may be; one that leaves nothing
    does not belong.
    """
    formats, settled = frozenset(Format), 0
    misfits = Kind(0, [])
    for name, seen in sorted(shapes.items(), key=lambda item: item[1].firsts[0]):
        shape = Shape[name]
        if common := formats & _FORMATS[shape]:
            if common != formats:
                formats, settled = common, seen.firsts[0][0]
            continue
        pointer, message = _misfit(shape, _format(formats), settled)
        misfits.count += seen.count
        misfits.listed += [
            Found(line, column if pointer else 1, message, "", pointer)
            for line, column in seen.firsts
        ]
    return _format(formats), misfits if misfits.count else None


def _format(formats: frozenset[Format]) -> Format | None:
    match sorted(formats):
        case [only]:
            return only
        case [Format.CHAT, Format.REINFORCEMENT]:
            return Format.REINFORCEMENT  # in every one, a user has the last word
        case [Format.CHAT, Format.SYSTEM_MESSAGES]:
            return Format.SYSTEM_MESSAGES  # in every one, the system's text stands apart
        case [Format.BEDROCK_CONVERSATION, Format.BEDROCK_PROMPTS]:
            return Format.BEDROCK_CONVERSATION  # every one is answered
        case _:
            return None


def _misfit(shape: Shape, format_: Format | None, settled: int) -> tuple[str, str]:
    rest = f"the examples before it (line {settled})"
    match shape, format_:
        case Shape.QUESTION, Format.CHAT:
            return "/messages", f"no assistant message to learn from, unlike {rest}"
        case Shape.CONVERSATION, Format.REINFORCEMENT:
            return "/messages", f"a user should have the last word, as in {rest}"
        case _:
            kinds = " or ".join(sorted(_FORMATS[shape]))
            return "", f"a {kinds} example, unlike {rest}: {format_}"


_FORMATS = {
    Shape.CONVERSATION: frozenset({Format.CHAT}),
    Shape.OPEN_CONVERSATION: frozenset({Format.CHAT, Format.REINFORCEMENT}),
    Shape.QUESTION: frozenset({Format.REINFORCEMENT}),
    Shape.COMPLETION: frozenset({Format.COMPLETION}),
    Shape.PREFERENCE: frozenset({Format.PREFERENCE}),
    Shape.SYSTEM_MESSAGES: frozenset({Format.CHAT, Format.SYSTEM_MESSAGES}),
    Shape.BEDROCK_CONVERSATION: frozenset({Format.BEDROCK_CONVERSATION, Format.BEDROCK_PROMPTS}),
    Shape.BEDROCK_PROMPT: frozenset({Format.BEDROCK_PROMPTS}),
    Shape.IMAGE: frozenset({Format.IMAGE}),
    Shape.TEXT: frozenset({Format.TEXT}),
}
