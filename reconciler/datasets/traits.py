"""What a sound example is made of, and what of it a person should know before paying for it.

`survey` asks about every example that is more than plain chat, and `plain` must tell the same of
those that are not. Pure: a decoded example in, its traits or warnings out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from reconciler.datasets import images, tools
from reconciler.datasets.fault import Fault, quoted
from reconciler.datasets.position import Pointer
from reconciler.datasets.shape import OUTPUTS, Shape

SYSTEM_ROLES = ("system", "developer")

LONG_ANSWER = 200_000
"""Characters. No model of today takes so many in one example: 65,536 tokens at OpenAI."""

UNBALANCED = 10
"""How many times longer one output may be than the other."""

UNBALANCED_BEGINS = 500
"""Characters of the longer output below which its length teaches nothing."""


class Traits(Struct, frozen=True, gc=False):
    """What one example is made of, for the counts of the file.

    `roles` are those of all its messages in order, `answers` how many of an assistant's it may
    teach, `outputs` the most messages in one output of a preference. `talks` says that a system
    message would have its place.
    """

    roles: tuple[str, ...] = ()
    answers: int = 0
    talks: bool = False
    system: bool = False
    tools: tuple[str, ...] = ()
    images: int = 0
    reasoning: bool = False
    weights: bool = False
    outputs: int = 0


def traits(value: Mapping[str, Any], shape: Shape) -> Traits:
    """What a sound example is made of."""
    match shape:
        case Shape.COMPLETION | Shape.IMAGE | Shape.TEXT:
            return Traits(answers=1)
        case Shape.BEDROCK_CONVERSATION | Shape.BEDROCK_PROMPT:
            return _bedrock(value)
        case Shape.PREFERENCE:
            asked = value["input"]
            preferred, other = (value[name] for name in OUTPUTS)
            messages = [*asked["messages"], *preferred, *other]
            answers = [*asked["messages"], *preferred]
            outputs = max(len(preferred), len(other))
        case _:
            asked, outputs = value, 0
            messages = answers = value["messages"]
    beside = shape is Shape.SYSTEM_MESSAGES and bool(value["system"])
    return Traits(
        roles=tuple(message["role"] for message in messages),
        answers=sum(message["role"] == "assistant" for message in answers),
        talks=True,
        system=beside or any(message["role"] in SYSTEM_ROLES for message in asked["messages"]),
        tools=tuple(tools.names(asked)),
        images=images.count(messages),
        reasoning=any(message.get("reasoning_content") is not None for message in messages),
        weights=any("weight" in message for message in messages),
        outputs=outputs,
    )


def warnings(value: Mapping[str, Any], shape: Shape) -> Iterator[Fault]:
    """What a person should know of a sound example."""
    match shape:
        case Shape.COMPLETION:
            yield from _answer(value["completion"], ("completion",))
        case Shape.PREFERENCE:
            asked = value["input"]
            yield from _messages(asked["messages"], ("input", "messages"), asked)
            for name in OUTPUTS:
                yield from _messages(value[name], (name,), asked)
            yield from _pair(*(value[name] for name in OUTPUTS))
        case Shape.CONVERSATION | Shape.OPEN_CONVERSATION | Shape.QUESTION | Shape.SYSTEM_MESSAGES:
            messages = value["messages"]
            yield from _messages(messages, ("messages",), value)
            weights = [m.get("weight", 1) for m in messages if m["role"] == "assistant"]
            if weights and not any(weights):
                yield Fault(
                    rule="nothing-to-learn",
                    pointer=("messages",),
                    message="every answer has weight 0, so there is nothing to learn",
                    hint="leave the example out, or give an answer weight 1",
                )
        case _:
            pass


def _bedrock(value: Mapping[str, Any]) -> Traits:
    messages = value["messages"]
    return Traits(
        roles=tuple(message["role"] for message in messages),
        answers=sum(message["role"] == "assistant" for message in messages),
        talks=True,
        system=bool(value.get("system")),
        images=sum("image" in block for message in messages for block in message["content"]),
        reasoning=any(
            "reasoningContent" in block for message in messages for block in message["content"]
        ),
    )


def _messages(
    messages: list[Mapping[str, Any]], at: Pointer, asked: Mapping[str, Any]
) -> Iterator[Fault]:
    known = set(tools.names(asked))
    for number, message in enumerate(messages):
        where = (*at, number)
        if message.keys() - _KEYS:
            for name in message:
                if name not in _KEYS:
                    yield Fault(
                        rule="unknown-key",
                        pointer=(*where, name),
                        message=f"{quoted(name)} is no member of a message",
                    )
        if message["role"] != "assistant":
            continue
        called = message.get("tool_calls") or ()
        if not called and message.get("function_call") is None:
            yield from _answer(message.get("content"), (*where, "content"))
        for place, call in enumerate(called):
            name = call["function"]["name"]
            if name not in known:
                yield Fault(
                    rule="undeclared-tool",
                    pointer=(*where, "tool_calls", place, "function", "name"),
                    message=f"{quoted(name)} is called and not offered in tools",
                )
    if (shown := images.count(messages)) > images.USUAL_IMAGES:
        yield Fault(rule="many-images", pointer=at, message=f"{shown} images in one example")


def _answer(content: Any, at: Pointer) -> Iterator[Fault]:
    if isinstance(content, list):
        if not all(part["type"] == "text" for part in content):
            return
        content = "".join(part["text"] for part in content)
    if content is None:
        return
    if not content or content.isspace():
        yield Fault(rule="empty-answer", pointer=at, message="the answer is blank")
    elif len(content) > LONG_ANSWER:
        message = f"an answer of {len(content):,} characters"
        hint = "over-long examples are truncated"
        yield Fault(rule="long-answer", pointer=at, message=message, hint=hint)


def _pair(preferred: list[Mapping[str, Any]], other: list[Mapping[str, Any]]) -> Iterator[Fault]:
    if preferred == other:
        yield Fault(
            rule="identical-outputs",
            pointer=("non_preferred_output",),
            message="the same as preferred_output",
            hint="leave the example out",
        )
        return
    sizes = [
        sum(len(m["content"]) for m in output if isinstance(m.get("content"), str))
        for output in (preferred, other)
    ]
    least, most = sorted(sizes)
    if least and most >= UNBALANCED_BEGINS and most > UNBALANCED * least:
        yield Fault(
            rule="unbalanced-outputs",
            pointer=("non_preferred_output",),
            message=f"{sizes[1]:,} characters, and {sizes[0]:,} in preferred_output",
        )


_KEYS = frozenset(
    {
        "annotations",
        "audio",
        "content",
        "function_call",
        "name",
        "reasoning_content",
        "refusal",
        "role",
        "tool_call_id",
        "tool_calls",
        "weight",
    }
)
"""Members that OpenAI's or Fireworks' messages have."""
