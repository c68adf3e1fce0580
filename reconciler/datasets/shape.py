"""Why a line is not an example, in words.

`examples` asks about every line that is more than plain chat; this has the last word, and says what
is accepted. Pure: a decoded value in, faults out.

Sources: the message and preference formats of OpenAI's fine-tuning guides and of its OpenAPI
description (the chat format until 2025-06), where `content` may be missing beside `tool_calls`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any

from reconciler.datasets import images, messages, native, tools
from reconciler.datasets.fault import Fault, kind, not_text, quoted
from reconciler.datasets.position import Pointer


class Shape(Enum):
    """What one example is. A conversation that ends with a user may serve two formats."""

    CONVERSATION = auto()  # an assistant speaks, and a user does not have the last word
    OPEN_CONVERSATION = auto()  # an assistant speaks, and a user has the last word
    QUESTION = auto()  # no assistant speaks, and a user has the last word
    COMPLETION = auto()
    PREFERENCE = auto()
    SYSTEM_MESSAGES = auto()  # a conversation with its system text beside it, in Claude's form
    BEDROCK_CONVERSATION = auto()
    BEDROCK_PROMPT = auto()  # the same, but a user has the last word
    IMAGE = auto()
    TEXT = auto()


OUTPUTS = ("preferred_output", "non_preferred_output")


def shape(value: Any) -> Shape | tuple[Fault, ...]:
    """What the example is, or everything that is wrong with it."""
    if not isinstance(value, Mapping):
        message = f"a line holds one JSON object, not {kind(value)}"
        return (Fault(rule="not-an-object", message=message),)
    match _kind_of_example(value):
        case Shape.COMPLETION:
            faults = tuple(_completion(value))
            return faults or Shape.COMPLETION
        case Shape.PREFERENCE:
            faults = tuple(_preference(value))
            return faults or Shape.PREFERENCE
        case Shape.CONVERSATION:
            faults = tuple(_conversation(value, ())) or tuple(_someone_speaks(value["messages"]))
            return faults or _conversation_shape(value)
        case Shape.BEDROCK_CONVERSATION:
            faults = tuple(native.conversation(value))
            return faults or _bedrock_shape(value["messages"])
        case Shape.TEXT:
            faults = tuple(not_text(value["input"], ("input",)))
            return faults or Shape.TEXT
        case Shape.IMAGE:
            faults = tuple(native.image(value))
            return faults or Shape.IMAGE
        case _:
            return (_unknown_keys(value),)


def _kind_of_example(value: Mapping[str, Any]) -> Shape | None:
    """What the names of the members promise. Beside `messages`, almost anything else is free."""
    if "schemaVersion" in value:
        return Shape.BEDROCK_CONVERSATION
    if "messages" in value:
        return Shape.CONVERSATION
    if value.keys() == {"input"} and isinstance(value["input"], str):
        return Shape.TEXT
    if any(name in value for name in ("input", *OUTPUTS)):
        return Shape.PREFERENCE
    if "prompt" in value or "completion" in value:
        return Shape.COMPLETION
    if "image-ref" in value:
        return Shape.IMAGE
    return None


def _unknown_keys(value: Mapping[str, Any]) -> Fault:
    from difflib import get_close_matches

    hint = ""
    for name in value:
        if close := get_close_matches(name, _EXAMPLE_KEYS, n=1, cutoff=0.8):
            hint = f"did you mean {close[0]} instead of {quoted(name)}?"
            break
    return Fault(
        rule="unknown-format",
        message='not an example: expected "messages", "prompt" and "completion",'
        ' or "input", "preferred_output" and "non_preferred_output"',
        hint=hint,
    )


def _completion(value: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ("prompt", "completion"):
        if name not in value:
            yield Fault(rule="missing-text", message=f"{name} is missing")
        else:
            yield from not_text(value[name], (name,))


def _preference(value: Mapping[str, Any]) -> Iterator[Fault]:
    asked = value.get("input")
    match asked:
        case None:
            yield Fault(rule="missing-input", message="input is missing")
        case Mapping():
            yield from _conversation(asked, ("input",))
        case other:
            yield Fault(
                rule="wrong-type",
                pointer=("input",),
                message=f"must be an object with messages, not {kind(other)}",
            )
    before = asked.get("messages") if isinstance(asked, Mapping) else None
    for name in OUTPUTS:
        if name not in value:
            older = name.replace("output", "completion")
            hint = f"{older} is its name in an older description" if older in value else ""
            yield Fault(rule="missing-output", message=f"{name} is missing", hint=hint)
            continue
        output = value[name]
        faults = tuple(messages.check(output, (name,), roles=messages.OUTPUT_ROLES))
        yield from faults
        if faults:
            continue
        if not any(item["role"] == "assistant" for item in output):
            message = "no assistant message to compare"
            yield Fault(rule="no-assistant", pointer=(name,), message=message)
        else:
            yield from tools.unanswered(output, (name,), before)


def _conversation(value: Mapping[str, Any], at: Pointer) -> Iterator[Fault]:
    """The messages and tools of a chat example, or of the input of a preference."""
    if "messages" in value:
        where = (*at, "messages")
        faults = tuple(messages.check(value["messages"], where))
        yield from faults
        if not faults:
            yield from tools.unanswered(value["messages"], where)
            yield from images.too_many(value["messages"], where)
    else:
        yield Fault(rule="missing-messages", pointer=at, message="messages is missing")
    yield from tools.offered(value, at)


def _someone_speaks(said: list[Mapping[str, Any]]) -> Iterator[Fault]:
    """Supervised data needs an assistant to learn from, reinforcement a user to answer."""
    speaks = any(message["role"] == "assistant" for message in said)
    if not speaks and said[-1]["role"] != "user":
        message = "no assistant message to learn from"
        yield Fault(rule="no-assistant", pointer=("messages",), message=message)


def _conversation_shape(value: Mapping[str, Any]) -> Shape:
    if "system" in value and native.is_system_messages(value):
        return Shape.SYSTEM_MESSAGES
    said = value["messages"]
    if said[-1]["role"] != "user":
        return Shape.CONVERSATION
    if any(message["role"] == "assistant" for message in said):
        return Shape.OPEN_CONVERSATION
    return Shape.QUESTION


def _bedrock_shape(said: list[Mapping[str, Any]]) -> Shape:
    answered = said[-1]["role"] == "assistant"
    return Shape.BEDROCK_CONVERSATION if answered else Shape.BEDROCK_PROMPT


_EXAMPLE_KEYS = (
    "messages",
    "prompt",
    "completion",
    "input",
    *OUTPUTS,
    "schemaVersion",
    "image-ref",
    "caption",
)
