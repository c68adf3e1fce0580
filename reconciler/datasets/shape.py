"""Why a line is not an example, in words.

`examples` asks only about a line that its typed decoder refused, so this may be slow; it has the
last word, and says what is accepted. Pure: a decoded value in, faults out.

Sources: the message and preference formats of OpenAI's fine-tuning guides and of its OpenAPI
description (the chat format until 2025-06), where `content` may be missing beside `tool_calls`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any

from reconciler.datasets import native
from reconciler.datasets.fault import Fault, kind, not_text, quoted
from reconciler.datasets.position import Pointer

ROLES = ("system", "user", "assistant", "tool")
OLDER_OR_RARER_ROLES = ("developer", "function")


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


def shape(value: Any) -> Shape | tuple[Fault, ...]:
    """What the example is, or everything that is wrong with it."""
    if not isinstance(value, Mapping):
        return (Fault(message=f"a line holds one JSON object, not {kind(value)}"),)
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
    if any(name in value for name in ("input", "preferred_output", "non_preferred_output")):
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
        message='not an example: expected "messages", "prompt" and "completion",'
        ' or "input", "preferred_output" and "non_preferred_output"',
        hint=hint,
    )


def _completion(value: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ("prompt", "completion"):
        if name not in value:
            yield Fault(message=f"{name} is missing")
        else:
            yield from not_text(value[name], (name,))


def _preference(value: Mapping[str, Any]) -> Iterator[Fault]:
    match value.get("input"):
        case None:
            yield Fault(message="input is missing")
        case Mapping() as asked:
            yield from _conversation(asked, ("input",))
        case other:
            yield Fault(
                pointer=("input",),
                message=f"must be an object with messages, not {kind(other)}",
            )
    for name in ("preferred_output", "non_preferred_output"):
        if name not in value:
            older = name.replace("output", "completion")
            hint = f"{older} is its name in an older description" if older in value else ""
            yield Fault(message=f"{name} is missing", hint=hint)
            continue
        faults = tuple(_messages(value[name], (name,), roles=("assistant", "tool")))
        yield from faults
        if not faults and not any(item["role"] == "assistant" for item in value[name]):
            yield Fault(pointer=(name,), message="no assistant message to compare")


def _conversation(value: Mapping[str, Any], at: Pointer) -> Iterator[Fault]:
    """The messages and tools of a chat example, or of the input of a preference."""
    if "messages" in value:
        yield from _messages(value["messages"], (*at, "messages"))
    else:
        yield Fault(pointer=at, message="messages is missing")
    yield from _tools(value.get("tools"), (*at, "tools"))
    if not isinstance(value.get("parallel_tool_calls", True), bool):
        yield Fault(pointer=(*at, "parallel_tool_calls"), message="must be true or false")


def _someone_speaks(messages: list[Mapping[str, Any]]) -> Iterator[Fault]:
    """Supervised data needs an assistant to learn from, reinforcement a user to answer."""
    speaks = any(message["role"] == "assistant" for message in messages)
    if not speaks and messages[-1]["role"] != "user":
        yield Fault(pointer=("messages",), message="no assistant message to learn from")


def _conversation_shape(value: Mapping[str, Any]) -> Shape:
    if "system" in value and native.is_system_messages(value):
        return Shape.SYSTEM_MESSAGES
    messages = value["messages"]
    if messages[-1]["role"] != "user":
        return Shape.CONVERSATION
    if any(message["role"] == "assistant" for message in messages):
        return Shape.OPEN_CONVERSATION
    return Shape.QUESTION


def _bedrock_shape(messages: list[Mapping[str, Any]]) -> Shape:
    answered = messages[-1]["role"] == "assistant"
    return Shape.BEDROCK_CONVERSATION if answered else Shape.BEDROCK_PROMPT


def _messages(value: Any, at: Pointer, roles: tuple[str, ...] = ROLES) -> Iterator[Fault]:
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else kind(value)
        yield Fault(pointer=at, message=f"must be a list of messages, not {found}")
        return
    for number, message in enumerate(value):
        yield from _message(message, (*at, number), roles)


def _message(value: Any, at: Pointer, roles: tuple[str, ...]) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield Fault(pointer=at, message=f"must be a message, not {kind(value)}")
        return
    role = value.get("role")
    if "role" not in value:
        yield Fault(pointer=at, message="role is missing", hint=_has_share_gpt_keys(value))
        return
    accepted = roles if roles is not ROLES else (*ROLES, *OLDER_OR_RARER_ROLES)
    if role not in accepted:
        yield Fault(
            pointer=(*at, "role"),
            message=f"{quoted(role)} is not a role{' here' if role in ROLES else ''}"
            f" ({', '.join(roles)})",
        )
        return
    match role:
        case "assistant":
            yield from _assistant(value, at)
        case "tool":
            yield from _content(value, at)
            if "tool_call_id" not in value:
                yield Fault(pointer=at, message="tool_call_id is missing")
            else:
                yield from not_text(value["tool_call_id"], (*at, "tool_call_id"))
        case "function":
            yield from _content(value, at, may_be_null=True)
        case _:
            yield from _content(value, at)


def _has_share_gpt_keys(message: Mapping[str, Any]) -> str:
    if "from" in message and "value" in message:
        return 'write "role" and "content" for "from" and "value"'
    return ""


def _has_bedrock_keys(part: Any) -> str:
    if isinstance(part, Mapping) and part.keys() == {"text"}:
        return f'for Bedrock, write "schemaVersion": "{native.SCHEMA_VERSION}" beside messages'
    return ""


def _assistant(value: Mapping[str, Any], at: Pointer) -> Iterator[Fault]:
    calls = value.get("tool_calls")
    says_otherwise = bool(calls) or any(
        value.get(name) is not None for name in ("function_call", "refusal")
    )
    if value.get("content") is None:
        if not says_otherwise:
            where = (*at, "content") if "content" in value else at
            yield Fault(
                pointer=where, message="the assistant says nothing: no content and no tool_calls"
            )
    else:
        yield from _content(value, at)
    weight = value.get("weight", 1)
    if isinstance(weight, bool) or weight not in (0, 1):
        yield Fault(pointer=(*at, "weight"), message=f"must be 0 or 1, not {quoted(weight)}")
    yield from _tool_calls(calls, (*at, "tool_calls"))
    match value.get("function_call"):
        case None:
            pass
        case called:
            yield from _called_function(called, (*at, "function_call"))
    if value.get("refusal") is not None:
        yield from not_text(value["refusal"], (*at, "refusal"))


def _content(
    value: Mapping[str, Any], at: Pointer, *, may_be_null: bool = False
) -> Iterator[Fault]:
    if "content" not in value:
        yield Fault(pointer=at, message="content is missing")
        return
    match value["content"]:
        case list() as parts:
            for number, part in enumerate(parts):
                if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
                    yield Fault(
                        pointer=(*at, "content", number),
                        message='a part of content must be an object with a "type"',
                        hint=_has_bedrock_keys(part),
                    )
        case None if may_be_null:
            pass
        case content:
            yield from not_text(content, (*at, "content"), "must be text or a list of parts")


def _tool_calls(value: Any, at: Pointer) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, list):
        yield Fault(pointer=at, message=f"must be a list of calls, not {kind(value)}")
        return
    for number, call in enumerate(value):
        where = (*at, number)
        if not isinstance(call, Mapping):
            yield Fault(pointer=where, message=f"must be a call, not {kind(call)}")
            continue
        if "id" not in call:
            yield Fault(pointer=where, message="id is missing")
        else:
            yield from not_text(call["id"], (*where, "id"))
        if "function" not in call:
            yield Fault(pointer=where, message="function is missing")
        else:
            yield from _called_function(call["function"], (*where, "function"))


def _called_function(value: Any, at: Pointer) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield Fault(
            pointer=at, message=f"must be an object with name and arguments, not {kind(value)}"
        )
        return
    for name, wanted in (("name", "must be text"), ("arguments", "must be JSON written as text")):
        if name not in value:
            yield Fault(pointer=at, message=f"{name} is missing")
        else:
            yield from not_text(value[name], (*at, name), wanted)


def _tools(value: Any, at: Pointer) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, list):
        yield Fault(pointer=at, message=f"must be a list of tools, not {kind(value)}")
        return
    for number, tool in enumerate(value):
        match tool:
            case {"function": {"name": str()}}:
                pass
            case _:
                yield Fault(
                    pointer=(*at, number), message='must be an object with a named "function"'
                )


_EXAMPLE_KEYS = (
    "messages",
    "prompt",
    "completion",
    "input",
    "preferred_output",
    "non_preferred_output",
    "schemaVersion",
    "image-ref",
    "caption",
)
