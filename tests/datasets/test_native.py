"""Data that is in Bedrock's own forms already: known by its shape, and told what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.datasets import facts
from reconciler.datasets.examples import inspect
from reconciler.datasets.facts import DatasetFacts, Format
from reconciler.datasets.shape import Shape, shape
from tests.datasets.chat_lines import ANSWERED, ASKED

CHAT = {"messages": [ASKED, ANSWERED]}
CLAUDE = {"system": "You sell lamps.", **CHAT}
PICTURE = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/a.png"}}}}
IMAGE = {"image-ref": "s3://bucket/lamp.png", "caption": "a lamp"}
TEXT = {"input": "Lamps shine."}


def said(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "content": [{"text": text} for text in texts]}


def bedrock(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"schemaVersion": "bedrock-conversation-2024", **members, "messages": list(messages)}


ASKED_BLOCKS = said("user", "Is it bright?")
ANSWERED_BLOCKS = said("assistant", "Very.")
NOVA = bedrock(ASKED_BLOCKS, ANSWERED_BLOCKS, system=[{"text": "You sell lamps."}])
PROMPT = bedrock(ASKED_BLOCKS)


def read(tmp_path: Path, *lines: Any) -> DatasetFacts:
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return facts.read(tmp_path / "x.jsonl", "x.jsonl")


def faults(line: Any) -> list[tuple[str, str, str]]:
    found = inspect(json.dumps(line).encode())
    assert not isinstance(found, Shape), found
    assert found == shape(line)
    return [("/".join(map(str, each.pointer)), each.message, each.hint) for each in found]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([NOVA, NOVA], Format.BEDROCK_CONVERSATION, id="a conversation"),
        pytest.param(
            [
                bedrock(
                    said("user", "a"), said("assistant", "b"), said("user", "c"), ANSWERED_BLOCKS
                )
            ],
            Format.BEDROCK_CONVERSATION,
            id="several turns",
        ),
        pytest.param(
            [bedrock({"role": "user", "content": [{"text": "?"}, PICTURE]}, ANSWERED_BLOCKS)],
            Format.BEDROCK_CONVERSATION,
            id="a picture",
        ),
        pytest.param(
            [bedrock(said("user", "a", "b"), ANSWERED_BLOCKS, system=None, toolConfig={})],
            Format.BEDROCK_CONVERSATION,
            id="several texts, and a member that is nobody's",
        ),
        pytest.param([PROMPT], Format.BEDROCK_PROMPTS, id="a prompt to distil from"),
        pytest.param([NOVA, PROMPT, NOVA], Format.BEDROCK_PROMPTS, id="some with an answer"),
        pytest.param([CLAUDE, CLAUDE], Format.SYSTEM_MESSAGES, id="Claude's form"),
        pytest.param([CLAUDE, CHAT], Format.CHAT, id="with and without a system is chat"),
        pytest.param([CHAT], Format.CHAT, id="without any system too"),
        pytest.param([CLAUDE | {"id": 1}], Format.CHAT, id="a member that Claude does not know"),
        pytest.param([CLAUDE | {"system": ["x"]}], Format.CHAT, id="a system that is a list"),
        pytest.param(
            [{"system": "x", "messages": [ASKED, ANSWERED | {"weight": 0}]}],
            Format.CHAT,
            id="a weight, which Claude does not know",
        ),
        pytest.param(
            [{"system": "x", "messages": [ASKED, ASKED, ANSWERED, ANSWERED]}],
            Format.CHAT,
            id="speakers that do not alternate",
        ),
        pytest.param(
            [{"system": "x", "messages": [ASKED]}],
            Format.REINFORCEMENT,
            id="a question with a system of the grader's",
        ),
        pytest.param([IMAGE, IMAGE], Format.IMAGE, id="pictures"),
        pytest.param([TEXT], Format.TEXT, id="texts"),
    ],
)
def test_the_form_of_a_file_is_known(tmp_path: Path, lines: list[Any], expected: Format) -> None:
    found = read(tmp_path, *lines)
    assert (found.format, found.errors) == (expected, ())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [NOVA, CHAT],
            "a chat example, unlike the examples before it (line 1): bedrock-conversation",
        ),
        (
            [IMAGE, PROMPT],
            "a bedrock-prompts example, unlike the examples before it (line 1): image",
        ),
        (
            [CLAUDE, TEXT],
            "a text example, unlike the examples before it (line 1): system-messages",
        ),
        (
            [TEXT, CLAUDE],
            "a chat or system-messages example, unlike the examples before it (line 1): text",
        ),
    ],
)
def test_forms_that_are_mixed(tmp_path: Path, lines: list[Any], expected: str) -> None:
    assert [str(each) for each in read(tmp_path, *lines).errors] == [f"x.jsonl:2:1: {expected}"]


BLOCKS_HINT = 'write [{"text": "…"}]'
BLOCK = 'must be an object with a "text", or another block of Converse'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            bedrock(ASKED_BLOCKS) | {"schemaVersion": 2024},
            [("schemaVersion", "must be text, not a number", "")],
            id="a version that is a number",
        ),
        pytest.param({"schemaVersion": "x"}, [("", "messages is missing", "")], id="no messages"),
        pytest.param(
            bedrock(),
            [("messages", "must be a list of messages, not an empty list", "")],
            id="an empty list",
        ),
        pytest.param(
            bedrock(ASKED_BLOCKS, 7) | {"system": "Be brief."},
            [
                ("system", "must be a list of texts, not text", BLOCKS_HINT),
                ("messages/1", "must be a message, not a number", ""),
            ],
            id="a system that is text",
        ),
        pytest.param(
            bedrock(ASKED_BLOCKS, system=["x", {"text": 5}, {"guardContent": {}}]),
            [
                ("system/0", 'must be an object with a "text"', ""),
                ("system/1/text", "must be text, not a number", ""),
                ("system/2", 'must be an object with a "text"', ""),
            ],
            id="systems that are none",
        ),
        pytest.param(
            bedrock(ASKED, ANSWERED | {"content": []}),
            [
                (
                    "messages/0/content",
                    "must be a list of blocks, not text",
                    'write [{"text": "…"}]',
                ),
                (
                    "messages/1/content",
                    "must be a list of blocks, not an empty list",
                    BLOCKS_HINT,
                ),
            ],
            id="content as in a chat",
        ),
        pytest.param(
            bedrock(
                said("system", "Be brief."),
                {"content": [{"text": "?"}]},
                {"role": "tool"},
                said("bot", "x"),
            ),
            [
                (
                    "messages/0/role",
                    '"system" is not a role here (user, assistant)',
                    'write it beside messages: "system": [{"text": "…"}]',
                ),
                ("messages/1", "role is missing", ""),
                ("messages/2/role", '"tool" is not a role here (user, assistant)', ""),
                ("messages/2", "content is missing", ""),
                ("messages/3/role", '"bot" is not a role here (user, assistant)', ""),
            ],
            id="roles",
        ),
        pytest.param(
            bedrock(ANSWERED_BLOCKS, ANSWERED_BLOCKS),
            [
                ("messages/0/role", "the first message must be a user's", ""),
                ("messages/1/role", "two assistant messages in a row", "join them into one"),
            ],
            id="who speaks when",
        ),
        pytest.param(
            bedrock(
                {
                    "role": "user",
                    "content": ["x", {"type": "text"}, {"text": None, "image": "a.png"}],
                },
                said("assistant", "", ""),
            ),
            [
                ("messages/0/content/0", BLOCK, ""),
                ("messages/0/content/1", BLOCK, ""),
                ("messages/0/content/2/text", "must be text, not null", ""),
                ("messages/0/content/2/image", "must be an object, not text", ""),
                ("messages/1/content", "says nothing", ""),
            ],
            id="blocks",
        ),
        pytest.param(
            {"image-ref": "lamp.png", "caption": 5},
            [
                (
                    "image-ref",
                    'must be a picture\'s place in S3, not "lamp.png"',
                    "write it like s3://bucket/path/picture.png",
                ),
                ("caption", "must be text, not a number", ""),
            ],
            id="a picture that is elsewhere",
        ),
        pytest.param(
            {"image-ref": ["s3://b/a.png"]},
            [("image-ref", "must be text, not a list", ""), ("", "caption is missing", "")],
            id="a picture alone",
        ),
        pytest.param(
            {"messages": [ASKED_BLOCKS, ANSWERED]},
            [
                (
                    "messages/0/content/0",
                    'a part of content must be an object with a "type"',
                    (
                        'for Bedrock, write "schemaVersion": "bedrock-conversation-2024"'
                        " beside messages"
                    ),
                )
            ],
            id="Bedrock's form without its mark",
        ),
        pytest.param(
            {"instruction": "Say it.", "input": "x", "output": "y"},
            [
                ("input", "must be an object with messages, not text", ""),
                ("", "preferred_output is missing", ""),
                ("", "non_preferred_output is missing", ""),
            ],
            id="an instruction with its input is no bare text",
        ),
    ],
)
def test_what_is_wrong_is_told_value_by_value(line: Any, expected: list[Any]) -> None:
    assert faults(line) == expected


def test_a_fault_stands_at_its_place_in_the_file(tmp_path: Path) -> None:
    assert [str(each) for each in read(tmp_path, NOVA, bedrock(said("bot", "x"))).problems] == [
        'x.jsonl:2:70: /messages/0/role: "bot" is not a role here (user, assistant)'
    ]


def test_half_a_surrogate_pair_is_no_character_here_either() -> None:
    for line in (
        bedrock(said("user", "\ud83d")),
        {"input": "\ud83d"},
        IMAGE | {"caption": "\ud83d"},
    ):
        ((_, message, _),) = faults(line)
        assert message == "holds half of a surrogate pair, which is no character"


def test_a_misspelt_member_is_known_again() -> None:
    ((_, _, hint),) = faults({"image_ref": "s3://b/a.png", "caption": "a lamp"})
    assert hint == 'did you mean image-ref instead of "image_ref"?'
