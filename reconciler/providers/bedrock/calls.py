"""Calls to AWS: reads that are repeated, sends that never are, errors in our words.

`adapter`, `files` and nobody else call through it. It is the one place that meets boto3's
exceptions. botocore's own retries are off everywhere, so that what goes out is decided here: a
create once, a read as often as it takes within bounds. It must never repeat a `send`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import tenacity

from reconciler.errors import ProviderUnavailable
from reconciler.providers.bedrock import refusals
from reconciler.providers.bedrock.account import BEDROCK, S3, Account
from reconciler.providers.bedrock.refusals import NoAnswer, Refused

TRIES = 4
"""How often a read goes out at most: about four seconds of waiting, if the server asks for none."""

_BACKOFF = tenacity.wait_random_exponential(multiplier=0.5, max=8)

T = TypeVar("T")


class Calls:
    """A way to one account, for many threads at once. `sleep` waits between tries of a read."""

    def __init__(self, account: Account, *, sleep: Callable[[float], None]) -> None:
        self._account = account
        self._sleep = sleep

    def bedrock(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Ask Bedrock. Only for what may arrive twice; `operation` is boto3's name of it.

        Raises ProviderAuthError where we are not allowed to, Refused on another final no,
        ProviderUnavailable where no answer was to be had.
        """
        return self._repeated(operation, lambda: self._once(BEDROCK, operation, parameters))

    def s3(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Ask S3, or put something there that is the same however often it arrives."""
        return self._repeated(operation, lambda: self._once(S3, operation, parameters))

    def content(self, bucket: str, key: str) -> bytes:
        """The bytes of an object in S3."""

        def read() -> bytes:
            body = self._once(S3, "get_object", {"Bucket": bucket, "Key": key})["Body"]
            try:
                content: bytes = self._tried("get_object", body.read)
            finally:
                body.close()
            return content

        return self._repeated("get_object", read)

    def send(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Send to Bedrock exactly once, on a connection of its own.

        Raises NoAnswer, Refused, ProviderAuthError; the last only where there was nothing to sign
        with, and so nothing was sent.
        """
        client = self._tried(operation, self._account.fresh)
        try:
            answer: Mapping[str, Any] = self._tried(
                operation, lambda: getattr(client, operation)(**parameters)
            )
        finally:
            client.close()
        return answer

    def _once(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Any:
        """One call, one answer."""
        return self._tried(
            operation, lambda: getattr(self._account.client(service), operation)(**parameters)
        )

    def _tried(self, operation: str, attempt: Callable[[], Any]) -> Any:
        """What an attempt gives, or ours instead of what boto3 raised.

        That is let go of before ours is raised: it may quote what was signed, and its frames would
        keep a client's connections open after `close`.
        """
        try:
            return attempt()
        except Exception as error:  # noqa: BLE001 - each is translated, none is lost
            ours = self._ours(error, operation)
        raise ours

    def _ours(self, error: Exception, operation: str) -> Exception:
        return refusals.translated(
            error, _wire_name(operation), self._account.name, self._account.secrets
        )

    def _repeated(self, operation: str, attempt: Callable[[], T]) -> T:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES),
            wait=_pause,
            retry=tenacity.retry_if_exception(_transient),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except (NoAnswer, Refused) as error:
            if isinstance(error, Refused) and error.denied:
                raise refusals.denial(error, _wire_name(operation), self._account.name) from None
            if not _transient(error):
                raise
            raise ProviderUnavailable(
                f"{error.message}; tried {TRIES} times", hint=error.hint
            ) from None


def _transient(error: BaseException) -> bool:
    return isinstance(error, NoAnswer | Refused) and error.transient


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next try: what the server asks for, else exponential with full jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Refused) and error.refused.retry_after is not None:
        return error.refused.retry_after
    return _BACKOFF(state)


def _wire_name(operation: str) -> str:
    """`get_model_customization_job` as AWS writes it: GetModelCustomizationJob."""
    return "".join(word.capitalize() for word in operation.split("_"))
