"""Compare and swap: of any number of writers, in any number of servers, one wins."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.amazon import BUCKET, put, s3, s3_error
from tests.sandbox.workbench import Api

Start = Callable[..., Api]


def test_a_write_that_wants_nothing_there(api: Api) -> None:
    assert put(api, "a", b"first", if_none_match="*").status_code == 200
    refused = put(api, "a", b"second", if_none_match="*")
    assert s3_error(refused) == (412, "PreconditionFailed")
    assert "<Condition>If-None-Match</Condition>" in refused.text
    assert s3(api, "GET", f"{BUCKET}/a").content == b"first"


def test_a_write_that_wants_a_certain_object(api: Api) -> None:
    etag = put(api, "a", b"first").headers["etag"]
    newer = put(api, "a", b"second", if_match=etag).headers["etag"]
    refused = put(api, "a", b"third", if_match=etag)
    assert s3_error(refused) == (412, "PreconditionFailed")
    assert "<Condition>If-Match</Condition>" in refused.text
    assert put(api, "a", b"third", if_match=newer.strip('"')).status_code == 200


def test_a_write_that_wants_an_object_where_there_is_none(api: Api) -> None:
    assert s3_error(put(api, "a", b"a", if_match='"etag"')) == (404, "NoSuchKey")
    assert s3(api, "GET", f"{BUCKET}/a").status_code == 404


def test_the_condition_that_s3_does_not_know(api: Api) -> None:
    assert s3_error(put(api, "a", b"a", if_none_match='"etag"')) == (501, "NotImplemented")


def test_a_refused_write_leaves_no_bytes_behind(api: Api) -> None:
    put(api, "a", b"a")
    put(api, "a", b"b", if_none_match="*")
    assert not list((api.data_dir / "s3" / "scratch").iterdir())
    assert len(list((api.data_dir / "s3" / "objects" / BUCKET).glob("*.bytes"))) == 1


def test_a_delete_that_wants_a_certain_object(api: Api) -> None:
    etag = put(api, "a", b"a").headers["etag"]
    refused = s3(api, "DELETE", f"{BUCKET}/a", headers={"if-match": '"other"'})
    assert s3_error(refused) == (412, "PreconditionFailed")
    assert s3(api, "DELETE", f"{BUCKET}/a", headers={"if-match": etag}).status_code == 204
    gone = s3(api, "DELETE", f"{BUCKET}/a", headers={"if-match": etag})
    assert s3_error(gone) == (404, "NoSuchKey")


def test_of_all_that_want_nothing_there_one_wins(start: Start) -> None:
    servers = start(), start()
    barrier = threading.Barrier(8)

    def race(number: int) -> list[int]:
        statuses = []
        for key in range(6):
            barrier.wait()
            content = b"%d" % number
            statuses.append(
                put(servers[number % 2], f"k{key}", content, if_none_match="*").status_code
            )
        return statuses

    with ThreadPoolExecutor(8) as pool:
        rounds = zip(*pool.map(race, range(8)), strict=True)
        assert [Counter(statuses) for statuses in rounds] == [Counter({412: 7, 200: 1})] * 6


def test_a_counter_loses_no_increment(start: Start) -> None:
    servers = start(), start()
    put(servers[0], "counter", b"0" * 9)

    def increment(number: int) -> None:
        api, left = servers[number % 2], 5
        while left:
            read = s3(api, "GET", f"{BUCKET}/counter")
            written = put(
                api, "counter", b"%09d" % (int(read.content) + 1), if_match=read.headers["etag"]
            )
            assert written.status_code in (200, 412)
            left -= written.status_code == 200

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(increment, range(6)))
    assert int(s3(servers[1], "GET", f"{BUCKET}/counter").content) == 30


_WRITER = """
import sys
from pathlib import Path
from reconciler.sandbox.exchange import Refusal, World
from reconciler.sandbox.faults import FaultScript
from reconciler.sandbox.s3.object_store import Conditions, Content, ObjectStore
world = World(data_dir=Path(sys.argv[1]), speed=1, clock=lambda: 1.0, faults=FaultScript([]))
objects, won = ObjectStore(world), 0
print("ready", flush=True)
sys.stdin.readline()
for key in range(50):
    path = objects.scratch()
    path.write_bytes(b"a")
    content = Content(path=path, size=1, etag=f'"{sys.argv[2]}"')
    try:
        objects.put("data-bucket", f"k{key}", content, Conditions(if_none_match=True))
        won += 1
    except Refusal:
        pass
print(won)
"""


def test_processes_exclude_each_other(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )
        for number in range(3)
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    won = [int(writer.communicate(timeout=60)[0]) for writer in writers]
    assert sum(won) == 50


def test_readers_see_one_object_or_the_other(start: Start) -> None:
    writer, reader = start(), start()
    contents = [bytes([number]) * 100_000 for number in range(40)]
    put(writer, "a", contents[0])
    done = threading.Event()

    def write() -> None:
        for content in contents:
            put(writer, "a", content)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while not done.is_set():
            assert s3(reader, "GET", f"{BUCKET}/a").content in contents
    finally:
        thread.join()


@pytest.mark.parametrize("when", ["status", "status-after"])
def test_the_conflict_that_only_a_fault_can_make(start: Start, when: str) -> None:
    api = start(f"s3.upload={when}:409:ConditionalRequestConflict,x1")
    refused = put(api, "a", b"a", if_none_match="*")
    assert s3_error(refused) == (409, "ConditionalRequestConflict")
    again = put(api, "a", b"a", if_none_match="*").status_code
    assert again == (200 if when == "status" else 412)
