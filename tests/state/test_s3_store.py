"""The state's object: what is written, what a lost answer means, and what a person is told."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.config import S3StateSettings
from reconciler.errors import StateConflict, StateError, StateFormat
from reconciler.model import State
from reconciler.state import open_store
from reconciler.state.codec import encode
from reconciler.state.edit import with_record
from tests.state.s3_server import (
    BUCKET,
    BUSY,
    CONFLICT,
    KEY,
    S3,
    URL,
    After,
    Cut,
    Late,
    Lost,
    Refusal,
    Twice,
    Unheard,
)
from tests.state.samples import record

ROOT = Path(__file__).parents[2]
FIRST = State(lineage="l", serial=1)
SECOND = replace(FIRST, serial=2)
NOT_KNOWN = (
    "whether it was written is not known; nothing was sent on the strength of it, and the next run"
    " looks before it does anything"
)


def serial(s3: S3) -> int:
    return s3.store().read().state.serial


def test_a_store_is_opened_where_the_settings_say(tmp_path: Path) -> None:
    settings = S3StateSettings(bucket=BUCKET, key=KEY, endpoint_url="http://127.0.0.1:9")
    assert open_store(settings, tmp_path).location == URL


def test_boto3_is_imported_with_the_first_request() -> None:
    code = (
        "import sys; from pathlib import Path; from reconciler.config import S3StateSettings;"
        "from reconciler.state import open_store;"
        "open_store(S3StateSettings(bucket='b', key='k'), Path());"
        "print([name for name in sys.modules if name.startswith('boto')])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_object_holds_what_the_codec_writes(s3: S3) -> None:
    s3.store().write(FIRST, "")
    assert s3.objects[KEY].data == encode(FIRST)
    (put,) = (heard for heard in s3.heard if (heard.method, heard.key) == ("PUT", KEY))
    assert put.headers["content-type"] == "application/json"


def test_a_first_write_wants_nothing_there_and_the_others_what_was_read(s3: S3) -> None:
    one = s3.store()
    one.write(SECOND, one.write(FIRST, ""))
    conditions = [
        (heard.headers.get("if-none-match"), heard.headers.get("if-match"))
        for heard in s3.heard
        if (heard.method, heard.key) == ("PUT", KEY)
    ]
    assert conditions == [("*", None), (None, s3.etag(encode(FIRST)))]


def test_a_write_costs_one_request(s3: S3) -> None:
    one = s3.store()
    version = one.write(FIRST, "")
    before = len(s3.heard)
    one.write(SECOND, version)
    assert len(s3.heard) == before + 1


# Answers that are lost, late or unclear


@pytest.mark.parametrize("fault", [Lost(), Twice()])
def test_a_write_whose_answer_is_lost_is_found_and_not_sent_again(s3: S3, fault: Lost) -> None:
    one = s3.store()
    version = one.write(FIRST, "")
    s3.next(f"PUT {KEY}", fault)
    version = one.write(SECOND, version)
    assert s3.requests("PUT") == 2
    assert one.read().version == version
    one.write(replace(FIRST, serial=3), version)


def test_a_first_write_whose_answer_is_lost_is_found_too(s3: S3) -> None:
    s3.next(f"PUT {KEY}", Lost())
    version = s3.store().write(FIRST, "")
    assert s3.store().read().version == version


@pytest.mark.parametrize(
    "fault", [Unheard(), CONFLICT, BUSY, Refusal(500, "InternalError")], ids=repr
)
def test_a_write_that_had_no_effect_is_sent_again(s3: S3, fault: Unheard | Refusal) -> None:
    one = s3.store()
    version = one.write(FIRST, "")
    s3.next(f"PUT {KEY}", fault, fault)
    one.write(SECOND, version)
    assert serial(s3) == 2
    assert len(s3.naps) == 2
    assert s3.naps == sorted(s3.naps)


def test_a_conflict_that_was_lost_to_another_run_is_one(s3: S3) -> None:
    one, other = s3.store(), s3.store()
    version = one.write(FIRST, "")
    s3.next(f"PUT {KEY}", CONFLICT)
    theirs = with_record(SECOND, record("theirs"))
    s3.next(f"GET {KEY}", After(lambda: other.write(theirs, version)))
    with pytest.raises(StateConflict, match="now at serial 2"):
        one.write(with_record(SECOND, record("ours")), version)
    assert other.read().state == theirs


def test_the_same_bytes_written_by_another_run_are_not_ours(s3: S3) -> None:
    """Each of two runs that wrote the same intention would send the create."""
    one, other = s3.store(), s3.store()
    version = one.write(FIRST, "")
    s3.next(f"PUT {KEY}", Unheard())
    s3.next(f"GET {KEY}", After(lambda: other.write(SECOND, version)))
    with pytest.raises(StateConflict):
        one.write(SECOND, version)


def test_without_metadata_a_lost_answer_counts_as_a_conflict(s3: S3) -> None:
    s3.keeps_metadata = False
    one = s3.store()
    version = one.write(FIRST, "")
    s3.next(f"PUT {KEY}", Lost())
    with pytest.raises(StateConflict):
        one.write(SECOND, version)


@pytest.mark.parametrize("fault", [CONFLICT, BUSY, Unheard()], ids=repr)
def test_a_store_that_never_answers_clearly_ends_in_an_error(
    s3: S3, fault: Unheard | Refusal
) -> None:
    one = s3.store()
    version = one.write(FIRST, "")
    s3.next(f"PUT {KEY}", *[fault] * 9)
    with pytest.raises(StateError) as caught:
        one.write(SECOND, version)
    assert not isinstance(caught.value, StateConflict)
    assert caught.value.message.startswith(f"{URL} could not be written: ")
    assert caught.value.hint.endswith(NOT_KNOWN)
    assert s3.requests("PUT") < 9
    assert serial(s3) == 1


def test_a_write_that_arrives_late_is_the_one_that_was_meant_or_none(s3: S3) -> None:
    one = s3.store()
    version = one.write(FIRST, "")
    s3.next(f"PUT {KEY}", Late())
    version = one.write(SECOND, version)
    s3.deliver()
    assert one.read().version == version
    one.write(replace(FIRST, serial=3), version)
    s3.next(f"PUT {KEY}", *[Late()] * 9)
    with pytest.raises(StateError, match="could not be written"):
        one.write(replace(FIRST, serial=4), one.read().version)
    s3.faults.clear()
    s3.deliver()
    assert serial(s3) == 4


def test_an_answer_that_is_lost_where_nothing_can_be_read_is_not_known(s3: S3) -> None:
    one = s3.store()
    version = one.write(FIRST, "")
    s3.next(f"PUT {KEY}", Lost())
    s3.next(f"GET {KEY}", Refusal(403, "AccessDenied"))
    with pytest.raises(StateError) as caught:
        one.write(SECOND, version)
    assert "connection closed error" in caught.value.message
    assert caught.value.hint == NOT_KNOWN


def test_a_body_that_is_cut_short_is_read_again(s3: S3) -> None:
    s3.store().write(FIRST, "")
    s3.next(f"GET {KEY}", Cut(), Cut())
    assert serial(s3) == 1
    s3.next(f"GET {KEY}", Cut(), Cut(), Cut())
    with pytest.raises(StateError, match="could not be read"):
        s3.store().read()


def test_a_busy_store_is_read_again(s3: S3) -> None:
    s3.store().write(FIRST, "")
    s3.next(f"GET {KEY}", BUSY)
    assert serial(s3) == 1


# Conflicts


def test_a_conflict_says_how_the_state_stands_now(s3: S3) -> None:
    one = s3.store()
    version = one.write(FIRST, "")
    other = s3.store()
    other.write(replace(FIRST, serial=5), version)
    with pytest.raises(StateConflict) as caught:
        one.write(SECOND, version)
    assert str(caught.value) == (
        f"{URL} was changed by another run (now at serial 5) since it was read "
        "(run the command again: it begins with the state as it is now)"
    )
    other.write(State(lineage="another", serial=9), other.read().version)
    with pytest.raises(StateConflict, match="was replaced by a state of another lineage since"):
        one.write(SECOND, version)
    s3.put(KEY, b"<<<<<<< HEAD")
    with pytest.raises(StateConflict, match="was changed by another run since"):
        one.write(SECOND, version)
    del s3.objects[KEY]
    with pytest.raises(StateConflict, match="was removed since"):
        one.write(SECOND, version)
    assert KEY not in s3.objects


def test_a_conflict_is_one_even_if_nothing_can_be_read(s3: S3) -> None:
    one = s3.store()
    version = one.write(FIRST, "")
    s3.store().write(SECOND, version)
    s3.next(f"GET {KEY}", After(lambda: None), Refusal(403, "AccessDenied"))
    with pytest.raises(StateConflict, match="was changed by another run since"):
        one.write(SECOND, version)


@pytest.mark.parametrize("number", [0, 1])
def test_a_serial_that_does_not_rise_is_not_written(s3: S3, number: int) -> None:
    """Else a state could come back to the very bytes, and the ETag, of an older one."""
    one = s3.store()
    version = one.write(FIRST, "")
    with pytest.raises(StateConflict, match="cannot go on with"):
        one.write(replace(FIRST, serial=number), version)
    assert serial(s3) == 1


# What is there and is no state


def test_a_damaged_state_says_the_ways_out(s3: S3) -> None:
    s3.put(KEY, encode(FIRST)[:-20])
    with pytest.raises(StateFormat) as caught:
        s3.store().read()
    assert caught.value.message.startswith(f"{URL} ends in the middle")
    assert caught.value.hint == (
        "where the bucket keeps versions, copy an earlier one over it; or move it away: the next"
        " apply finds jobs by their tokens"
    )


def test_an_edited_state_says_how_to_edit_one(s3: S3) -> None:
    s3.put(KEY, encode(FIRST).replace(b'"l"', b'"m"'))
    with pytest.raises(StateFormat, match="edited by hand") as caught:
        s3.store().read()
    assert "reconcile state pull" in caught.value.hint
    assert "copy an earlier one" in caught.value.hint


def test_a_newer_state_is_not_to_be_replaced_by_an_older_one(s3: S3) -> None:
    s3.put(KEY, encode(FIRST).replace(b'"version": 2', b'"version": 3'))
    with pytest.raises(StateFormat) as caught:
        s3.store().read()
    assert caught.value.hint == "upgrade finetune-reconciler"


def test_a_404_of_somebody_else_is_no_empty_state(s3: S3) -> None:
    s3.next(f"GET {KEY}", Refusal(404, "NotFound", "no such page"))
    with pytest.raises(StateError, match="could not be read: NotFound: no such page"):
        s3.store().read()
