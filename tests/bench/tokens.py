"""How fast tokens are counted, and how far a sample is from the truth.

Run it by hand on a quiet machine: `python tests/bench/tokens.py [MEGABYTES]`. It writes its own
chats, in four languages and code, into a temporary folder, and prints what an exact count takes,
what a sample takes, and the sample's error beside its interval.
"""

# ruff: noqa: T201

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reconciler.datasets import tokenizers, tokens
from reconciler.datasets.counting import Counting
from reconciler.datasets.tokens import Measured

MEGABYTES = 200
ROUNDS = 5
WORDS = {
    "English": "where is my order it left on Monday and should arrive before the weekend thank you",
    "German": "Wo ist meine Bestellung sie wurde am Montag verschickt und müsste Freitag ankommen",
    "Japanese": "ご注文は 月曜日に 発送されました 週末までに 届く予定です ありがとう ございます",
    "Russian": "ваш заказ отправлен в понедельник и должен прибыть до выходных спасибо большое",
    "code": "def total(items): return sum(item.price * item.count for item in items) # 1234 {} []",
}


def corpus(path: Path, megabytes: int) -> None:
    """Chats of very different lengths, each in one of the languages."""
    draw = random.Random(1)
    kinds = [text.split() for text in WORDS.values()]
    written = 0
    with path.open("wb") as stream:
        while written < megabytes * 1_000_000:
            words = draw.choice(kinds)
            said = [
                {
                    "role": "assistant" if turn % 2 else "user",
                    "content": " ".join(
                        draw.choices(words, k=min(2_000, int(draw.lognormvariate(4, 1)) + 1))
                    ),
                }
                for turn in range(draw.choice([2, 2, 2, 4, 8]))
            ]
            line = json.dumps({"messages": said}, ensure_ascii=False).encode() + b"\n"
            written += stream.write(line)


def timed(path: Path, sha256: str, *, exact: bool) -> tuple[float, Measured]:
    """Seconds of wall time for a count, and what came of it."""
    began = time.perf_counter()
    size = path.stat().st_size
    result = tokens.measure(path, sha256=sha256, size=size, how=Counting(exact=exact))
    return time.perf_counter() - began, result


def loading() -> float:
    """Milliseconds until a fresh process can count, beyond starting Python with the module."""
    bare = "import reconciler.datasets.tokens"
    whole = f"{bare} as t; t.tokenizers.load('o200k_base').count('x')"

    def run(program: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        return time.perf_counter() - began

    rounds = [(run(whole), run(bare)) for _ in range(ROUNDS)]
    return 1_000 * (min(pair[0] for pair in rounds) - min(pair[1] for pair in rounds))


def main() -> None:
    """Print one line per figure."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES
    print(f"loading a vocabulary: {loading():.0f} ms")
    tokenizers.load("o200k_base")
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.jsonl"), Path(folder, "large.jsonl")
        corpus(small, 3)
        content = small.read_bytes()[: tokens.SMALL].rpartition(b"\n")[0]
        small.write_bytes(content)
        taken = min(timed(small, "1", exact=False)[0] for _ in range(ROUNDS))
        print(f"{len(content) / 1e6:.1f} MB whole: {taken * 1_000:.0f} ms")
        corpus(large, megabytes)
        size = large.stat().st_size
        taken, truth = timed(large, "1", exact=True)
        total = truth.count.tokens
        speed = f"{size / taken / 1e6:.1f} MB/s, {total / taken / 1e6:.1f} M tokens/s"
        print(f"{size / 1e6:.0f} MB exact: {taken:.1f} s, {speed}")
        for seed in range(ROUNDS):
            sha256 = hashlib.sha256(str(seed).encode()).hexdigest()
            taken, sample = timed(large, sha256, exact=False)
            print(f"{size / 1e6:.0f} MB sampled: {taken * 1_000:.0f} ms, {held(sample, total)}")


def held(sample: Measured, total: int) -> str:
    """The error of a sample, and whether its interval holds the true number."""
    counted = sample.count
    error = 100 * (counted.tokens / total - 1)
    margin = 50 * (counted.high - counted.low) / counted.tokens
    verdict = "holds" if counted.low <= total <= counted.high else "misses"
    return f"{error:+.2f} %, interval ± {margin:.2f} % {verdict}"


if __name__ == "__main__":
    main()
