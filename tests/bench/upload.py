"""A large file through the Uploads API, killed in the middle: what it costs, and what is lost.

Run it by hand: `python tests/bench/upload.py [MEGABYTES]`, 600 by default. It starts a sandbox and
`reconcile apply` as processes of their own, kills the command with SIGKILL once half of the parts
have been answered, runs it again, and prints what arrived. It needs four times the file's size on
the disk of the temporary folder, and gives it back.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHECKOUT = Path(__file__).parents[2]
MEGABYTES = 600
PART = 64 * 1024 * 1024

SPEC = """\
apiVersion: finetuning.reconciler/v1
kind: FineTuningJob
metadata: {name: large}
spec: {provider: openai, model: gpt-4.1-mini-2025-04-14, training_file: ./train.jsonl}
"""
SERVER = """\
import sys
from pathlib import Path
from reconciler.sandbox.server import run_forever
run_forever(Path(sys.argv[1]), on_ready=lambda url: print(url, flush=True), speed=1000)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a process ended: `peak` in MiB of resident memory."""

    code: int
    seconds: float
    peak: float


def main() -> None:
    """Print the figures of one upload."""
    size = int(sys.argv[1] if len(sys.argv) > 1 else MEGABYTES) * 1024 * 1024
    parts = -(-size // PART)
    with TemporaryDirectory(prefix="upload-bench-") as name:
        folder = Path(name)
        sha256 = repository(folder / "repository", size)
        with sandbox(folder / "providers") as (url, server):
            killed = run(folder, url, kill_at=parts // 2)
            known = noted(folder / "repository")
            killed_at = time.time()
            rest = run(folder, url)
            server_peak = peak_of(server.pid)
        before = [line for line in lines(folder) if line["time"] < killed_at]
        after = [line for line in lines(folder) if line["time"] >= killed_at]
        taken = {line["sha256"] for line in before if line["part"] in known.values()}
        stored = training_files(folder / "providers/openai/files")
        arrived = Counter(line["sha256"] for line in (*before, *after))
        say("file", f"{size:,} bytes, {parts} parts of at most {PART:,}")
        say("killed", f"exit {killed.code} after {killed.seconds:.1f} s, {killed.peak:.0f} MiB")
        say("run again", f"exit {rest.code} after {rest.seconds:.1f} s, {rest.peak:.0f} MiB")
        say("parts answered before the kill", str(len(known)))
        say("parts sent before it, and after", f"{len(before)} and {len(after)}")
        say("answered parts sent twice", str(sum(line["sha256"] in taken for line in after)))
        say("parts whose answer was lost, sent again", str(arrived.total() - len(arrived)))
        say("files at the provider", str(len(stored)))
        say("SHA-256 equal", str([digest(path) for path in stored] == [sha256]).lower())
        say("peak memory of the sandbox", f"{server_peak:.0f} MiB")


def repository(root: Path, size: int) -> str:
    """A repository with one spec and training data of this size; its SHA-256."""
    (root / ".git").mkdir(parents=True)
    (root / "specs").mkdir()
    (root / "specs/large.yaml").write_text(SPEC)
    chance = random.Random(0)
    whole, left, number = hashlib.sha256(), size, 0
    with (root / "specs/train.jsonl").open("wb") as out:
        while left:
            line = example(number, chance.randbytes(8).hex(), min(left, 20_000))
            left -= len(line)
            if left < 1_000:  # the last line takes what would be too little for another
                line, left = example(number, "the end", len(line) + left), 0
            whole.update(line)
            out.write(line)
            number += 1
    return whole.hexdigest()


def example(number: int, word: str, size: int) -> bytes:
    """A chat example in exactly this many bytes."""
    question = {"role": "user", "content": f"What of {number}?"}

    def line(answer: str) -> bytes:
        reply = {"role": "assistant", "content": answer}
        return json.dumps({"messages": [question, reply]}).encode() + b"\n"

    room = size - len(line(""))
    return line(f"{word} " * (room // (len(word) + 1)) + "." * (room % (len(word) + 1)))


@contextmanager
def sandbox(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A sandbox in a process of its own, so that its memory is not counted as ours."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.communicate()


def run(folder: Path, url: str, kill_at: int | None = None) -> Ran:
    """One `reconcile apply`, killed once so many parts have been answered."""
    root, began = folder / "repository", time.perf_counter()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "PYTHONPATH": str(CHECKOUT),
        "OPENAI_API_KEY": "sk-test-0123456789abcdefghij",
        "OPENAI_BASE_URL": f"{url}/v1",
    }
    command = [sys.executable, "-m", "reconciler", "apply"]
    process = subprocess.Popen(command, cwd=root, env=environment, stdin=subprocess.DEVNULL)
    while kill_at is not None and len(noted(root)) < kill_at:
        if process.poll() is not None:
            raise SystemExit("it ended before it could be killed")
        time.sleep(0.005)
    if kill_at is not None:
        process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    code = process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(code=code, seconds=time.perf_counter() - began, peak=usage.ru_maxrss / 1024)


def noted(root: Path) -> dict[str, str]:
    """The parts that the command knows to be there."""
    for path in root.glob(".reconciler/cache/uploads/*.json"):
        parts: dict[str, str] = json.loads(path.read_bytes())["parts"]
        return parts
    return {}


def lines(folder: Path) -> list[dict[str, Any]]:
    """The parts that arrived, as the sandbox wrote them down."""
    text = (folder / "providers/requests.jsonl").read_text()
    found = [json.loads(line) for line in text.splitlines()]
    return [line for line in found if line["operation"] == "openai.upload-part" and "part" in line]


def training_files(folder: Path) -> list[Path]:
    """The bytes of every file that is there to be trained on."""
    records = [(path, json.loads(path.read_bytes())) for path in folder.glob("*.json")]
    return [path.with_suffix(".bytes") for path, file in records if file["purpose"] == "fine-tune"]


def peak_of(pid: int) -> float:
    """The most resident memory of a process that runs, in MiB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def say(what: str, figure: str) -> None:
    """One line of the result."""
    print(f"{what}: {figure}")  # noqa: T201


if __name__ == "__main__":
    main()
