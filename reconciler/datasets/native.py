"""Lines that are written for Bedrock already, and are uploaded as they are.

`shape` asks about a line that promises to be one; what is accepted and what is wrong with the rest
is said here. Pure: a decoded value in, faults out.

Sources, read 2026-11: AWS's pages on preparing data for Bedrock's and Nova's fine-tuning and for
distillation, the validators that AWS publishes beside them, and the ContentBlock of Bedrock's
Converse API. Any text may be the `schemaVersion`; `system` may be missing everywhere; speakers
alternate, and a user begins. Only distillation takes a conversation that nobody has answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.datasets.fault import Fault, kind, not_text, quoted
from reconciler.datasets.position import Pointer

SCHEMA_VERSION = "bedrock-conversation-2024"
SPEAKERS = ("user", "assistant")


def conversation(value: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with `{schemaVersion, system?: [{text}], messages: [{role, content: […]}]}`."""
    yield from not_text(value.get("schemaVersion"), ("schemaVersion",))
    if value.get("system") is not None:
        yield from _system(value["system"])
    match value.get("messages"):
        case [_, *_] as messages:
            previous = None
            for number, message in enumerate(messages):
                yield from _message(message, ("messages", number), previous)
                previous = message.get("role") if isinstance(message, Mapping) else None
        case None:
            yield Fault(rule="missing-messages", message="messages is missing")
        case other:
            found = "an empty list" if other == [] else kind(other)
            message = f"must be a list of messages, not {found}"
            yield Fault(rule="missing-messages", pointer=("messages",), message=message)


def image(value: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with `{"image-ref", "caption"}`."""
    match value["image-ref"]:
        case str(place) if place.startswith("s3://"):
            yield from not_text(place, ("image-ref",))
        case str(place):
            yield Fault(
                rule="bad-picture",
                pointer=("image-ref",),
                message=f"must be a picture's place in S3, not {quoted(place)}",
                hint="write it like s3://bucket/path/picture.png",
            )
        case other:
            yield from not_text(other, ("image-ref",))
    if "caption" in value:
        yield from not_text(value["caption"], ("caption",))
    else:
        yield Fault(rule="bad-picture", message="caption is missing")


def is_system_messages(value: Mapping[str, Any]) -> bool:
    """Whether this example, a sound chat with a `system` beside it, is Claude's form and no more.

    `{system, messages: [{role, content}]}` is a chat too, whose `system` is somebody else's.
    """
    if not isinstance(value["system"], str) or value.keys() != {"system", "messages"}:
        return False
    messages = value["messages"]
    return len(messages) % 2 == 0 and all(
        message["role"] == SPEAKERS[number % 2]
        and message.keys() == {"role", "content"}
        and isinstance(message["content"], str)
        for number, message in enumerate(messages)
    )


def _system(value: Any) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield Fault(
            rule="bad-block",
            pointer=("system",),
            message=f"must be a list of texts, not {kind(value)}",
            hint='write [{"text": "…"}]',
        )
        return
    for number, item in enumerate(value):
        where = ("system", number)
        if isinstance(item, Mapping) and "text" in item:
            yield from not_text(item["text"], (*where, "text"))
        else:
            message = 'must be an object with a "text"'
            yield Fault(rule="bad-block", pointer=where, message=message)


def _message(value: Any, at: Pointer, previous: Any) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        message = f"must be a message, not {kind(value)}"
        yield Fault(rule="bad-message", pointer=at, message=message)
        return
    if "role" not in value:
        yield Fault(rule="missing-role", pointer=at, message="role is missing")
    elif value["role"] not in SPEAKERS:
        system = value["role"] == "system"
        yield Fault(
            rule="unknown-role",
            pointer=(*at, "role"),
            message=f"{quoted(value['role'])} is not a role here ({', '.join(SPEAKERS)})",
            hint='write it beside messages: "system": [{"text": "…"}]' if system else "",
        )
    elif value["role"] == previous:
        yield Fault(
            rule="bad-turn",
            pointer=(*at, "role"),
            message=f"two {previous} messages in a row",
            hint="join them into one",
        )
    elif at[-1] == 0 and value["role"] != SPEAKERS[0]:
        message = "the first message must be a user's"
        yield Fault(rule="bad-turn", pointer=(*at, "role"), message=message)
    yield from _content(value, at)


def _content(message: Mapping[str, Any], at: Pointer) -> Iterator[Fault]:
    if "content" not in message:
        yield Fault(rule="missing-content", pointer=at, message="content is missing")
        return
    blocks, at = message["content"], (*at, "content")
    if not isinstance(blocks, list) or not blocks:
        found = "an empty list" if blocks == [] else kind(blocks)
        yield Fault(
            rule="bad-block",
            pointer=at,
            message=f"must be a list of blocks, not {found}",
            hint='write [{"text": "…"}]',
        )
        return
    faults = [
        fault for number, block in enumerate(blocks) for fault in _block(block, (*at, number))
    ]
    yield from faults
    if not faults and all(block.get("text") == "" for block in blocks):
        yield Fault(rule="missing-content", pointer=at, message="says nothing")


def _block(value: Any, at: Pointer) -> Iterator[Fault]:
    if not isinstance(value, Mapping) or not any(name in value for name in _BLOCKS):
        message = 'must be an object with a "text", or another block of Converse'
        yield Fault(rule="bad-block", pointer=at, message=message)
        return
    for name in _BLOCKS:
        if name == "text" and name in value:
            yield from not_text(value[name], (*at, name))
        elif name in value and not isinstance(value[name], Mapping):
            message = f"must be an object, not {kind(value[name])}"
            yield Fault(rule="bad-block", pointer=(*at, name), message=message)


_BLOCKS = ("text", "image", "video", "document", "reasoningContent", "toolUse", "toolResult")
"""The blocks of Converse that a page on fine-tuning names."""
