"""What is wrong with the pictures in a conversation of OpenAI's form.

`messages` asks about each, `shape` about all of an example. Pure.

Sources: OpenAI's guide to vision fine-tuning (JPEG, PNG or WEBP, by URL or as data, 10 MB each, 10
an example, none in assistant messages) and Azure's, which takes 64 an example.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.datasets.fault import Fault, kind, not_text, quoted
from reconciler.datasets.position import Pointer

MAX_IMAGES = 64
"""Pictures in one example that some provider still takes: Azure."""

USUAL_IMAGES = 10
"""Pictures in one example that OpenAI takes."""

MAX_BYTES = 10 * 1024 * 1024


def check(part: Mapping[str, Any], at: Pointer) -> Iterator[Fault]:
    """What is wrong with a part whose type is `image_url`."""
    match part.get("image_url"):
        case {"url": str(url)}:
            yield from _url(url, (*at, "image_url", "url"))
        case {"url": other}:
            yield from not_text(other, (*at, "image_url", "url"), rule="bad-part")
        case Mapping():
            yield Fault(rule="bad-part", pointer=(*at, "image_url"), message="url is missing")
        case None:
            yield Fault(rule="bad-part", pointer=at, message="image_url is missing")
        case other:
            yield Fault(
                rule="bad-part",
                pointer=(*at, "image_url"),
                message=f"must be an object with a url, not {kind(other)}",
                hint='write {"url": "https://…"}',
            )


def count(messages: list[Mapping[str, Any]]) -> int:
    """How many pictures these messages hold."""
    return sum(
        isinstance(part, Mapping) and part.get("type") == "image_url"
        for message in messages
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )


def too_many(messages: list[Mapping[str, Any]], at: Pointer) -> Iterator[Fault]:
    """The fault of an example with more pictures than any provider takes."""
    if (found := count(messages)) > MAX_IMAGES:
        message = f"{found} images; {MAX_IMAGES} is the most that a provider takes"
        yield Fault(rule="too-many-images", pointer=at, message=message)


def misplaced(content: Any, at: Pointer) -> Iterator[Fault]:
    """The faults of pictures in the content of an assistant."""
    for number, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, Mapping) and part.get("type") == "image_url":
            yield Fault(
                rule="image-from-assistant",
                pointer=(*at, number),
                message="an image in an assistant's message",
                hint="only users show images",
            )


def _url(url: str, at: Pointer) -> Iterator[Fault]:
    if url[:8].lower() == "https://":
        yield from not_text(url, at)
        return
    if url[:5].lower() != "data:":
        yield Fault(
            rule="bad-image",
            pointer=at,
            message=f"must be an https address or image data, not {quoted(url)}",
            hint="as https://… or data:image/png;base64,…",
        )
        return
    found = _DATA.match(url)
    if found is None:
        yield Fault(
            rule="bad-image",
            pointer=at,
            message=f"{quoted(url[: url.find(',')] if ',' in url[:60] else url[:60])} is no image"
            " that a model is trained on",
            hint="JPEG, PNG or WEBP, as data:image/png;base64,…",
        )
    elif (size := (len(url) - found.end()) * 3 // 4) > MAX_BYTES:
        message = f"an image of {size:,} bytes; at most {MAX_BYTES:,} fit"
        yield Fault(rule="image-too-large", pointer=at, message=message, hint="scale it down")
    else:
        yield from not_text(url, at)


_DATA = re.compile(r"data:image/(?:jpe?g|png|webp);base64,", re.IGNORECASE)
