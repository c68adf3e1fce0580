"""S3 URIs as Bedrock takes them: narrower than S3's own, and refused only once a job is sent.

`rules` checks every URI with it, `wire`, `files` and `metrics` take them apart. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from reconciler.providers.bedrock.limits import S3_URI, shown

_SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]")
_KEY_CHARACTER = re.compile(r"[-!_*'().a-zA-Z0-9/]")
_ALPHABET = "letters, digits and - ! _ * ' ( ) ."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a URI, and what to write instead."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket and a key in it; the key of a folder ends in `/`, that of a bucket is empty."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.key}"


def fault(uri: str) -> Fault | None:
    """Why Bedrock would refuse this URI; None if it would not."""
    if not uri.startswith(_SCHEME):
        return Fault(message=f"{shown(uri)} is not an S3 URI", hint=_meant(uri))
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    if not _BUCKET.fullmatch(bucket):
        return Fault(
            message=f"{shown(bucket)} is not the name of a bucket",
            hint="3 to 63 lower-case letters, digits, - and ., as s3://my-bucket/train.jsonl",
        )
    for character in key:
        if not _KEY_CHARACTER.fullmatch(character):
            return Fault(
                message=f"{shown(uri)} holds {character!r}, which Bedrock does not take in an S3"
                " URI",
                hint=f"copy the data to a key of {_ALPHABET}, in folders of the same",
            )
    if "//" in f"/{key}":
        return Fault(
            message=f"{shown(uri)} holds a folder without a name (//), which Bedrock does not take",
            hint="write one / between two names",
        )
    complaint = S3_URI.complaint(uri)
    return Fault(message=complaint, hint=f"as {S3_URI.example}") if complaint else None


def place(uri: str) -> Place:
    """The bucket and key of an `s3://` URI. Raises ValueError for anything else."""
    if not uri.startswith(_SCHEME):
        raise ValueError(uri)
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    return Place(bucket=bucket, key=key)


def folder(uri: str) -> str:
    """The URI with exactly one `/` at its end."""
    return f"{uri.rstrip('/')}/"


def _meant(uri: str) -> str:
    """What somebody who wrote that may have wanted."""
    decoded = unquote(uri)
    if decoded.startswith(_SCHEME):
        return f"it is written plainly here, not URL-encoded: {decoded}"
    if uri.lower().startswith(_SCHEME):
        return f"{_SCHEME}{uri[len(_SCHEME) :]}"
    return "s3://BUCKET/KEY for data that is there, ./FILE for a file beside the spec"
