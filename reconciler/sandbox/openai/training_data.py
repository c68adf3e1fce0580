"""What is in a training or validation file, and what a job on it would fail with.

The create handler asks once and stores the answer in the job, so that the job's future is known
from its record and the file may be deleted. Codes and messages are those of real failed jobs where
one has been published; the rest follow their form. What OpenAI's moderation would say is not known
here.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.sandbox.openai import messages

MINIMUM_EXAMPLES = 10
"""Fewer examples than this train nothing, says OpenAI."""

BYTES_PER_TOKEN = 4
"""The sandbox has no tokenizer: four bytes of text count as a token, at least one an example."""

_CHAT, _COMPLETIONS, _PREFERENCE = "fine-tune-chat", "fine-tune-completions", "fine-tune-preference"
_METHOD_OF = {_CHAT: "supervised", _COMPLETIONS: "supervised", _PREFERENCE: "dpo"}
_KEYS = {
    _CHAT: ("messages", "tools", "parallel_tool_calls", "functions"),
    _COMPLETIONS: ("prompt", "completion"),
    _PREFERENCE: ("input", "preferred_output", "non_preferred_output"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What a file holds.

    `tokens` are the sandbox's own count of one pass, see `BYTES_PER_TOKEN`. `error` is the job's
    error if the file cannot be trained on: {code, message, param}.
    """

    examples: int
    tokens: int
    error: Mapping[str, str] | None = None


