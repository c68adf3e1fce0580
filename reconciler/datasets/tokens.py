"""How many tokens a training file is: every one of a small file, a sample of a large one.

`estimates` asks for the count behind a price, `cli.datasets` for how the examples are spread. It
never takes long unless it is told to be exact, never holds more than a line, and never fails for
what is in the file: lines that are not JSON count nothing, and `facts` tells about them.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reconciler.cost import TokenCount
from reconciler.datasets import tokenizers
from reconciler.datasets.accounting import Accounting, Weight
from reconciler.datasets.counting import Counting
from reconciler.datasets.part import MAX_LINE
from reconciler.errors import Problem, SpecError

SMALL = 1_000_000
"""Bytes of the largest file that is always counted whole: well below 100 ms, most of it for loading
the vocabulary. A sample would take hardly less."""

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many in all."""


_BY_DEFAULT = Counting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """So many examples have from `low` to below `high` tokens."""

    low: int
    high: int
    examples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A file's tokens, and how they are spread over its examples.

    `bars` stand in order, each an eighth of the power of two that it lies in, the empty ones left
    out; where the file was `sampled` they are estimates too. `longest` is that of the longest
    example that was seen. Examples are not cut in either.
    """

    count: TokenCount
    sampled: bool
    bars: tuple[Bar, ...]
    longest: int

    def quantile(self, share: float) -> int:
        """The tokens that this share of the examples does not exceed, to an eighth."""
        wanted, seen = share * sum(bar.examples for bar in self.bars), 0
        for bar in self.bars:
            seen += bar.examples
            if seen >= wanted:
                return min(bar.high - 1, self.longest)
        return self.longest


def count(
    path: Path,
    *,
    sha256: str,
    size: int,
    how: Counting = _BY_DEFAULT,
    progress: Progress | None = None,
) -> TokenCount:
    """The tokens that one epoch over this file trains on; see `measure`."""
    return measure(path, sha256=sha256, size=size, how=how, progress=progress).count


def measure(
    path: Path,
    *,
    sha256: str,
    size: int,
    how: Counting = _BY_DEFAULT,
    progress: Progress | None = None,
) -> Measured:
    """Count the tokens of the file at `path`, whose hash and size the caller knows.

    A file above SMALL is sampled unless all of it is asked for.

    Raises OSError if it cannot be read, SpecError if it has not that size any more, ConfigError if
    there is no such tokenizer.
    """
    tokenizer, limit = how.tokenizer, how.limit
    whole = how.exact or size <= SMALL
    key = _key(sha256, tokenizers.identity(tokenizer), limit, whole)
    if (known := _remembered(how.cache, key)) is not None:
        _tell(progress, size, size)
        return known
    accounting = Accounting(tokenizers.load(tokenizer))
    with path.open("rb", _BUFFER if whole else _SMALL_BUFFER) as stream:
        if os.fstat(stream.fileno()).st_size != size:
            message = "changed since it was read"
            raise SpecError([Problem(str(path), 0, 0, message, "run again when it is whole")])
        if whole:
            measured = _counted(stream, accounting, tokenizer, limit, size, progress)
        else:
            measured = _sampled(stream, accounting, tokenizer, limit, sha256, size)
    _tell(progress, size, size)
    _remember(how.cache, key, measured)
    return measured


def _counted(
    stream: BinaryIO,
    accounting: Accounting,
    tokenizer: str,
    limit: int | None,
    size: int,
    progress: Progress | None,
) -> Measured:
    low = likely = high = truncated = longest = 0
    spread: Counter[int] = Counter()
    done = told = 0
    while line := stream.readline(MAX_LINE + 1):
        done += len(line)
        if len(line) > MAX_LINE:
            done += _skip(stream)
            continue
        if done - told >= _BUFFER:
            _tell(progress, done, size)
            told = done
        weight = accounting.weigh(line)
        cut = _cut(weight, limit)
        low, likely, high = low + cut.low, likely + cut.likely, high + cut.high
        if weight.likely:
            truncated += weight.likely > cut.likely
            spread[_bar(weight.likely)] += 1
            longest = max(longest, weight.likely)
    counted = TokenCount(
        tokens=likely,
        low=low,
        high=high,
        exact=low == high,
        tokenizer=tokenizer,
        truncated=truncated,
    )
    return Measured(count=counted, sampled=False, bars=_bars(spread), longest=longest)


def _sampled(
    stream: BinaryIO,
    accounting: Accounting,
    tokenizer: str,
    limit: int | None,
    sha256: str,
    size: int,
) -> Measured:
    from reconciler.datasets import sampling  # most files are small

    def wanted(pilot: list[sampling.Draw[Weight]]) -> int:
        if limit is not None and any(one.seen.likely > limit // 2 for one in pilot):
            return sampling.LINES  # some may be cut: how many is worth a closer look
        return sampling.enough([one.seen.likely / one.size for one in pilot])

    draws = sampling.draw(stream, size, sha256, accounting.weigh, wanted)
    cut = [(_cut(one.seen, limit), one.size) for one in draws]
    likely = sampling.total([weight.likely / length for weight, length in cut], size)
    low = sampling.total([weight.low / length for weight, length in cut], size)
    high = sampling.total([weight.high / length for weight, length in cut], size)
    spread: dict[int, float] = {}
    truncated = 0.0
    for one in draws:
        if one.seen.likely:
            stands_for = size / one.size / len(draws)
            bar = _bar(one.seen.likely)
            spread[bar] = spread.get(bar, 0.0) + stands_for
            if limit is not None and one.seen.likely > limit:
                truncated += stands_for
    counted = TokenCount(
        tokens=round(likely.likely),
        low=round(low.low),
        high=round(high.high),
        exact=False,
        tokenizer=tokenizer,
        truncated=round(truncated),
    )
    longest = max(one.seen.likely for one in draws)
    return Measured(count=counted, sampled=True, bars=_bars(spread), longest=longest)


def _cut(weight: Weight, limit: int | None) -> Weight:
    if limit is None or weight.high <= limit:
        return weight
    return Weight(min(weight.low, limit), min(weight.likely, limit), min(weight.high, limit))


def _bar(tokens: int) -> int:
    """The number of the bar that holds so many tokens: eight to every power of two."""
    power = tokens.bit_length() - 1
    return power * _PARTS + (tokens - (1 << power)) * _PARTS // (1 << power)


def _bars(spread: dict[int, int] | dict[int, float] | Counter[int]) -> tuple[Bar, ...]:
    bars = (
        Bar(low=_edge(number), high=_edge(number + 1), examples=max(1, round(examples)))
        for number, examples in sorted(spread.items())
    )
    return tuple(bars)


def _edge(number: int) -> int:
    """The fewest tokens that `_bar` puts there."""
    power, part = divmod(number, _PARTS)
    return (1 << power) + -(-part * (1 << power) // _PARTS)


def _skip(stream: BinaryIO) -> int:
    """Pass over the rest of a line; its bytes."""
    skipped = 0
    while rest := stream.readline(_BUFFER):
        skipped += len(rest)
        if rest.endswith(b"\n"):
            break
    return skipped


def _tell(progress: Progress | None, done: int, size: int) -> None:
    if progress is not None:
        progress(done, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What the cache keeps, with the whole key: a name's hash alone proves nothing."""

    key: str
    measured: Measured


def _key(sha256: str, tokenizer: str, limit: int | None, whole: bool) -> str:
    return f"{_ACCOUNTING}|{sha256}|{tokenizer}|{limit}|{'whole' if whole else 'sample'}"


def _entry(cache: Path, key: str) -> Path:
    return cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def _remembered(cache: Path | None, key: str) -> Measured | None:
    if cache is None:
        return None
    import msgspec

    try:
        entry = msgspec.json.decode(_entry(cache, key).read_bytes(), type=_Entry)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return entry.measured if entry.key == key else None


def _remember(cache: Path | None, key: str, measured: Measured) -> None:
    """Keep it if that works. Others may write the same at this moment."""
    if cache is None:
        return
    import msgspec

    path = _entry(cache, key)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}-{os.urandom(4).hex()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(msgspec.json.encode(_Entry(key=key, measured=measured)))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


_ACCOUNTING = 2
"""To be raised with every change of what is counted: it makes the cache forget."""

_PARTS = 8
_BUFFER = 1024 * 1024
_SMALL_BUFFER = 16 * 1024
