"""A store is believed only what it was seen to refuse."""

from __future__ import annotations

import pytest

from reconciler.errors import StateError
from reconciler.model import State
from reconciler.state.s3.probe import conditional_deletes
from tests.state.s3_server import (
    ADA,
    BUCKET,
    BUSY,
    CONFLICT,
    KEY,
    LOCK,
    S3,
    After,
    Lost,
    Refusal,
    Unheard,
)

FIRST = State(lineage="l", serial=1)
PROBE = rf"{KEY}\.probe-[0-9a-f]{{16}}"


def test_a_good_store_is_left_as_it_was(s3: S3) -> None:
    assert conditional_deletes(s3.bucket, KEY) is True
    assert s3.objects == {}


@pytest.mark.parametrize("ignored", ["DELETE If-Match", "DELETE If-Match refused"])
def test_a_store_may_not_know_conditional_deletes(s3: S3, ignored: str) -> None:
    s3.ignores = (ignored,)
    assert conditional_deletes(s3.bucket, KEY) is False
    assert s3.objects == {}


LOSS = (
    ": of two runs that write at the same time, one would undo what the other has noted, and jobs"
    " could be lost or paid for twice (keep the state in a store that honours If-Match and"
    " If-None-Match, as S3 does, or in a file that one runner uses: state: {backend: file})"
)


@pytest.mark.parametrize(
    ("ignored", "what"),
    [
        (("PUT If-None-Match",), "ignores If-None-Match"),
        (("PUT If-Match",), "ignores If-Match"),
        (("PUT If-Match", "PUT If-None-Match", "DELETE If-Match"), "ignores If-None-Match"),
    ],
)
def test_a_store_that_ignores_conditions_is_refused_and_nothing_is_written(
    s3: S3, ignored: tuple[str, ...], what: str
) -> None:
    s3.ignores = ignored
    one = s3.store()
    with pytest.raises(StateError) as written:
        one.write(FIRST, "")
    with pytest.raises(StateError) as locked, one.lock(ADA):
        pass
    for caught in (written, locked):
        assert str(caught.value) == f"the store of s3://{BUCKET}/{KEY} {what}{LOSS}"
    assert s3.objects == {}
    assert {heard.key for heard in s3.heard} & {KEY, LOCK} == set()


def test_a_store_whose_etags_tell_nothing_apart_is_refused(s3: S3) -> None:
    s3.etag = lambda _: '"always"'
    with pytest.raises(StateError, match="gives different objects the same ETag: of two"):
        conditional_deletes(s3.bucket, KEY)


def test_a_store_without_etags_is_refused(s3: S3) -> None:
    s3.etag = lambda _: ""
    with pytest.raises(StateError, match="answers without an ETag: of two"):
        conditional_deletes(s3.bucket, KEY)


def test_a_store_that_refuses_its_own_etags_is_refused(s3: S3) -> None:
    etags = iter(range(99))
    s3.etag = lambda _: f'"{next(etags)}"'
    put = s3.put

    class Forgetful(dict):  # type: ignore[type-arg]  # every look gives an object another ETag
        def get(self, key: str, default: object = None) -> object:
            if key in self:
                put(key, self[key].data)
            return super().get(key, default)

    s3.objects = Forgetful()
    with pytest.raises(StateError, match="does not know its own ETags again: of two"):
        conditional_deletes(s3.bucket, KEY)


def test_a_store_that_does_not_know_the_headers_says_so(s3: S3) -> None:
    s3.next(f"PUT {PROBE}", Refusal(501, "NotImplemented", "A header is not implemented."))
    with pytest.raises(StateError, match="NotImplemented: A header") as caught:
        s3.store().write(FIRST, "")
    assert caught.value.hint == "does this store know conditional writes?"


@pytest.mark.parametrize("fault", [Lost(), Unheard(), BUSY, CONFLICT], ids=repr)
@pytest.mark.parametrize("good", range(4))
def test_an_unclear_answer_proves_nothing_and_is_asked_for_again(
    s3: S3, fault: Lost, good: int
) -> None:
    s3.next(f"PUT {PROBE}", *[After(lambda: None)] * good, fault)
    assert conditional_deletes(s3.bucket, KEY) is True
    assert len(s3.naps) == 1
    assert s3.objects == {}


def test_a_store_that_is_never_clear_is_not_used(s3: S3) -> None:
    s3.next(f"PUT {PROBE}", *[BUSY] * 99)
    with pytest.raises(StateError, match="could not be written: SlowDown"):
        s3.store().write(FIRST, "")
    assert KEY not in s3.objects


def test_it_is_asked_once_and_not_for_reading(s3: S3) -> None:
    one = s3.store()
    one.read()
    assert len(s3.heard) == 1
    with one.lock(ADA):
        one.write(FIRST, "")
    before = len(s3.heard)
    with one.lock(ADA):
        pass
    assert [heard.key for heard in s3.heard[before:]] == [LOCK, LOCK]
