"""What is in a dataset, and what a job on it would fail with.

The dataset handlers ask for a survey once all files are there, the create handler for the fault of
a job; both store the answer, so that the future is known from the records alone. The words are
those of failed jobs that people have published; where none have been, they follow their form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BYTES_PER_TOKEN = 4
"""The sandbox has no tokenizer: four bytes of a line count as a token."""

MINIMUM_EXAMPLES = 3
MAXIMUM_EXAMPLES = 3_000_000
"""Limits of a dataset, and of its examples times the epochs."""

_ROLES = ("system", "user", "assistant", "tool")
_SHOWN_ROLES = "must be 'system', 'user', 'assistant' or 'tool'"

Files = Sequence[tuple[str, Path]]
"""Name and place of every file of a dataset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a dataset holds, whatever it will be used for. `error` says why it is none."""

    examples: int
    tokens: int
    turns: float
    error: str | None = None


class _Fault(Exception):
    """The first thing wrong with an example."""


def survey(files: Files) -> Survey:
    """Read all files: every line must be a JSON object."""
    examples = tokens = turns = 0
    try:
        for _, line, example in _examples(files):
            examples += 1
            tokens += max(1, len(line) // BYTES_PER_TOKEN)
            messages = example.get("messages")
            turns += len(messages) if isinstance(messages, list) else 0
    except _Fault as fault:
        return Survey(examples=examples, tokens=0, turns=0.0, error=str(fault))
    average = round(turns / examples, 2) if examples else 0.0
    return Survey(examples=examples, tokens=tokens, turns=average)


def fault(files: Files, *, preference: bool, epochs: int) -> str | None:
    """What a job on these files fails with, None if nothing is wrong."""
    check, kind = (_preference, "preference") if preference else (_chat, "chat")
    examples = 0
    try:
        for place, _, example in _examples(files):
            examples += 1
            _checked(example, check, kind, place)
    except _Fault as found:
        return str(found)
    if examples < MINIMUM_EXAMPLES:
        return f"Dataset has {examples} examples, but at least {MINIMUM_EXAMPLES} are required"
    if examples * epochs > MAXIMUM_EXAMPLES:
        return f"Dataset examples times epochs must not exceed {MAXIMUM_EXAMPLES}"
    return None


def _examples(files: Files) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Place, bytes and object of every line of every file."""
    for name, path in files:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                place = f"{name}:{number}"
                try:
                    example = json.loads(line.decode())
                except (ValueError, RecursionError):
                    raise _Fault(f"Dataset has a syntax error: invalid JSON on {place}") from None
                if not isinstance(example, dict):
                    raise _Fault(f"Dataset has a syntax error: {place} is not a JSON object")
                yield place, line, example


def _checked(
    example: Mapping[str, Any], check: Callable[[Mapping[str, Any]], None], kind: str, place: str
) -> None:
    try:
        check(example)
    except _Fault as found:
        raise _Fault(
            f"Dataset has a syntax error: {kind} dataset validation failed on {place}: {found}"
        ) from None


def _chat(example: Mapping[str, Any]) -> None:
    if "messages" not in example:
        raise _Fault("missing required field 'messages'")
    _messages(example["messages"])
    trained = [
        message
        for message in example["messages"]
        if message["role"] == "assistant" and message.get("weight") != 0
    ]
    if not trained:
        raise _Fault("no assistant message to train on")


def _preference(example: Mapping[str, Any]) -> None:
    for key in ("input", "preferred_output", "non_preferred_output"):
        if key not in example:
            raise _Fault(f"missing required field '{key}'")
    given = example["input"]
    if not isinstance(given, dict) or "messages" not in given:
        raise _Fault("missing required field 'input.messages'")
    _messages(given["messages"])
    for key in ("preferred_output", "non_preferred_output"):
        output = example[key]
        if not isinstance(output, list) or len(output) != 1:
            raise _Fault(f"{key} must have exactly one message")
        _message(output[0], 0)
        if output[0]["role"] != "assistant":
            raise _Fault(f"{key} must have the role 'assistant'")


def _messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise _Fault("'messages' must be a list that is not empty")
    for index, message in enumerate(messages):
        _message(message, index)
        if message["role"] == "system" and index > 0:
            raise _Fault(f"message {index} has the role 'system', which only the first may have")


def _message(message: Any, index: int) -> None:
    if not isinstance(message, dict):
        raise _Fault(f"message {index} is not an object")
    role = message.get("role")
    if role not in _ROLES:
        raise _Fault(f"invalid role {role} in message {index}, {_SHOWN_ROLES}")
    content = message.get("content")
    if not isinstance(content, (str, list)) and not message.get("tool_calls"):
        raise _Fault(f"message {index} has no content")
    if message.get("weight") not in (None, 0, 1):
        raise _Fault(f"weight of message {index} must be 0 or 1")
