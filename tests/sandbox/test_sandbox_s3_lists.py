"""Lists of objects: prefixes, delimiters, pages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.sandbox.s3.buckets import page
from tests.sandbox.amazon import BUCKET, NAMESPACE, put, s3, s3_error, xml
from tests.sandbox.workbench import Api

KEYS = ["a.txt", "b/1", "b/2", "b/c/3", "d", "é"]


@pytest.fixture
def bucket(api: Api) -> Api:
    for key in reversed(KEYS):
        put(api, key, key.encode())
    return api


def listed(api: Api, **query: Any) -> tuple[list[str], list[str], str]:
    """Keys, common prefixes and the next token."""
    names = {name.replace("_", "-"): str(value) for name, value in query.items()}
    root = xml(s3(api, "GET", BUCKET, params={"list-type": "2", **names}))
    keys = [item.text or "" for item in root.iter(f"{NAMESPACE}Key")]
    prefixes = [
        item.findtext(f"{NAMESPACE}Prefix", "") for item in root.iter(f"{NAMESPACE}CommonPrefixes")
    ]
    assert root.findtext(f"{NAMESPACE}KeyCount") == str(len(keys) + len(prefixes))
    token = root.findtext(f"{NAMESPACE}NextContinuationToken", "")
    assert root.findtext(f"{NAMESPACE}IsTruncated") == str(bool(token)).lower()
    return keys, prefixes, token


def test_all_objects_by_key(bucket: Api) -> None:
    assert listed(bucket) == (KEYS, [], "")


def test_a_prefix_and_a_delimiter(bucket: Api) -> None:
    assert listed(bucket, prefix="b/")[:2] == (["b/1", "b/2", "b/c/3"], [])
    assert listed(bucket, delimiter="/")[:2] == (["a.txt", "d", "é"], ["b/"])
    assert listed(bucket, prefix="b/", delimiter="/")[:2] == (["b/1", "b/2"], ["b/c/"])
    assert listed(bucket, prefix="nothing")[:2] == ([], [])


def test_what_follows_a_key(bucket: Api) -> None:
    assert listed(bucket, start_after="b/2")[0] == ["b/c/3", "d", "é"]
    assert listed(bucket, start_after="c")[0] == ["d", "é"]


def test_pages_follow_each_other(bucket: Api) -> None:
    seen, token = [], ""
    for _ in range(10):
        query = {"continuation_token": token} if token else {}
        keys, prefixes, token = listed(bucket, max_keys=2, delimiter="/", **query)
        assert len(keys) + len(prefixes) <= 2
        seen += keys + prefixes
        if not token:
            break
    assert sorted(seen) == sorted(["a.txt", "b/", "d", "é"])


def test_no_keys_at_all(bucket: Api) -> None:
    assert listed(bucket, max_keys=0) == ([], [], "")


def test_keys_come_encoded_where_that_was_asked_for(bucket: Api) -> None:
    assert listed(bucket, encoding_type="url", start_after="d")[0] == ["%C3%A9"]


def test_an_entry_says_what_head_says(bucket: Api) -> None:
    root = xml(s3(bucket, "GET", f"{BUCKET}?list-type=2&prefix=a"))
    entry = {item.tag.removeprefix(NAMESPACE): item.text for item in root.iter()}
    assert entry["Size"] == "5"
    assert entry["ETag"] == s3(bucket, "HEAD", f"{BUCKET}/a.txt").headers["etag"]
    assert entry["LastModified"] == "2026-09-21T14:13:20.000Z"
    assert entry["StorageClass"] == "STANDARD"


@pytest.mark.parametrize(
    "query",
    ["max-keys=x", "max-keys=-1", "encoding-type=base64", "continuation-token=%C3%A9"],
)
def test_a_question_that_makes_no_sense(bucket: Api, query: str) -> None:
    reply = s3(bucket, "GET", f"{BUCKET}?list-type=2&{query}")
    assert s3_error(reply) == (400, "InvalidArgument")


@given(
    st.lists(st.text("ab/", min_size=1, max_size=5), unique=True, max_size=12),
    st.text("ab/", max_size=2),
    st.sampled_from(["", "/", "b"]),
    st.integers(1, 4),
)
def test_pages_hold_every_name_once_and_in_order(
    keys: list[str], prefix: str, delimiter: str, most: int
) -> None:
    records = [{"key": key} for key in sorted(keys)]
    names: list[str] = []
    more, after = True, ""
    while more:
        entries, more = page(records, prefix=prefix, delimiter=delimiter, after=after, most=most)
        found = [entry if isinstance(entry, str) else entry["key"] for entry in entries]
        assert len(found) <= most
        names += found
        after = names[-1] if names else ""
    expected = set()
    for key in keys:
        if key.startswith(prefix):
            head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            expected.add(prefix + head + cut if cut else key)
    assert names == sorted(expected)
