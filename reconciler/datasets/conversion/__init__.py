"""Chat examples in the form that another provider trains on: exactly, or not at all.

`specs` asks `check` whether a file can be converted, `apply` has `convert` do it on the way up. The
two ask the same reader about every line, so that they cannot disagree. Nothing is left out without
a word: a line says the same afterwards, or it is a problem with its place.

A conversion's name is part of the identity of every job that was trained through it. What it writes
for a line is therefore fixed for ever: to write it otherwise takes another version in the name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from reconciler import durable
from reconciler.datasets import facts
from reconciler.datasets.conversion import native_rules, reading
from reconciler.datasets.conversion.example import Example
from reconciler.datasets.conversion.forms import CONVERSATION, PAIR, SYSTEM_APART, Form
from reconciler.datasets.facts import Findings
from reconciler.datasets.fault import Fault
from reconciler.errors import Problem, SpecError

BEDROCK_CONVERSATION = "bedrock-conversation-2024/1"
"""For Nova, Llama 3.2 and Llama 3.3."""

SYSTEM_MESSAGES = "system-messages/1"
"""For Claude 3 Haiku."""

PROMPT_COMPLETION = "prompt-completion/1"
"""For Titan Text, Cohere Command and Llama 3.1."""

AS_IT_IS = ""
"""The data goes up as it was written. Only `check` takes it."""

NAMES = (BEDROCK_CONVERSATION, SYSTEM_MESSAGES, PROMPT_COMPLETION)

NOVA_RESERVED = ("User:", "Bot:", "Assistant:", "System:", "<image>", "<video>", "[EOS]")
"""Words that fail a job on Amazon Nova wherever they stand, and on no other family.

The list is that of AWS's page on preparing data for Nova, read 2026-11. The validator that the page
sends people to looks for them in answers too, and in any case of letters; so do we.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What `convert` wrote: its hash, bytes and lines. `source_sha256` is of what it read."""

    sha256: str
    size: int
    examples: int
    source_sha256: str


def check(
    path: Path, file: str, conversion: str, *, reserved: tuple[str, ...] = ()
) -> list[Problem]:
    """Everything that keeps the examples at `path` from being converted exactly, in their order.

    `file` is its name in messages. The file is one in which `facts.read` found no problem; of one
    that has changed since, what is wrong now is told. `reserved` are words that no text may hold,
    in any case of letters. At most `facts.MAX_PROBLEMS` are listed, and then how many there are.

    With AS_IT_IS, the rules are those of a fine-tuning job on Bedrock that its native forms break:
    reserved words, and conversations whose last word is a user's.

    Raises ValueError for a conversion that is not known, and OSError.
    """
    read: Callable[[bytes], Example | tuple[Fault, ...]] = (
        partial(native_rules.faults, reserved=reserved)
        if conversion == AS_IT_IS
        else partial(reading.read, form=_form(conversion), reserved=reserved)
    )
    findings = Findings(file)
    with path.open("rb", _BUFFER) as stream:
        for number, line in _lines(stream, findings):
            if isinstance(found := read(line), tuple):
                findings.add_faults(number, line, found)
    return list(findings.problems)


def convert(
    source: Path,
    target: Path,
    conversion: str,
    *,
    file: str = "",
    reserved: tuple[str, ...] = (),
) -> Converted:
    """Write the examples of `source` to `target`, one a line, in the form that `conversion` names.

    The same source gives the same bytes: UTF-8, line feeds, no spaces, members in one order.
    `target`, whose folder exists, is replaced at once and durably, or left as it was. Memory is
    bounded by the longest line. `file` is the source's name in messages, by default the last part
    of its path.

    Raises SpecError with what `check` finds, ValueError for a conversion that is not known, and
    OSError.
    """
    form = _form(conversion)
    findings = Findings(file or source.name)
    temporary = durable.beside(target)
    taken, given = hashlib.sha256(), hashlib.sha256()
    examples = 0
    try:
        with source.open("rb", _BUFFER) as stream, temporary.open("xb", _BUFFER) as out:
            for number, line in _lines(stream, findings, taken.update):
                found = reading.read(line, form=form, reserved=reserved)
                if isinstance(found, tuple):
                    findings.add_faults(number, line, found)
                else:
                    written = form.encode(found) + b"\n"
                    given.update(written)
                    out.write(written)
                    examples += 1
            if findings.problems:
                raise SpecError(findings.problems)
            out.flush()
            durable.sync(out.fileno())
            size = out.tell()
        temporary.replace(target)
        durable.sync_folder(target.parent)
    finally:
        durable.forget(temporary)
    return Converted(
        sha256=given.hexdigest(),
        size=size,
        examples=examples,
        source_sha256=taken.hexdigest(),
    )


def _form(conversion: str) -> Form:
    if conversion not in _FORMS:
        raise ValueError(f"there is no conversion {conversion!r}; there are {', '.join(NAMES)}")
    return _FORMS[conversion]


def _lines(
    stream: BinaryIO, findings: Findings, taken: Callable[[bytes], object] | None = None
) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, counted with the blank ones; `taken` is shown every one."""
    number = 0
    while line := stream.readline(facts.MAX_LINE + 1):
        number += 1
        if taken:
            taken(line)
        if len(line) > facts.MAX_LINE:
            message = f"the line is longer than {facts.MAX_LINE // 2**20} MiB"
            findings.add(number, 1, message, "each line holds one example")
            return
        if not line.isspace():
            yield number, line


_FORMS = {
    BEDROCK_CONVERSATION: CONVERSATION,
    SYSTEM_MESSAGES: SYSTEM_APART,
    PROMPT_COMPLETION: PAIR,
}
_BUFFER = 1024 * 1024
