"""How fast training data is linted, beside what others do with the same lines.

Run it by hand on a quiet machine: `python tests/bench/lint.py [--megabytes 200] [--rounds 3]`. It
writes two files of chat to a temporary folder, one of short messages and one of long, has every
contender read each in a process of its own, in turn so that a drifting machine hurts all alike, and
prints the best of the rounds, the ratio to the contenders that matter, and the most memory that a
process took. Imports are not measured; loading the vocabulary is. It wants the `test` extra.

`lint` is all that a plan does with new data: hash, decode, checks and the estimate of its tokens.
The cookbook's notebook does as much, but that it counts every token instead of a sample; its checks
alone are the first half of it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

MEGABYTE = 1000 * 1000
ROLES = ("system", "user", "assistant", "function")
KEYS = ("role", "content", "name", "function_call", "weight")


def read_lines(path: Path) -> None:
    """Nothing but the lines."""
    with path.open("rb") as file:
        for _ in file:
            pass


def sha256(path: Path) -> None:
    """The hash of the file."""
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def json_loads(path: Path) -> None:
    """The standard library's decoder, line by line."""
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def orjson_loads(path: Path) -> None:
    """orjson, line by line."""
    import orjson

    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)


def cookbook_checks(path: Path) -> None:
    """The checks of OpenAI's cookbook (Chat_finetuning_data_prep), by their published names."""
    with path.open(encoding="utf-8") as file:
        examples = [json.loads(line) for line in file]
    _cookbook_checks(examples)


def cookbook_notebook(path: Path) -> None:
    """All of that notebook: its warnings and counts too, by the fastest tokenizer there is."""
    import statistics  # which takes memory that others need not have

    from reconciler.datasets import tokenizers

    with path.open(encoding="utf-8") as file:
        examples = [json.loads(line) for line in file]
    _cookbook_checks(examples)
    if not COUNTING:
        return
    count = tokenizers.load("o200k_base").count
    missing: Counter[str] = Counter()
    messages: list[int] = []
    tokens: list[int] = []
    answers: list[int] = []
    for example in examples:
        said = example["messages"]
        missing.update({"system", "user"} - {message["role"] for message in said})
        messages.append(len(said))
        tokens.append(3 + sum(3 + count(m["role"]) + count(m["content"]) for m in said))
        answers.append(sum(count(m["content"]) for m in said if m["role"] == "assistant"))
    for numbers in (messages, tokens, answers):
        statistics.quantiles(numbers, n=20)
    sum(min(number, 16_385) for number in tokens)


def _cookbook_checks(examples: list[Any]) -> None:
    found: Counter[str] = Counter()
    for example in examples:
        if not isinstance(example, dict):
            found["data_type"] += 1
            continue
        messages = example.get("messages")
        if not messages:
            found["missing_messages_list"] += 1
            continue
        found.update(_cookbook_messages(messages))
    if found:
        raise SystemExit(f"the cookbook finds {dict(found)}")


