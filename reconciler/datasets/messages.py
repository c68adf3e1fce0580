"""What is wrong with the messages of a conversation, one by one.

`shape` asks about every list of messages in OpenAI's form; `native` knows Bedrock's. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.datasets import images, native, tools
from reconciler.datasets.fault import Fault, kind, not_text, quoted
from reconciler.datasets.position import Pointer

ROLES = ("system", "user", "assistant", "tool")
OLDER_OR_RARER_ROLES = ("developer", "function")
OUTPUT_ROLES = ("assistant", "tool")
"""Who speaks in the outputs of a preference."""


def check(value: Any, at: Pointer, roles: tuple[str, ...] = ROLES) -> Iterator[Fault]:
    """What is wrong with a list of messages, each taken by itself."""
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else kind(value)
        message = f"must be a list of messages, not {found}"
        yield Fault(rule="missing-messages", pointer=at, message=message)
        return
    for number, message in enumerate(value):
        yield from _message(message, (*at, number), roles)


def _message(value: Any, at: Pointer, roles: tuple[str, ...]) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        message = f"must be a message, not {kind(value)}"
        yield Fault(rule="bad-message", pointer=at, message=message)
        return
    role = value.get("role")
    if "role" not in value:
        hint = _has_share_gpt_keys(value)
        yield Fault(rule="missing-role", pointer=at, message="role is missing", hint=hint)
        return
    accepted = roles if roles is not ROLES else (*ROLES, *OLDER_OR_RARER_ROLES)
    if role not in accepted:
        yield Fault(
            rule="unknown-role",
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
                message = "tool_call_id is missing"
                yield Fault(rule="missing-tool-call-id", pointer=at, message=message)
            else:
                yield from not_text(value["tool_call_id"], (*at, "tool_call_id"))
        case "function":
            yield from _content(value, at, may_be_null=True)
        case _:
            yield from _content(value, at)
    if value.get("name") is not None:
        yield from not_text(value["name"], (*at, "name"))


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
            message = "the assistant says nothing: no content and no tool_calls"
            yield Fault(rule="missing-content", pointer=where, message=message)
    else:
        yield from _content(value, at)
        yield from images.misplaced(value["content"], (*at, "content"))
    weight = value.get("weight", 1)
    if isinstance(weight, bool) or weight not in (0, 1):
        message = f"must be 0 or 1, not {quoted(weight)}"
        yield Fault(rule="bad-weight", pointer=(*at, "weight"), message=message)
    yield from tools.calls(calls, (*at, "tool_calls"))
    if value.get("function_call") is not None:
        yield from tools.called_function(
            value["function_call"], (*at, "function_call"), rule="bad-function-call"
        )
    for name in ("refusal", "reasoning_content"):
        if value.get(name) is not None:
            yield from not_text(value[name], (*at, name))


def _content(
    value: Mapping[str, Any], at: Pointer, *, may_be_null: bool = False
) -> Iterator[Fault]:
    if "content" not in value:
        yield Fault(rule="missing-content", pointer=at, message="content is missing")
        return
    match value["content"]:
        case list() as parts:
            for number, part in enumerate(parts):
                yield from _part(part, (*at, "content", number))
        case None if may_be_null:
            pass
        case content:
            wanted = "must be text or a list of parts"
            yield from not_text(content, (*at, "content"), wanted, rule="bad-content")


def _part(part: Any, at: Pointer) -> Iterator[Fault]:
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        yield Fault(
            rule="bad-part",
            pointer=at,
            message='a part of content must be an object with a "type"',
            hint=_has_bedrock_keys(part),
        )
        return
    match part["type"]:
        case "text" if "text" in part:
            yield from not_text(part["text"], (*at, "text"), rule="bad-part")
        case "text":
            yield Fault(rule="bad-part", pointer=at, message="text is missing")
        case "image_url":
            yield from images.check(part, at)