class _Invalid(Exception):
    """The first thing wrong with a file. `code` None stands for invalid_<role>_file."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@functools.lru_cache(maxsize=1_024)
def inspect(path: Path, *, file_id: str, method: str, data: str, role: str) -> DataFacts:
    """Read a file line by line. Files never change, so an answer is kept.

    `data` is the form the model takes (chat or completions), `role` is training or validation.
    """
    examples = tokens = 0
    try:
        check: Callable[[int, dict[str, Any]], Iterator[str]] | None = None
        for examples, example in _lines(path):
            if check is None:
                check = _check_for(example, file_id, method, data)
            size = sum(len(text.encode()) for text in check(examples, example))
            tokens += max(1, size // BYTES_PER_TOKEN)
    except _Invalid as invalid:
        return DataFacts(examples=examples, tokens=0, error=_error(invalid, role))
    if role == "training" and examples < MINIMUM_EXAMPLES:
        error = {
            "code": "invalid_n_examples",
            "message": f"Training file has {examples} example(s), but must have at least "
            f"{MINIMUM_EXAMPLES} examples",
            "param": "training_file",
        }
        return DataFacts(examples=examples, tokens=0, error=error)
    return DataFacts(examples=examples, tokens=tokens)


def _error(invalid: _Invalid, role: str) -> dict[str, str]:
    kind = "a file format error in the" if invalid.code else "an invalid"
    return {
        "code": invalid.code or f"invalid_{role}_file",
        "message": f"The job failed due to {kind} {role} file. {invalid.message}",
        "param": f"{role}_file",
    }


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number, from 1, and object of every line; a blank line is a bad one, as for OpenAI."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                example = json.loads(line.decode().rstrip("\r\n"))
            except RecursionError:
                raise _unreadable(number, "too deeply nested") from None
            except UnicodeDecodeError as error:
                raise _unreadable(number, f"line is not UTF-8: {error.reason}") from None
            except ValueError as error:
                raise _unreadable(number, f"line contains invalid json: {error}") from None
            if not isinstance(example, dict):
                raise _Invalid(f"Invalid file format. Example {number} is not a JSON object.")
            yield number, example


def _unreadable(number: int, why: str) -> _Invalid:
    return _Invalid(
        f"Invalid file format. Example {number} cannot be parsed. Error: {why} (line {number})"
    )


def _check_for(
    first: Mapping[str, Any], file_id: str, method: str, data: str
) -> Callable[[int, dict[str, Any]], Iterator[str]]:
    """The check for every line of a file whose first line this is.

    A check yields an example's texts, or raises _Invalid.
    """
    form = _form(first)
    expected = "supervised" if method == "reinforcement" else method
    if _METHOD_OF[form] != expected or (method == "reinforcement" and form != _CHAT):
        raise _Invalid(
            f"Invalid file format. Input file {file_id} is in the {form} format, but the "
            f"specified fine-tuning job is not using '{_METHOD_OF[form]}' as the training method "
            f"(provided method={method}). "
        )
    if form == _PREFERENCE:
        return _preference
    if method == "reinforcement":
        return _reinforcement
    return _chat if data == "chat" else _completion


def _form(first: Mapping[str, Any]) -> str:
    if "messages" in first:
        return _CHAT
    if "prompt" in first and "completion" in first:
        return _COMPLETIONS
    if "input" in first and ("preferred_output" in first or "non_preferred_output" in first):
        return _PREFERENCE
    raise _Invalid(
        "Unexpected file format, expected either prompt/completion pairs or chat messages."
    )


def _chat(number: int, example: dict[str, Any]) -> Iterator[str]:
    _keys(number, example, _CHAT, ("messages",))
    _sound(number, example["messages"])
    if not messages.has_assistant(example["messages"]):
        raise _Invalid(
            f"Invalid file format. Example {number} must have at least one message with role "
            "'assistant'"
        )
    _tools(number, example.get("tools"))
    return messages.texts(example["messages"])


def _completion(number: int, example: dict[str, Any]) -> Iterator[str]:
    _keys(number, example, _COMPLETIONS, ("prompt", "completion"))
    for key in ("prompt", "completion"):
        if not isinstance(example[key], str):
            raise _Invalid(f"Invalid file format. Example {number} {key} str type expected")
    return iter((example["prompt"], example["completion"]))


def _preference(number: int, example: dict[str, Any]) -> Iterator[str]:
    _keys(number, example, _PREFERENCE, _KEYS[_PREFERENCE])
    given = example["input"]
    if not isinstance(given, dict) or "messages" not in given:
        raise _Invalid(f"Invalid file format. Example {number} is missing key 'input.messages'")
    _sound(number, given["messages"])
    _tools(number, given.get("tools"))
    for key in ("preferred_output", "non_preferred_output"):
        _sound(number, example[key], where=f" {key}", roles=("assistant", "tool"))
        if not messages.has_assistant(example[key]):
            raise _Invalid(
                f"Invalid file format. Example {number} {key} must have at least one message "
                "with role 'assistant'"
            )
    parts = (given["messages"], example["preferred_output"], example["non_preferred_output"])
    return (text for part in parts for text in messages.texts(part))


def _reinforcement(number: int, example: dict[str, Any]) -> Iterator[str]:
    """Any further keys are the grader's `{{item.key}}`."""
    if "messages" not in example:
        raise _Invalid(f"Invalid file format. Example {number} is missing key 'messages'")
    _sound(number, example["messages"], roles=("developer", *messages.ROLES))
    last = example["messages"][-1]["role"]
    if last != "user":
        raise _Invalid(
            f"Invalid file format. Example {number}, the last message must have role 'user', "
            f"not '{last}'"
        )
    _tools(number, example.get("tools"))
    return messages.texts(example["messages"])


def _keys(number: int, example: Mapping[str, Any], form: str, needed: tuple[str, ...]) -> None:
    for key in needed:
        if key not in example:
            raise _Invalid(f"Invalid file format. Example {number} is missing key '{key}'")
    for key in example:
        if key not in _KEYS[form]:
            raise _Invalid(
                f'Invalid file format. Example {number} contains an extra "{key}".',
                "invalid_file_format",
            )


def _sound(
    number: int, chat: Any, *, where: str = "", roles: tuple[str, ...] = messages.ROLES
) -> None:
    wrong = messages.fault(chat, roles=roles)
    if wrong:
        raise _Invalid(f"Invalid file format. Example {number}{where}{wrong}")


def _tools(number: int, tools: Any) -> None:
    if tools is None:
        return
    for index, tool in enumerate(tools if isinstance(tools, list) else [None]):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _Invalid(
                f"Invalid file format. Example {number} tools[{index}] is not a valid function"
            )
