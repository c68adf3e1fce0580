"""Chat messages in a training file: what OpenAI's validator says of the first bad one.

`training_data` asks. The addressing ("Example 3, message 2 ...", both counted from 1) and the
words for a missing role are as published from real jobs; the other messages follow their form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ROLES = ("system", "user", "assistant", "tool", "function")
"""Roles in a supervised or preference example; reinforcement knows `developer` too."""


def fault(messages: Any, *, roles: Sequence[str] = ROLES) -> str | None:
    """What is wrong with a list of messages, as the end of "Example N..."; None if it is sound."""
    if not isinstance(messages, list) or not messages:
        return " messages must be a list with at least one message"
    for index, message in enumerate(messages, start=1):
        wrong = _message(message, roles)
        if wrong:
            return f", message {index} {wrong}"
    return None


def has_assistant(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether anything in there can be learned from."""
    return any(message["role"] == "assistant" for message in messages)


def texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Every text in sound messages: contents, and the arguments of calls."""
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (part["text"] for part in content if part["type"] == "text")
        calls = [call["function"] for call in message.get("tool_calls") or ()]
        if message.get("function_call"):
            calls.append(message["function_call"])
        for call in calls:
            yield call["name"]
            yield call["arguments"]


def _message(message: Any, roles: Sequence[str]) -> str | None:
    if not isinstance(message, dict):
        return "value is not a valid dict"
    if "role" not in message:
        return "Discriminator 'role' is missing in value"
    role = message["role"]
    if role not in roles:
        allowed = ", ".join(f"'{name}'" for name in roles)
        return f"No match for discriminator 'role' and value '{role}' (allowed values: {allowed})"
    match role:
        case "assistant":
            return _assistant(message)
        case "tool" if not isinstance(message.get("tool_call_id"), str):
            return "tool_call_id field required"
        case "function" if not isinstance(message.get("name"), str):
            return "name field required"
    return _content(message.get("content"), images=role == "user")


def _assistant(message: Mapping[str, Any]) -> str | None:
    if "weight" in message and message["weight"] not in (0, 1):
        return "weight unexpected value; permitted: 0, 1"
    calls = message.get("tool_calls")
    if calls is not None:
        wrong = _tool_calls(calls)
        if wrong:
            return wrong
    function_call = message.get("function_call")
    if function_call is not None:
        wrong = _call(function_call, "function_call")
        if wrong:
            return wrong
    if message.get("content") is None and (calls or function_call):
        return None
    return _content(message.get("content"), images=False)


def _tool_calls(calls: Any) -> str | None:
    if not isinstance(calls, list) or not calls:
        return "tool_calls must be a list with at least one call"
    for index, call in enumerate(calls):
        place = f"tool_calls[{index}]"
        if not isinstance(call, dict) or not isinstance(call.get("id"), str):
            return f"{place}.id field required"
        if call.get("type") != "function":
            return f"{place}.type unexpected value; permitted: 'function'"
        wrong = _call(call.get("function"), f"{place}.function")
        if wrong:
            return wrong
    return None


def _call(call: Any, place: str) -> str | None:
    if not isinstance(call, dict):
        return f"{place} value is not a valid dict"
    for field in ("name", "arguments"):
        if not isinstance(call.get(field), str):
            return f"{place}.{field} str type expected"
    return None


def _content(content: Any, *, images: bool) -> str | None:
    if content is None:
        return "content field required"
    if isinstance(content, str):
        return None
    if not isinstance(content, list) or not content:
        return "content str type expected"
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        match kind:
            case "text" if isinstance(part.get("text"), str):
                continue
            case "image_url" if images and isinstance(part.get("image_url"), dict):
                continue
            case "image_url" if not images:
                return f"content[{index}] images are only allowed in messages with role 'user'"
            case _:
                return f"content[{index}] is not a valid content part"
    return None
