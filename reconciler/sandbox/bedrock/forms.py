"""The forms of one training record that Bedrock's model families take.

`training_data` asks them line by line. A check yields the record's texts, or raises Malformed with
what is wrong inside the record. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Check = Callable[[Mapping[str, Any]], Iterator[str]]

_RESERVED = re.compile(r"User:|Bot:|Assistant:|System:|<image>|<video>|\[EOS\]")
"""What AWS's guide forbids in Nova's texts: the job fails on it."""

_MEDIA = ("image", "video")


class Malformed(Exception):
    """What is wrong with a record, as a place in it and a few words."""


def conversation(record: Mapping[str, Any]) -> Iterator[str]:
    """`bedrock-conversation-2024`: content is a list of blocks."""
    if record.get("schemaVersion", "") not in ("", "bedrock-conversation-2024"):
        raise Malformed("schemaVersion must be 'bedrock-conversation-2024'")
    return _conversation(record, ends_with="assistant")


def nova(record: Mapping[str, Any]) -> Iterator[str]:
    """Nova's conversation: any schema version will do, and some words are reserved."""
    texts = list(_conversation(record, ends_with="assistant"))
    for text in texts:
        if match := _RESERVED.search(text):
            raise Malformed(f"the reserved word {match[0]} must not appear in a text")
    return iter(texts)


def prompts(record: Mapping[str, Any]) -> Iterator[str]:
    """What a teacher is asked: a conversation that may end with the question."""
    return _conversation(record, ends_with=None)


def messages(record: Mapping[str, Any]) -> Iterator[str]:
    """Claude's: a system text, and messages whose content is text."""
    _keys(record, needed=("messages",), allowed=("system",))
    texts = [_text(record["system"], "system")] if "system" in record else []
    for index, message in _turns(record["messages"], ends_with="assistant"):
        texts.append(_text(message["content"], f"messages[{index}].content"))
    return iter(texts)


def pair(record: Mapping[str, Any]) -> Iterator[str]:
    """A prompt and its completion."""
    _keys(record, needed=("prompt", "completion"), allowed=())
    return iter((_text(record["prompt"], "prompt"), _text(record["completion"], "completion")))


def passage(record: Mapping[str, Any]) -> Iterator[str]:
    """Text to go on pre-training with."""
    _keys(record, needed=("input",), allowed=())
    return iter((_text(record["input"], "input"),))


def image(record: Mapping[str, Any]) -> Iterator[str]:
    """A picture in S3 and its caption."""
    _keys(record, needed=("image-ref", "caption"), allowed=())
    if not _text(record["image-ref"], "image-ref").startswith("s3://"):
        raise Malformed("image-ref must be an S3 URI")
    return iter((_text(record["caption"], "caption"),))


def graded(record: Mapping[str, Any]) -> Iterator[str]:
    """A prompt for reinforcement in OpenAI's form; further keys are the grader's."""
    if "messages" not in record:
        raise Malformed("the key messages is missing")
    found = record["messages"]
    if not isinstance(found, list) or not found:
        raise Malformed("messages must be a list with at least one message")
    for index, message in enumerate(found):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Malformed(f"messages[{index}] must have a role")
    return (str(message.get("content", "")) for message in found)


def _conversation(record: Mapping[str, Any], *, ends_with: str | None) -> Iterator[str]:
    _keys(record, needed=("schemaVersion", "messages"), allowed=("system",))
    if not isinstance(record["schemaVersion"], str):
        raise Malformed("schemaVersion must be a text")
    texts = list(_blocks(record["system"], "system", media=False)) if "system" in record else []
    for index, message in _turns(record["messages"], ends_with=ends_with):
        texts += _blocks(message["content"], f"messages[{index}].content", media=True)
    return iter(texts)


def _keys(record: Mapping[str, Any], *, needed: Sequence[str], allowed: Sequence[str]) -> None:
    for key in needed:
        if key not in record:
            raise Malformed(f"the key {key} is missing")
    for key in record:
        if key not in (*needed, *allowed):
            raise Malformed(f"the key {key} is not allowed")


def _turns(found: Any, *, ends_with: str | None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Every message with its index; user and assistant take turns, and the user begins."""
    if not isinstance(found, list) or not found:
        raise Malformed("messages must be a list with at least one message")
    for index, message in enumerate(found):
        place = f"messages[{index}]"
        if not isinstance(message, dict):
            raise Malformed(f"{place} must be an object")
        role = message.get("role")
        if role not in ("user", "assistant"):
            raise Malformed(f"{place}.role must be user or assistant, but is {role}")
        if role != ("user", "assistant")[index % 2]:
            raise Malformed(f"{place}.role: user and assistant must take turns, user first")
        if set(message) != {"role", "content"}:
            raise Malformed(f"{place} must have exactly the keys role and content")
        yield index, message
    if ends_with and found[-1]["role"] != ends_with:
        raise Malformed(f"the last message must have the role {ends_with}")


def _blocks(found: Any, place: str, *, media: bool) -> Iterator[str]:
    if not isinstance(found, list) or not found:
        raise Malformed(f"{place} must be a list with at least one block")
    for index, block in enumerate(found):
        inside = f"{place}[{index}]"
        if not isinstance(block, dict) or len(block) != 1:
            raise Malformed(f"{inside} must be an object with one key")
        kind = next(iter(block))
        if media and kind in _MEDIA:
            continue
        if kind != "text":
            raise Malformed(f"{inside}.{kind} is not a kind of content this model is trained on")
        yield _text(block["text"], f"{inside}.text")


def _text(found: Any, place: str) -> str:
    if not isinstance(found, str) or not found.strip():
        raise Malformed(f"{place} must be a text that is not empty")
    return found
