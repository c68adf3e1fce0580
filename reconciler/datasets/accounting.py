"""How many tokens one example is, with what stands around its texts.

`tokens` asks for every line that it reads. Never raises for bad data: what is no example, and what
in it is no text, counts nothing; `facts` tells about it.

Sources: OpenAI's cookbook, How_to_count_tokens_with_tiktoken (messages: 3 each and 1 for a name, 3
for the reply that follows; tools: the figures for gpt-4o), whose data preparation for fine-tuning
counts messages alike; OpenAI's guide to vision, read 2026-11. They are documented for requests.
Of training it is known that a message is framed the same. What no source gives is counted by the
nearest that does: a call of a tool as a message, and the frame of other models as OpenAI's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from reconciler.datasets.foreign import BYTE_ORDER_MARK
from reconciler.datasets.tokenizers import Tokenizer

PER_MESSAGE, PER_NAME, PER_REPLY = 3, 1, 3

PER_TOOL, PER_TOOLS = 7, 12
PER_PROPERTIES, PER_PROPERTY = 3, 3
PER_ENUM, PER_ENUM_ITEM = -3, 3

LOW_DETAIL = 85
"""Tokens of an image that is asked for in low detail, whatever its size."""

SMALLEST_IMAGE, USUAL_IMAGE, LARGEST_IMAGE = 255, 765, 1_536
"""Tokens of any other: of one tile, of a square of 1024, and the most that GPT-4.1 makes of one.

