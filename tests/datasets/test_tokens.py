"""Counting the tokens of a file: all of a small one, a sample of a large one, remembered."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cost import TokenCount
from reconciler.datasets import sampling, tokenizers, tokens
from reconciler.datasets.accounting import Accounting
from reconciler.datasets.counting import Counting
from reconciler.datasets.tokens import Measured
from reconciler.errors import SpecError

Measure = Callable[..., Measured]


def chat(*texts: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    said = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
    return {"messages": said}


def jsonl(*examples: Any) -> bytes:
    return b"".join(
        json.dumps(example, ensure_ascii=False).encode() + b"\n" for example in examples
    )


def conversations(number: int, seed: int = 1) -> bytes:
    """Chats of very different lengths, in three scripts."""
    draw = random.Random(seed)
    words = ["order", "left", "on Monday", "Grüße", "注文", "отправлено", "{}", "\n", "🙂"]
    return jsonl(
        *(
            chat("Where?", " ".join(draw.choices(words, k=int(draw.lognormvariate(3, 1.2)) + 1)))
            for _ in range(number)
        )
    )


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    path = tmp_path / "x.jsonl"

    def measure_(content: bytes, **options: Any) -> Measured:
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        progress = options.pop("progress", None)
        how = Counting(**options)
        return tokens.measure(path, sha256=sha256, size=len(content), how=how, progress=progress)

    return measure_


def test_a_small_file_is_counted_whole(measure: Measure) -> None:
    example = chat("Hello world", "Hello")
    found = measure(jsonl(example, example))
    one = 3 + 1 + 2 + 3 + 1 + 1 + 3  # two frames with their roles, the texts, the reply
    assert found.count == TokenCount(
        tokens=2 * one, low=2 * one, high=2 * one, exact=True, tokenizer="o200k_base"
    )
    assert found.longest == one
    assert [bar.examples for bar in found.bars] == [2]


def test_count_is_the_count_of_measure(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content := conversations(5))
    sha256 = hashlib.sha256(content).hexdigest()
    how = Counting(tokenizer="cl100k_base")
    options: dict[str, Any] = {"sha256": sha256, "size": len(content), "how": how}
    assert tokens.count(path, **options) == tokens.measure(path, **options).count


def test_an_example_counts_as_much_as_the_model_takes_of_it(measure: Measure) -> None:
    content = jsonl(chat("a", "b"), chat("a", "b " * 500))
    whole, cut = measure(content), measure(content, limit=100)
    short = measure(jsonl(chat("a", "b"))).count.tokens
    assert cut.count.tokens == short + 100
    assert (whole.count.truncated, cut.count.truncated) == (0, 1)
    assert cut.longest == whole.longest > 500


def test_lines_that_are_no_examples_count_nothing(measure: Measure) -> None:
    sound = jsonl(chat("a", "b"))
    damaged = b'{"messages": [\n' + b"\n" + b"[1]\n" + b'{"x": "\xff"}\n' + b"[" * 50_000 + b"\n"
    found = measure(damaged + sound)
    assert found.count == measure(sound).count
    assert sum(bar.examples for bar in found.bars) == 1


def test_a_file_of_nothing_but_damage_has_no_tokens(measure: Measure) -> None:
    found = measure(b"\x00\x01\n" * 10)
    assert (found.count.tokens, found.count.exact, found.bars, found.longest) == (0, True, (), 0)
    assert found.quantile(0.5) == 0


def test_a_line_longer_than_any_example_is_passed_over(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MAX_LINE", 1_000)
    long, sound = jsonl(chat("a", "b " * 2_000)), jsonl(chat("a", "b"))
    assert measure(long + sound).count == measure(sound).count
    assert measure(sound + long[:-1]).count == measure(sound).count


def test_images_make_the_count_an_interval(measure: Measure) -> None:
    def seen(detail: str) -> dict[str, Any]:
        part = {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": detail}}
        return {"messages": [{"role": "user", "content": [part]}]}

    text = 3 + 1 + 3
    low, any_ = measure(jsonl(seen("low"))).count, measure(jsonl(seen("auto"))).count
    assert (low.low, low.tokens, low.high, low.exact) == (text + 85, text + 85, text + 85, True)
    assert (any_.low, any_.tokens, any_.high) == (text + 255, text + 765, text + 1_536)
    assert not any_.exact
    assert not measure(jsonl(seen("auto"))).sampled


def test_a_large_file_is_sampled_unless_it_must_be_exact(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = conversations(4_000)
    exact = measure(content, exact=True)
    monkeypatch.setattr(tokens, "SMALL", 100_000)
    sampled = measure(content)
    assert (exact.count.exact, exact.sampled) == (True, False)
    assert (sampled.count.exact, sampled.sampled) == (False, True)
    assert sampled.count.low <= exact.count.tokens <= sampled.count.high
    assert sampled.count.low < sampled.count.tokens < sampled.count.high
    assert sampled.count.high - sampled.count.low < 0.1 * exact.count.tokens
    assert abs(sum(bar.examples for bar in sampled.bars) - 4_000) < 600
    assert abs(sampled.quantile(0.5) / exact.quantile(0.5) - 1) < 0.3


def test_the_same_bytes_give_the_same_sample_wherever_they_are(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "SMALL", 100_000)
    content = jsonl(*(chat("Where?", "on Monday " * (n * n % 97)) for n in range(500)))
    found = measure(content)
    assert measure(content) == found
    assert found.count.tokens == 54_458  # on every machine, with every Python


def test_a_sample_estimates_how_many_examples_are_cut(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = conversations(4_000)
    exact = measure(content, limit=60, exact=True)
    monkeypatch.setattr(tokens, "SMALL", 100_000)
    sampled = measure(content, limit=60)
    assert sampled.count.low <= exact.count.tokens <= sampled.count.high
    assert abs(sampled.count.truncated / exact.count.truncated - 1) < 0.15


@pytest.mark.parametrize(("limit", "lines"), [(None, 250), (1_000, 250), (300, 1_000)])
def test_near_the_limit_more_lines_are_looked_at(
    measure: Measure, monkeypatch: pytest.MonkeyPatch, limit: int | None, lines: int
) -> None:
    monkeypatch.setattr(tokens, "SMALL", 100_000)
    drawn: list[int] = []
    draw = sampling.draw

    def watched(*arguments: Any) -> Any:
        found = draw(*arguments)
        drawn.append(len(found))
        return found

    monkeypatch.setattr(sampling, "draw", watched)
    measure(jsonl(*(chat("Where?", "on Monday " * 90) for _ in range(500))), limit=limit)
    assert drawn == [lines]


def test_progress_ends_with_the_whole_file(measure: Measure) -> None:
    told: list[tuple[int, int]] = []
    content = conversations(10)
    measure(content, progress=lambda done, size: told.append((done, size)))
    assert told[-1] == (len(content), len(content))


def test_a_long_count_tells_how_far_it_is(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_BUFFER", 10_000)
    told: list[int] = []
    measure(conversations(500), progress=lambda done, _: told.append(done))
    assert len(told) > 5
    assert told == sorted(told)


def test_a_file_that_has_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(jsonl(chat("a", "b")))
    with pytest.raises(SpecError, match=r"x\.jsonl: changed since it was read \(run again"):
        tokens.count(path, sha256="0" * 64, size=5)


def test_what_was_counted_is_remembered_by_content(measure: Measure, tmp_path: Path) -> None:
    cache = tmp_path / "deep" / "cache"
    content = conversations(10)
    first = measure(content, cache=cache)
    (kept,) = cache.iterdir()
    path = tmp_path / "elsewhere.jsonl"  # which is not there: nothing is read again
    sha256 = hashlib.sha256(content).hexdigest()
    assert (
        tokens.measure(path, sha256=sha256, size=len(content), how=Counting(cache=cache)) == first
    )
    assert kept.stat().st_size < 4_000


@pytest.mark.parametrize(
    "change", [{"tokenizer": "cl100k_base"}, {"limit": 20}], ids=lambda change: next(iter(change))
)
def test_another_question_is_another_entry(
    measure: Measure, tmp_path: Path, change: dict[str, Any]
) -> None:
    content = conversations(10)
    assert measure(content, cache=tmp_path / "c") != measure(
        content, cache=tmp_path / "c", **change
    )
    assert len(list((tmp_path / "c").iterdir())) == 2


def test_a_sample_is_never_taken_for_an_exact_count(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "SMALL", 1_000)
    content = conversations(200)
    assert not measure(content, cache=tmp_path / "c").count.exact
    assert measure(content, cache=tmp_path / "c", exact=True).count.exact


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b'{"key":"another","measured":null}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_entry_is_counted_anew(measure: Measure, tmp_path: Path, damage: bytes) -> None:
    content = conversations(10)
    first = measure(content, cache=tmp_path / "c")
    (kept,) = (tmp_path / "c").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert measure(content, cache=tmp_path / "c") == first
    assert kept.read_bytes() == whole


def test_an_entry_of_another_key_is_not_believed(measure: Measure, tmp_path: Path) -> None:
    content, other = conversations(10), conversations(11)
    measure(other, cache=tmp_path / "c")
    (wrong,) = (tmp_path / "c").iterdir()
    right = measure(content, cache=tmp_path / "c")
    (kept,) = set((tmp_path / "c").iterdir()) - {wrong}
    kept.write_bytes(wrong.read_bytes())
    assert measure(content, cache=tmp_path / "c") == right


def test_a_cache_that_cannot_be_written_is_done_without(measure: Measure, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file where the folder should be")
    assert measure(conversations(10), cache=tmp_path / "c") == measure(conversations(10))


def test_bars_hold_what_they_say() -> None:
    for number in [*range(1, 3_000), 65_535, 65_536, 1_000_003]:
        bar = tokens._bar(number)
        assert tokens._edge(bar) <= number < tokens._edge(bar + 1)


def test_quantiles_come_from_the_bars(measure: Measure) -> None:
    content = jsonl(*[chat("a", "b")] * 95, *[chat("a", "b " * 300)] * 5)
    found = measure(content)
    short = Accounting(tokenizers.load("o200k_base")).weigh(jsonl(chat("a", "b"))).likely
    assert short <= found.quantile(0.5) < short * 9 / 8 + 1
    assert found.quantile(0.95) == found.quantile(0.5)
    assert found.quantile(1.0) == found.longest > 300
