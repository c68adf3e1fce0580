"""A training file without a spec, against a provider: what `validate DATA.jsonl` says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.config import (
    BedrockSettings,
    Config,
    FireworksSettings,
    OpenAISettings,
    ProviderSettings,
)
from reconciler.datasets import facts
from reconciler.specs import datafile

CHAT = {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "Yes."}]}
PREFERENCE = {
    "input": {"messages": CHAT["messages"][:1]},
    "preferred_output": [{"role": "assistant", "content": "Yes, of course."}],
    "non_preferred_output": [{"role": "assistant", "content": "No."}],
}
COMPLETION = {"prompt": "?", "completion": "Yes."}
WRONG = {"messages": [{"role": "robot", "content": "?"}]}
CALLING = {
    "messages": [
        {"role": "user", "content": "Light?"},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "on", "arguments": "{}"}}
            ],
        },
    ],
    "tools": [{"type": "function", "function": {"name": "on"}}],
}

SETTINGS: dict[str, ProviderSettings] = {
    "openai": OpenAISettings(name="openai"),
    "bedrock": BedrockSettings(name="bedrock", region="us-east-1"),
    "fireworks": FireworksSettings(name="fireworks"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.jsonl"


def said(path: Path, lines: list[Any], provider: str = "openai", **asked: str) -> list[str]:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = facts.read(path, "x.jsonl")
    config = Config(root=path.parent, providers=SETTINGS)
    return [
        str(problem.message)
        for problem in datafile.check(path, found, config, SETTINGS[provider], **asked)
    ]


def numbered(example: dict[str, Any], number: int = 12) -> list[dict[str, Any]]:
    return [example] * number


@pytest.mark.parametrize("provider", ["openai", "fireworks"])
@pytest.mark.parametrize("example", [CHAT, PREFERENCE], ids=["chat", "preference"])
def test_without_a_method_it_is_the_one_that_the_format_is_for(
    path: Path, provider: str, example: dict[str, Any]
) -> None:
    assert said(path, numbered(example), provider) == []


@pytest.mark.parametrize("provider", ["openai", "fireworks"])
def test_a_method_that_does_not_train_on_the_format_is_one_error(path: Path, provider: str) -> None:
    message = "the file is in the chat format, but method is dpo"
    assert said(path, numbered(CHAT), provider, method="dpo") == [message]


@pytest.mark.parametrize("provider", ["openai", "fireworks"])
def test_that_is_said_though_lines_are_wrong_too(path: Path, provider: str) -> None:
    lines = [WRONG, *numbered(CHAT)]
    message = "the file is in the chat format, but method is dpo"
    assert said(path, lines, provider, method="dpo") == [message]
    assert said(path, lines, provider) == []


def test_what_is_no_example_at_all_has_no_format_to_be_wrong(path: Path) -> None:
    assert said(path, [WRONG], method="dpo") == []


def test_a_file_with_too_few_examples_is_told_unless_some_are_wrong(path: Path) -> None:
    (message,) = said(path, numbered(CHAT, 3))
    assert "3 examples" in message
    assert said(path, [*numbered(CHAT, 3), WRONG]) == []


def test_a_model_brings_its_own_rules(path: Path) -> None:
    assert said(path, numbered(COMPLETION), model="gpt-4.1-mini-2025-04-14") == [
        "the file is in the completion format, but gpt-4.1-mini-2025-04-14 is a chat model"
    ]


def test_what_bedrock_cannot_be_told_is_found_at_its_line(path: Path) -> None:
    lines = [*numbered(CHAT, 40), CALLING]
    model = "amazon.nova-micro-v1:0:128k"
    assert said(path, numbered(CHAT, 40), "bedrock", model=model) == []
    messages = said(path, lines, "bedrock", model=model)
    assert messages
    assert all("tool" in message for message in messages)