Only the picture itself would tell, and often there is no more of it than an address.
"""


@dataclass(frozen=True, slots=True)
class Weight:
    """Tokens of one example. The three differ only where it holds images."""

    low: int
    likely: int
    high: int


NOTHING = Weight(0, 0, 0)


class Accounting:
    """Weighs examples by one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._count = tokenizer.count
        self._roles: dict[str, int] = {}
        self._tools: dict[bytes, int] = {}  # a file tends to offer the same on every line

    def weigh(self, line: bytes) -> Weight:
        """The tokens of the example on this line; NOTHING where there is none to be read."""
        images: list[tuple[int, int, int]] = []
        try:
            value = msgspec.json.decode(line.removeprefix(BYTE_ORDER_MARK))
            tokens = self._example(value, images) if isinstance(value, Mapping) else 0
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return NOTHING
        if not images:
            return Weight(tokens, tokens, tokens)
        low, likely, high = (tokens + sum(kind) for kind in zip(*images, strict=True))
        return Weight(low, likely, high)

    def _example(self, value: Mapping[str, Any], images: list[tuple[int, int, int]]) -> int:
        match value:
            case {"messages": list()}:
                return self._conversation(value, images) + PER_REPLY
            case {"input": Mapping() as asked}:
                answers = (value.get("preferred_output"), value.get("non_preferred_output"))
                said = sum(self._messages(answer, images) for answer in answers)
                return self._conversation(asked, images) + said + PER_REPLY
            case {"input": str(text)}:
                return self._count(text)
            case {"image-ref": _}:
                images.append(_ANY_IMAGE)
                return self._text(value.get("caption"))
            case _:
                return self._text(value.get("prompt")) + self._text(value.get("completion"))

    def _conversation(self, value: Mapping[str, Any], images: list[tuple[int, int, int]]) -> int:
        tokens = self._messages(value.get("messages"), images)
        if system := value.get("system"):  # Bedrock's place for it
            tokens += PER_MESSAGE + self._role("system") + self._content(system, images)
        for offered in (value.get("tools"), value.get("functions")):
            if isinstance(offered, list) and offered:
                tokens += self._offered(offered)
        return tokens

    def _messages(self, messages: Any, images: list[tuple[int, int, int]]) -> int:
        if not isinstance(messages, list):
            return 0
        return sum(self._message(one, images) for one in messages if isinstance(one, Mapping))

    def _message(self, message: Mapping[str, Any], images: list[tuple[int, int, int]]) -> int:
        tokens = PER_MESSAGE + self._content(message.get("content"), images)
        tokens += self._role(message.get("role")) + self._text(message.get("refusal"))
        if isinstance(name := message.get("name"), str):
            tokens += PER_NAME + self._count(name)
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, Mapping):
                tokens += self._call(call.get("function"))
        return tokens + self._call(message.get("function_call"))

    def _content(self, content: Any, images: list[tuple[int, int, int]]) -> int:
        """A text, OpenAI's parts or Converse's blocks; of the bytes of a file, nothing."""
        if not isinstance(content, list):
            return self._text(content)
        tokens = 0
        for part in content:
            match part:
                case {"text": str(text)} | {"refusal": str(text)}:
                    tokens += self._count(text)
                case {"image_url": {"detail": "low"}}:
                    images.append((LOW_DETAIL, LOW_DETAIL, LOW_DETAIL))
                case {"image_url": _} | {"image": _}:
                    images.append(_ANY_IMAGE)
                case {"reasoningContent": {"reasoningText": {"text": str(text)}}}:
                    tokens += self._count(text)
                case {"toolUse": {"name": str(name), "input": arguments}}:
                    tokens += PER_MESSAGE + self._count(name) + self._json(arguments)
                case {"toolResult": {"content": list(result)}}:
                    tokens += PER_MESSAGE + self._content(result, images)
                case {"json": value}:
                    tokens += self._json(value)
        return tokens

    def _call(self, function: Any) -> int:
        if not isinstance(function, Mapping):
            return 0
        said = self._text(function.get("name")) + self._text(function.get("arguments"))
        return PER_MESSAGE + said

    def _offered(self, tools: list[Any]) -> int:
        key = msgspec.json.encode(tools)
        if key not in self._tools:
            if len(self._tools) >= _REMEMBERED:
                self._tools.clear()
            functions = [tool.get("function", tool) for tool in tools if isinstance(tool, Mapping)]
            self._tools[key] = PER_TOOLS + sum(
                self._function(function) for function in functions if isinstance(function, Mapping)
            )
        return self._tools[key]

    def _function(self, function: Mapping[str, Any]) -> int:
        line = f"{function.get('name', '')}:{_description(function)}"
        return PER_TOOL + self._count(line) + self._properties(function.get("parameters"))

    def _properties(self, schema: Any) -> int:
        """The cookbook counts a flat schema; what lies deeper is counted by the same figures."""
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        if not isinstance(properties, Mapping) or not properties:
            return 0
        tokens = PER_PROPERTIES
        for name, value in properties.items():
            one = value if isinstance(value, Mapping) else {}
            tokens += PER_PROPERTY + self._count(f"{name}:{_type(one)}:{_description(one)}")
            if isinstance(options := one.get("enum"), list):
                tokens += PER_ENUM
                tokens += sum(PER_ENUM_ITEM + self._count(str(option)) for option in options)
            tokens += sum(self._properties(deeper) for deeper in _deeper(one))
        return tokens

    def _role(self, role: Any) -> int:
        if not isinstance(role, str):
            return 0
        if role in self._roles:
            return self._roles[role]
        tokens = self._count(role)
        if len(self._roles) < _REMEMBERED:
            self._roles[role] = tokens
        return tokens

    def _text(self, value: Any) -> int:
        return self._count(value) if isinstance(value, str) and value else 0

    def _json(self, value: Any) -> int:
        return self._count(msgspec.json.encode(value).decode())


def _description(value: Mapping[str, Any]) -> str:
    return str(value.get("description", "")).removesuffix(".")


def _type(value: Mapping[str, Any]) -> str:
    found = value.get("type", "")
    return "|".join(map(str, found)) if isinstance(found, list) else str(found)


def _deeper(value: Mapping[str, Any]) -> Iterator[Any]:
    yield value
    yield value.get("items")
    for name in ("anyOf", "oneOf", "allOf"):
        choices = value.get(name)
        if isinstance(choices, list):
            yield from choices


_ANY_IMAGE = (SMALLEST_IMAGE, USUAL_IMAGE, LARGEST_IMAGE)
_REMEMBERED = 256