def _cookbook_messages(messages: list[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for message in messages:
        if "role" not in message or "content" not in message:
            found["message_missing_key"] += 1
        if any(key not in KEYS for key in message):
            found["message_unrecognized_key"] += 1
        if message.get("role") not in ROLES:
            found["unrecognized_role"] += 1
        content = message.get("content")
        call = message.get("function_call")
        if (not content and not call) or not isinstance(content, str):
            found["missing_content"] += 1
    if not any(message.get("role") == "assistant" for message in messages):
        found["example_missing_assistant_message"] += 1
    return found


def lint_on_one(path: Path) -> None:
    """The full lint, on one processor."""
    _on_one()
    _lint(path, tokens=True)


def lint_on_two(path: Path) -> None:
    """The full lint, by two processes."""
    _lint(path, tokens=True)


def no_tokens_on_one(path: Path) -> None:
    """The lint without the estimate of tokens, on one processor."""
    _on_one()
    _lint(path, tokens=False)


def no_tokens_on_two(path: Path) -> None:
    """The same, by two processes."""
    _lint(path, tokens=False)


def _on_one() -> None:
    from reconciler.datasets import ranges

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    ranges.WORTH_TWO = 1 << 62


def _lint(path: Path, *, tokens: bool) -> None:
    from reconciler.datasets import facts
    from reconciler.datasets import tokens as counted
    from reconciler.datasets.counting import Counting

    with tempfile.TemporaryDirectory() as cache:
        how = Counting(cache=Path(cache)) if tokens and COUNTING else None
        found = facts.read(path, path.name, counting=how)
        if found.problems or not found.examples or not found.sha256:
            raise SystemExit(f"the lint finds {found.problems}")
        if how:
            counted.count(path, sha256=found.sha256, size=found.size, how=how)


COUNTING = True
"""Whether tokens are counted: not while everybody gets his imports."""


CONTENDERS: dict[str, Callable[[Path], None]] = {
    "read lines": read_lines,
    "sha256": sha256,
    "json.loads": json_loads,
    "orjson.loads": orjson_loads,
    "cookbook checks": cookbook_checks,
    "cookbook, all": cookbook_notebook,
    "lint on one core": lint_on_one,
    "lint on two cores": lint_on_two,
    "no tokens, one": no_tokens_on_one,
    "no tokens, two": no_tokens_on_two,
}
OTHERS = ("orjson.loads", "cookbook checks", "cookbook, all")
"""Those to whom all are compared."""


class Chat(NamedTuple):
    """Chat to be made up: exchanges an example, and words in a question and in an answer."""

    exchanges: tuple[int, int]
    question: tuple[int, int]
    answer: tuple[int, int]


CHATS = {
    "short messages": Chat((3, 5), (5, 30), (10, 50)),
    "long messages": Chat((1, 3), (10, 60), (20, 120)),
}
"""Of each, about 600 examples a megabyte: nine messages of 170 bytes, or five of 330."""


def write_chat(path: Path, megabytes: int, chat: Chat) -> None:
    """A file of chat, half of its lines with escapes for what is not ASCII: always the same."""
    chance = random.Random(1)
    letters = "etaoinshrdlucmfw"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(5000)]

    def text(low: int, high: int) -> str:
        return " ".join(chance.choices(words, k=chance.randint(low, high)))

    size = 0
    with path.open("wb") as file:
        while size < megabytes * MEGABYTE:
            messages = [{"role": "system", "content": f"You help customers. {text(8, 8)}"}]
            for _ in range(chance.randint(*chat.exchanges)):
                quotes = " “quoted” — naïve\n" if chance.random() < 0.3 else ""
                messages.append({"role": "user", "content": text(*chat.question)})
                messages.append({"role": "assistant", "content": text(*chat.answer) + quotes})
            line = json.dumps({"messages": messages}, ensure_ascii=chance.random() < 0.5)
            size += file.write(line.encode() + b"\n")


def contend(name: str, path: Path) -> None:
    """Be one contender, in this process: print its seconds and its memory, and its children's."""
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.jsonl"
        write_chat(small, 1, CHATS["short messages"])
        _imported(name, small)
    began = time.perf_counter()
    CONTENDERS[name](path)
    seconds = time.perf_counter() - began
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    most = [resource.getrusage(each).ru_maxrss for each in who]
    print(json.dumps([seconds, *most]))  # noqa: T201


def _imported(name: str, small: Path) -> None:
    """Run it once on little, by the way it will go: nobody is measured by his imports."""
    global COUNTING
    from reconciler.datasets import ranges

    worth_two, COUNTING, ranges.WORTH_TWO = ranges.WORTH_TWO, False, 0
    CONTENDERS[name](small)
    COUNTING, ranges.WORTH_TWO = True, worth_two


def measured(name: str, path: Path) -> tuple[float, int, int] | None:
    """Seconds, kilobytes here and kilobytes in the largest child; None if it cannot run."""
    command = [sys.executable, __file__, "--only", name, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)  # noqa: T201
        return None
    seconds, own, child = json.loads(done.stdout)
    return seconds, own, child


def compare(path: Path, rounds: int) -> None:
    """Print a line for every contender."""
    best: dict[str, tuple[float, int, int]] = {}
    for _ in range(rounds):
        for name in CONTENDERS:
            if found := measured(name, path):
                best[name] = min(best.get(name, found), found)
    size = path.stat().st_size
    speeds = {name: size / seconds / MEGABYTE for name, (seconds, _, _) in best.items()}
    print(f"{'':18}{'MB/s':>8}" + "".join(f"{'× ' + o:>18}" for o in OTHERS) + f"{'MiB RAM':>10}")  # noqa: T201
    for name, (_, own, child) in best.items():
        ratios = "".join(
            f"{speeds[name] / speeds[other]:>18.2f}" if other in speeds else f"{'':18}"
            for other in OTHERS
        )
        memory = f"{own // 1024} + {child // 1024}" if child > 0 else f"{own // 1024}"
        print(f"{name:18}{speeds[name]:>8.0f}{ratios}{memory:>10}")  # noqa: T201


def main() -> None:
    """Compare all contenders, or be one of them."""
    parser = argparse.ArgumentParser(description="How fast training data is linted.")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", type=Path, help="compare on this file of chat instead")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        contend(options.only[0], Path(options.only[1]))
    elif options.file:
        compare(options.file, options.rounds)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "chat.jsonl"
            for name, chat in CHATS.items():
                write_chat(path, options.megabytes, chat)
                print(f"{options.megabytes} MB of {name}")  # noqa: T201
                compare(path, options.rounds)


if __name__ == "__main__":
    main()
