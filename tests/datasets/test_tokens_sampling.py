"""A sample's interval is honest: it holds the true number about 95 times in a hundred."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable, Iterator

import pytest

from reconciler.datasets import sampling
from reconciler.datasets.sampling import Draw, Interval, draw, enough, total


def tokens_of(line: bytes) -> int:
    """Something to count that is quick: it need not be tokens for the arithmetic."""
    return line.count(b"t")


def corpus(seed: int) -> bytes:
    """Lines of wildly different lengths and densities, which hang together in half of all."""
    generator = random.Random(seed)
    spread = generator.choice([0.3, 0.8, 1.3])
    related = seed % 2 == 0
    lines = []
    for _ in range(generator.choice([400, 1_500, 4_000])):
        length = min(int(generator.lognormvariate(4, spread)) + 1, 20_000)
        density = min(0.9, 4 / length**0.5) if related else generator.choice([0.1, 0.25, 0.6])
        lines.append(b"t" * int(length * density) + b"." * (length - int(length * density)))
    return b"\n".join(lines) + b"\n" * (seed % 3 > 0)


def even(seed: int) -> bytes:
    """Lines as alike as those of one task are, so that few of them tell enough."""
    generator = random.Random(seed)
    spread = generator.choice([0.005, 0.01, 0.015, 0.025])
    lines = []
    for _ in range(3_000):
        length = max(20, int(generator.lognormvariate(4.5, 0.6)))
        density = min(0.9, max(0.01, generator.gauss(0.25, spread)))
        lines.append(b"t" * int(length * density) + b"." * (length - int(length * density)))
    return b"\n".join(lines)


def drawn(content: bytes) -> list[Draw[int]]:
    stream, sha256 = io.BytesIO(content), hashlib.sha256(content).hexdigest()
    return draw(stream, len(content), sha256, tokens_of, lambda pilot: enough(densities(pilot)))


def densities(draws: list[Draw[int]]) -> list[float]:
    return [one.seen / one.size for one in draws]


def estimated(content: bytes) -> Interval:
    return total(densities(drawn(content)), len(content))


def hits(seeds: Iterator[int], corpus: Callable[[int], bytes] = corpus) -> list[bool]:
    found = []
    for seed in seeds:
        content = corpus(seed)
        interval = estimated(content)
        found.append(interval.low <= tokens_of(content) <= interval.high)
    return found


def test_the_interval_holds_the_true_number_19_times_of_20() -> None:
    covered = hits(iter(range(300)))
    assert 0.92 <= sum(covered) / len(covered) <= 0.98


def test_the_interval_of_a_small_sample_is_as_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "LINES", 20)
    covered = hits(iter(range(1_000, 1_400)))
    assert 0.91 <= sum(covered) / len(covered) <= 0.99


def test_it_is_as_honest_where_it_stops_early() -> None:
    covered = hits(iter(range(300)), even)
    assert 0.92 <= sum(covered) / len(covered) <= 0.98


def test_even_lines_take_fewer_than_uneven_ones() -> None:
    counts = {len(drawn(even(seed))) for seed in range(20)}
    assert min(counts) < 2 * sampling.PILOT
    assert max(counts) <= sampling.LINES
    assert len(drawn(corpus(0))) == sampling.LINES


def test_where_it_stops_early_the_interval_is_narrow() -> None:
    content = even(3)
    found = estimated(content)
    assert len(drawn(content)) < sampling.LINES
    assert (found.high - found.low) / 2 / found.likely < 1.2 * sampling.MARGIN


@pytest.mark.parametrize("pilot", [[0.0] * 250, [0.1, 0.9] * 125])
def test_a_pilot_that_cannot_tell_asks_for_all(pilot: list[float]) -> None:
    assert enough(pilot) == sampling.LINES


def test_a_pilot_that_tells_all_asks_for_no_more() -> None:
    assert enough([0.25] * 250) == 250


def test_the_estimate_is_not_biased_by_the_lengths_of_lines() -> None:
    errors = []
    for seed in range(60):
        content = corpus(2 * seed)  # where long lines are thin
        errors.append(estimated(content).likely / tokens_of(content) - 1)
    assert abs(sum(errors) / len(errors)) < 0.005


def test_every_byte_belongs_to_the_line_it_stands_on() -> None:
    content = b"aaa\n\nbb\n" + b"c" * 20_000 + b"\nd"
    starts = {0: 0, 3: 0, 4: 4, 5: 5, 7: 5, 8: 8, 19_000: 8, 20_008: 8, 20_009: 20_009}
    stream = io.BytesIO(content)
    assert {at: sampling._line_start(stream, at) for at in starts} == starts


def test_a_line_longer_than_any_example_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MAX_LINE", 100)
    content = b"t" * 1_000 + b"\n"
    draws = draw(io.BytesIO(content), len(content), "ab", tokens_of)
    assert {one.seen for one in draws} == {0}


def test_long_lines_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "BUDGET", 100_000)
    short, long = b"t\n" * 50_000, (b"t" * 999 + b"\n") * 100
    many = draw(io.BytesIO(short), len(short), "ab", tokens_of)
    few = draw(io.BytesIO(long), len(long), "ab", tokens_of)
    assert (len(many), len(few)) == (sampling.LINES, 100)


def test_reading_ends_whatever_the_lines_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST_BYTES", 10_000)
    content = (b"t" * 4_999 + b"\n") * 1_000
    assert len(draw(io.BytesIO(content), len(content), "ab", tokens_of)) == 2


@pytest.mark.parametrize("densities", [[0.2, 0.3], [0.0] * 1_000])
def test_a_sample_that_cannot_tell_says_so(densities: list[float]) -> None:
    found = total(densities, 1_000)
    assert (found.low, found.high) == (0.0, 1_000.0)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(4, 2.776), (9, 2.262), (29, 2.045), (999, 1.962)]
)
def test_few_lines_make_a_wider_interval(freedom: int, quantile: float) -> None:
    assert sampling._quantile(freedom) == pytest.approx(quantile, abs=0.01)
