"""The three requests that keeping a state takes, each sent so that its outcome is known.

`store`, `lease` and `probe` send through here. Reads are repeated by botocore. A write is sent once
and never repeated blindly: `replace` looks before it sends it again. boto3 is imported with the
first request: it takes longer than most commands. Nothing in here knows what the bytes mean.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from reconciler import __version__
from reconciler.config import S3StateSettings, check_url, is_loopback
from reconciler.errors import ConfigError, StateError
from reconciler.state.s3.refusals import Stale, Unsettled, translated, without_conditions

PAUSES = (0.1, 0.3, 1.0, 2.0)
"""Seconds before a write that got no clear answer is sent again."""

_READS = 3
_CONNECT_SECONDS = 5
_READ_SECONDS = 15
_WRITE = "reconciler-write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object as read.

    `write` names the one write that made it, "" where that was none of ours. `age` is in seconds by
    the store's own clock, which knows nothing of ours; None where the store does not say.
    """

    data: bytes
    etag: str
    write: str
    age: float | None


class Bucket:
    """One bucket, for many threads at once. Nothing is sent, and no key looked for, until asked.

    `pause` waits for so many seconds, before a request is sent again.
    """

    def __init__(
        self, settings: S3StateSettings, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self.pause = pause
        self._settings = settings
        self._guard = Lock()
        self._session: Any = None
        self._reader: Any = None
        self._writer: Any = None

    def location(self, key: str) -> str:
        """The object's URL, for messages."""
        return f"s3://{self._settings.bucket}/{key}"

    def get(self, key: str) -> Found | None:
        """The object, None if there is none. Raises StateError where that could not be found out.

        Only S3's own word for a missing object counts: a 404 of whoever else answers does not.
        """
        for left in reversed(range(_READS)):
            try:
                return self._read(key)
            except Stale:
                return None
            except Unsettled as unsettled:
                if not left:
                    raise unsettled.error from None
        raise AssertionError  # the last round returned or raised

    def replace(self, key: str, data: bytes, etag: str | None) -> str:
        """Put these bytes where the object with this ETag is, or where none is; the new ETag.

        Raises Stale where something else is there, StateError where it could not be written or not
        be found out whether it was. An answer that was lost, or that says that others were at it,
        is settled by looking: a refusal may be that of our own request, sent twice by a proxy.
        """
        write = secrets.token_hex(16)
        for pause in (*PAUSES, None):
            try:
                return self.put(key, data, etag, write)
            except (Stale, Unsettled) as doubt:
                trouble = doubt
            found = self._look(key, trouble)
            if found is not None and found.write == write:
                return found.etag
            if etag != (found.etag if found else None):
                raise Stale from None
            if pause is not None:
                self.pause(pause)
        raise trouble.error if isinstance(trouble, Unsettled) else trouble

    def put(self, key: str, data: bytes, etag: str | None, write: str = "") -> str:
        """`replace` in one request. Raises Unsettled where it got no clear answer."""
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        answer = self._sent(
            "put_object",
            key,
            Body=data,
            ContentType="application/json",
            Metadata={_WRITE: write},
            **condition,
        )
        return _etag(answer, self.location(key))

    def delete(self, key: str, etag: str | None = None) -> None:
        """Remove the object, with an ETag only if it has that one still.

        Raises Stale where it has another, StateError where it could not be removed, Unsettled where
        it got no clear answer.
        """
        self._sent("delete_object", key, **({} if etag is None else {"IfMatch": etag}))

    def _read(self, key: str) -> Found:
        answer = self._sent("get_object", key)
        with self._translating("get_object", key), closing(answer["Body"]) as body:
            data = body.read()
        return Found(
            data=data,
            etag=_etag(answer, self.location(key)),
            write=(answer.get("Metadata") or {}).get(_WRITE, ""),
            age=_age(answer),
        )

    def _look(self, key: str, doubt: Stale | Unsettled) -> Found | None:
        try:
            return self.get(key)
        except StateError:
            if isinstance(doubt, Unsettled):
                raise doubt.error from None  # which says that nothing is known
            raise

    def _sent(self, operation: str, key: str, **parameters: Any) -> Mapping[str, Any]:
        """Send one request; what was answered. Raises Stale, Unsettled or StateError."""
        with self._translating(operation, key):
            send = getattr(self._client(operation), operation)
            answer: Mapping[str, Any] = send(Bucket=self._settings.bucket, Key=key, **parameters)
        return answer

    @contextmanager
    def _translating(self, operation: str, key: str) -> Iterator[None]:
        from botocore.exceptions import (  # type: ignore[import-untyped]  # it has no types
            BotoCoreError,
            ClientError,
        )
        from botocore.parsers import (  # type: ignore[import-untyped]  # as above
            ResponseParserError,
        )

        try:
            yield
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            raise translated(error, operation, self.location(key), self._secrets()) from None

    def _secrets(self) -> Collection[str]:
        """What must not be shown, should a server repeat it."""
        with suppress(Exception):  # then there are none
            found = self._session.get_credentials().get_frozen_credentials()
            return [text for text in (found.access_key, found.secret_key, found.token) if text]
        return ()

    def _client(self, operation: str) -> Any:
        """The client that repeats what may be repeated, or the one that sends once."""
        with self._guard:
            if self._reader is None:
                self._session, self._reader, self._writer = self._connected()
            return self._reader if operation == "get_object" else self._writer

    def _connected(self) -> tuple[Any, Any, Any]:
        import boto3  # type: ignore[import-untyped]  # AWS ships no types

        settings = self._settings
        session = boto3.Session(region_name=settings.region)
        try:
            first = session.client("s3", endpoint_url=settings.endpoint_url)
            address = first.meta.endpoint_url  # which the environment or a profile may have named
            first.close()
            check_url(address)
        except ValueError:
            raise self._unusable("is no web address", "write it like https://host") from None
        except ConfigError as error:
            raise self._unusable(error.message, error.hint) from None

        def client(attempts: int) -> Any:
            return session.client(
                "s3", endpoint_url=settings.endpoint_url, config=_config(address, attempts)
            )

        return session, client(_READS), client(1)

    def _unusable(self, why: str, hint: str) -> StateError:
        origin = "state.endpoint_url" if self._settings.endpoint_url else "AWS_ENDPOINT_URL_S3"
        return StateError(f"{origin}: {why}", hint=hint)


def _config(address: str, attempts: int) -> Any:
    """How to send to this address. Checksums are those that S3 requires: others know no more."""
    from botocore.config import Config  # type: ignore[import-untyped]  # it has no types

    host = urlsplit(address).hostname or ""
    return Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        user_agent_extra=f"finetune-reconciler/{__version__}",
        proxies={} if is_loopback(host) else None,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _etag(answer: Mapping[str, Any], location: str) -> str:
    etag = answer.get("ETag")
    if isinstance(etag, str) and etag:
        return etag
    raise without_conditions(location, "answers without an ETag")


def _age(answer: Mapping[str, Any]) -> float | None:
    """Seconds from when the object was written to when this answer was, both as the store says."""
    written = answer.get("LastModified")
    headers = (answer.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    try:
        now = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    if not isinstance(written, datetime) or written.tzinfo is None or now.tzinfo is None:
        return None
    return (now - written).total_seconds()
