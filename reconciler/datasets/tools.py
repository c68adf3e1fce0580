"""What is wrong with tools: those offered, those called, and the answers to calls.

`messages` asks about each call, `shape` about all of an example. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.datasets.fault import Fault, kind, not_text
from reconciler.datasets.position import Pointer


def offered(value: Mapping[str, Any], at: Pointer) -> Iterator[Fault]:
    """What is wrong with the members of an example that offer tools."""
    yield from _tools(value.get("tools"), (*at, "tools"))
    yield from _functions(value.get("functions"), (*at, "functions"))
    if not isinstance(value.get("parallel_tool_calls", True), bool):
        yield Fault(
            rule="bad-parallel-tool-calls",
            pointer=(*at, "parallel_tool_calls"),
            message="must be true or false",
        )


def calls(value: Any, at: Pointer) -> Iterator[Fault]:
    """What is wrong with the `tool_calls` of an assistant."""
    if value is None:
        return
    if not isinstance(value, list):
        message = f"must be a list of calls, not {kind(value)}"
        yield Fault(rule="bad-tool-call", pointer=at, message=message)
        return
    for number, call in enumerate(value):
        where = (*at, number)
        if not isinstance(call, Mapping):
            message = f"must be a call, not {kind(call)}"
            yield Fault(rule="bad-tool-call", pointer=where, message=message)
            continue
        if "id" not in call:
            yield Fault(rule="bad-tool-call", pointer=where, message="id is missing")
        else:
            yield from not_text(call["id"], (*where, "id"), rule="bad-tool-call")
        if "function" not in call:
            yield Fault(rule="bad-tool-call", pointer=where, message="function is missing")
        else:
            yield from called_function(call["function"], (*where, "function"))


def called_function(value: Any, at: Pointer, *, rule: str = "bad-tool-call") -> Iterator[Fault]:
    """What is wrong with the name and the arguments of a call."""
    if not isinstance(value, Mapping):
        message = f"must be an object with name and arguments, not {kind(value)}"
        yield Fault(rule=rule, pointer=at, message=message)
        return
    for name in ("name", "arguments"):
        if name not in value:
            yield Fault(rule=rule, pointer=at, message=f"{name} is missing")
    if "name" in value:
        yield from not_text(value["name"], (*at, "name"), rule=rule)
    if "arguments" in value:
        yield from _arguments(value["arguments"], (*at, "arguments"))


def unanswered(
    messages: list[Mapping[str, Any]], at: Pointer, before: Iterable[Any] | None = None
) -> Iterator[Fault]:
    """The tools' messages that answer no call before them.

    The messages are sound; `before` are those of a preference's input, which may not be.
    """
    known = {call_id for message in before or () for call_id in _ids(message)}
    for number, message in enumerate(messages):
        known.update(_ids(message))
        if message["role"] == "tool" and message["tool_call_id"] not in known:
            yield Fault(
                rule="unknown-tool-call",
                pointer=(*at, number, "tool_call_id"),
                message="answers no call before it",
                hint="write the id of the call in tool_calls",
            )


def names(value: Mapping[str, Any]) -> list[str]:
    """The names of the tools that a sound example offers."""
    tools = [tool["function"]["name"] for tool in value.get("tools") or ()]
    return tools + [function["name"] for function in value.get("functions") or ()]


def _ids(message: Any) -> Iterator[str]:
    if isinstance(message, Mapping) and isinstance(message.get("tool_calls"), list):
        for call in message["tool_calls"]:
            if isinstance(call, Mapping) and isinstance(call.get("id"), str):
                yield call["id"]


def _arguments(value: Any, at: Pointer) -> Iterator[Fault]:
    rule = "arguments-not-json"
    faults = tuple(not_text(value, at, "must be JSON written as text", rule=rule))
    yield from faults
    if faults:
        return
    try:
        json.loads(value, parse_int=float)
    except (ValueError, RecursionError):
        message = "must be JSON written as text"
        hint = "write {} where there are none" if not value.strip() else ""
        yield Fault(rule=rule, pointer=at, message=message, hint=hint)


def _tools(value: Any, at: Pointer) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, list):
        message = f"must be a list of tools, not {kind(value)}"
        yield Fault(rule="bad-tools", pointer=at, message=message)
        return
    for number, tool in enumerate(value):
        match tool:
            case {"function": {"name": str()}}:
                yield from _parameters(tool["function"], (*at, number, "function"))
            case _:
                message = 'must be an object with a named "function"'
                yield Fault(rule="bad-tools", pointer=(*at, number), message=message)


def _functions(value: Any, at: Pointer) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, list):
        message = f"must be a list of functions, not {kind(value)}"
        yield Fault(rule="bad-tools", pointer=at, message=message)
        return
    for number, function in enumerate(value):
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            yield from _parameters(function, (*at, number))
        else:
            message = "must be an object with a name"
            yield Fault(rule="bad-tools", pointer=(*at, number), message=message)


def _parameters(function: Mapping[str, Any], at: Pointer) -> Iterator[Fault]:
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        yield Fault(
            rule="bad-tools",
            pointer=(*at, "parameters"),
            message=f"must be a JSON Schema, not {kind(parameters)}",
        )
