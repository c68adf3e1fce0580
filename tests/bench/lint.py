"""How fast training data is linted, beside what others do with the same lines.

Run it by hand on a quiet machine: `python tests/bench/lint.py [--megabytes 200] [--rounds 3]`. It
writes a file of chat to a temporary folder, has every contender read it in a process of its own,
in turn so that a drifting machine hurts all alike, and prints the best of the rounds, the ratio to
the two contenders that matter, and the most memory that a process took. It wants the `test` extra.
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
from typing import Any

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


def cookbook(path: Path) -> None:
    """The checks of OpenAI's cookbook (Chat_finetuning_data_prep), by their published names."""
    with path.open(encoding="utf-8") as file:
        examples = [json.loads(line) for line in file]
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
    """The full lint and the hash, on one processor."""
    from reconciler.datasets import ranges

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    ranges.WORTH_TWO = 1 << 62
    _lint(path)


def lint_on_two(path: Path) -> None:
    """The full lint and the hash, by two processes."""
    _lint(path)


def with_tokens_on_one(path: Path) -> None:
    """The same, and the estimate of its tokens."""
    lint_on_one(path)
    _count(path)


def with_tokens_on_two(path: Path) -> None:
    """The same, by two processes."""
    _lint(path)
    _count(path)


def _lint(path: Path) -> None:
    from reconciler.datasets import facts

    found = facts.read(path, path.name)
    if found.problems or not found.examples:
        raise SystemExit(f"the lint finds {found.problems}")


def _count(path: Path) -> None:
    from reconciler.datasets import tokens

    tokens.count(path, sha256="5f" * 32, size=path.stat().st_size)


CONTENDERS: dict[str, Callable[[Path], None]] = {
    "read lines": read_lines,
    "sha256": sha256,
    "json.loads": json_loads,
    "orjson.loads": orjson_loads,
    "cookbook checks": cookbook,
    "lint on one core": lint_on_one,
    "lint on two cores": lint_on_two,
    "and tokens, one": with_tokens_on_one,
    "and tokens, two": with_tokens_on_two,
}


def write_chat(path: Path, megabytes: int) -> None:
    """A file of chat, two to seven messages an example, half of it in escapes: always the same."""
    chance = random.Random(1)
    letters = "etaoinshrdlucmfw"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(5000)]

    def text(low: int, high: int) -> str:
        return " ".join(chance.choices(words, k=chance.randint(low, high)))

    size = 0
    with path.open("wb") as file:
        while size < megabytes * MEGABYTE:
            messages = [{"role": "system", "content": f"You help customers. {text(8, 8)}"}]
            for _ in range(chance.randint(1, 3)):
                quotes = " “quoted” — naïve\n" if chance.random() < 0.3 else ""
                messages.append({"role": "user", "content": text(10, 60)})
                messages.append({"role": "assistant", "content": text(20, 120) + quotes})
            line = json.dumps({"messages": messages}, ensure_ascii=chance.random() < 0.5)
            size += file.write(line.encode() + b"\n")


def contend(name: str, path: Path) -> None:
    """Be one contender, in this process: print its seconds and its memory, and its children's."""
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.jsonl"
        write_chat(small, 1)
        _imported(name, small)
    began = time.perf_counter()
    CONTENDERS[name](path)
    seconds = time.perf_counter() - began
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    most = [resource.getrusage(each).ru_maxrss for each in who]
    print(json.dumps([seconds, *most]))  # noqa: T201


def _imported(name: str, small: Path) -> None:
    """Run it once on little, by the way it will go: nobody is measured by his imports."""
    from reconciler.datasets import ranges

    worth_two = ranges.WORTH_TWO
    ranges.WORTH_TWO = 0
    CONTENDERS[name](small)
    ranges.WORTH_TWO = worth_two


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
    others = ("orjson.loads", "cookbook checks")
    print(f"{'':18}{'MB/s':>8}" + "".join(f"{'× ' + o:>18}" for o in others) + f"{'MB RAM':>10}")  # noqa: T201
    for name, (_, own, child) in best.items():
        ratios = "".join(
            f"{speeds[name] / speeds[other]:>18.2f}" if other in speeds else f"{'':18}"
            for other in others
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
            write_chat(path, options.megabytes)
            compare(path, options.rounds)


if __name__ == "__main__":
    main()
