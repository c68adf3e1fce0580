"""What shall go wrong: the faults of a sandbox, as text and as values.

`reconcile sandbox --fault TEXT` and the tests make them, `exchange` plays them on requests, and the
providers ask for the quirks. This module imports nothing of the `sandbox` extra.

A fault is written

    [OPERATION=]EFFECT[:ARGUMENT][:CODE][,xCOUNT]

    create=drop-after           the job is created, then the connection closed without a reply
    create=drop-before,x2       the first two creates never reach the server
    create=429:insufficient_quota
    upload=503,x3               three times; short for upload=status:503
    create=status-after:503     the job is created, and the reply says 503
    any=hang-before:5           every request waits five seconds, then is handled
    get=hang-after:0.5          handled at once, the reply comes half a second later
    create=bad-json             the job is created, the reply is 200 and half a JSON document
    create=fail-job:server_error,x1   the first job fails half-way through training
    create=pass,x2              the first two creates go through; a later fault may take the third
    list-lag:30                 a created job is missing from lists for 30 seconds
    no-metadata                 metadata is dropped, and the filter for it ignored
    has-more-forever            every list page says that there are more

OPERATION is a word of `OPERATIONS`, or `any`; with a provider's name and a dot before it
(`openai.create`) it means that provider only. Without `,xCOUNT` a fault never wears off.
A request meets at most one fault: the first, in the order given, that is meant for its operation
and has not worn off. So a list of faults is a script. Counts belong to one server: another process
over the same data counts for itself. Delays are real seconds, whatever the sandbox's speed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import ConfigError

OPERATIONS = {
    "create": "create a job",
    "list": "list jobs",
    "get": "look at a job",
    "cancel": "cancel a job",
    "pause": "pause a job",
    "resume": "resume a job",
    "events": "list a job's events",
    "checkpoints": "list a job's checkpoints",
    "upload": "upload a file in one request",
    "upload-start": "begin an upload in parts",
    "upload-part": "send a part",
    "upload-complete": "make a file of the parts",
    "upload-cancel": "give an upload up",
    "files": "list files",
    "file": "look at a file",
    "content": "download a file",
    "delete-file": "delete a file",
    "models": "list models",
    "model": "look at a model",
    "delete-model": "delete a model",
    "delete": "delete a job",
    "metrics": "look for a job's metrics",
    "base-models": "list base models",
    "base-model": "look at a base model",
    "tags": "list tags",
    "tag": "add tags",
    "untag": "take tags away",
    "create-file": "announce a file to come",
    "upload-parts": "list the parts of an upload",
    "buckets": "list buckets",
    "bucket": "look at a bucket",
    "create-bucket": "create a bucket",
    "accounts": "list accounts",
    "account": "look at an account",
}
"""Every operation that a fault can be meant for, and what it is.

The same word means the same for every provider that has it: a file is an object in S3, a dataset at
Fireworks; a job of Bedrock's is stopped by its `cancel`.
"""

OPERATIONS_OF: dict[str, tuple[str, ...]] = {
    "openai": (
        *("create", "list", "get", "cancel", "pause", "resume", "events", "checkpoints"),
        *("upload", "upload-start", "upload-part", "upload-complete", "upload-cancel"),
        *("files", "file", "content", "delete-file"),
        *("models", "model", "delete-model"),
    ),
    "bedrock": (
        *("create", "list", "get", "cancel"),
        *("models", "model", "delete-model", "base-models", "base-model"),
        *("tags", "tag", "untag"),
    ),
    "s3": (
        *("upload", "upload-start", "upload-part", "upload-complete", "upload-cancel"),
        *("upload-parts", "files", "file", "content", "delete-file"),
        *("buckets", "bucket", "create-bucket"),
    ),
    "fireworks": (
        *("create", "list", "get", "cancel", "resume", "delete", "metrics"),
        *("create-file", "upload", "upload-start", "upload-part", "upload-complete"),
        *("files", "file", "content", "delete-file"),
        *("models", "model", "delete-model", "accounts", "account"),
    ),
}
"""Which operations each provider has."""

FORMS = (
    "OPERATION=drop-before | drop-after | hang-before:SECONDS | hang-after:SECONDS | "
    "STATUS[:CODE] | status-after:STATUS[:CODE] | bad-json | fail-job[:CODE] | pass, "
    "each with ,xCOUNT for only the first so many times; or list-lag:SECONDS | no-metadata | "
    f"has-more-forever. OPERATION is any, {', '.join(OPERATIONS)}"
)


class Effect(StrEnum):
    """What a fault does. The last three are quirks of the server, not of a request."""

    PASS = "pass"  # noqa: S105 - lets a request pass, is no password
    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    HANG_BEFORE = "hang-before"
    HANG_AFTER = "hang-after"
    STATUS = "status"
    STATUS_AFTER = "status-after"
    BAD_JSON = "bad-json"
    FAIL_JOB = "fail-job"
    LIST_LAG = "list-lag"
    NO_METADATA = "no-metadata"
    HAS_MORE_FOREVER = "has-more-forever"


_QUIRKS = {Effect.LIST_LAG, Effect.NO_METADATA, Effect.HAS_MORE_FOREVER}
_TIMED = {Effect.HANG_BEFORE, Effect.HANG_AFTER, Effect.LIST_LAG}
_REFUSING = {Effect.STATUS, Effect.STATUS_AFTER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong. `str()` is its text, which `parse` reads back.

    `seconds` belongs to hangs and lags, `status` and `code` to refusals, `code` to failing jobs;
    `times` None means for ever.
    """

    effect: Effect
    operation: str = "any"
    seconds: float = 0.0
    status: int = 0
    code: str = ""
    times: int | None = None

    def __str__(self) -> str:
        target = "" if self.effect in _QUIRKS else f"{self.operation}="
        seconds = f":{self.seconds:g}" if self.effect in _TIMED else ""
        status = f":{self.status}" if self.effect in _REFUSING else ""
        code = f":{self.code}" if self.code else ""
        times = f",x{self.times}" if self.times is not None else ""
        return f"{target}{self.effect}{seconds}{status}{code}{times}"


class FaultScript:
    """The faults of one server, and how often each may still happen."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._quirks = {fault.effect: fault for fault in faults if fault.effect in _QUIRKS}
        self._faults = tuple(fault for fault in faults if fault.effect not in _QUIRKS)
        self._left = [fault.times for fault in self._faults]

    def take(self, provider: str, operation: str) -> Fault | None:
        """The fault this request meets, if any; it is used up by one."""
        targets = {"any", operation, f"{provider}.any", f"{provider}.{operation}"}
        for index, fault in enumerate(self._faults):
            left = self._left[index]
            if fault.operation not in targets or left == 0:
                continue
            if left is not None:
                self._left[index] = left - 1
            return fault
        return None

    @property
    def list_lag(self) -> float:
        """Seconds for which a created job is missing from lists."""
        lag = self._quirks.get(Effect.LIST_LAG)
        return lag.seconds if lag else 0.0

    @property
    def no_metadata(self) -> bool:
        """Whether the server knows nothing of metadata."""
        return Effect.NO_METADATA in self._quirks

    @property
    def has_more_forever(self) -> bool:
        """Whether every page of a list promises another."""
        return Effect.HAS_MORE_FOREVER in self._quirks


def parse(text: str) -> Fault:
    """Read one fault. Raises ConfigError, naming the forms, where the text is none."""
    match = _GRAMMAR.fullmatch(text.strip())
    if match is None:
        raise _refused(text, "it does not have the form of a fault")
    operation, effect_text, arguments, count = match.group("operation", "effect", "rest", "count")
    words = [*arguments.split(":")[1:]] if arguments else []
    if effect_text.isdigit():
        effect_text, words = Effect.STATUS.value, [effect_text, *words]
    try:
        effect = Effect(effect_text)
    except ValueError:
        raise _refused(text, f"{effect_text!r} is no effect") from None
    _check_target(text, operation, effect)
    fault = Fault(
        effect=effect,
        operation=operation or "any",
        seconds=_seconds(text, words.pop(0) if words else "") if effect in _TIMED else 0.0,
        status=_status(text, words.pop(0) if words else "") if effect in _REFUSING else 0,
        code=words.pop(0) if words and effect in _REFUSING | {Effect.FAIL_JOB} else "",
        times=_count(text, effect, count),
    )
    if words:
        raise _refused(text, f"{words[0]!r} is one argument too many")
    return fault


_GRAMMAR = re.compile(
    r"(?:(?P<operation>[a-z0-9.-]+)=)?(?P<effect>[a-z-]+|\d+)(?P<rest>(?::[\w.-]+)*)"
    r"(?:,x(?P<count>\d+))?"
)


def _check_target(text: str, operation: str | None, effect: Effect) -> None:
    if effect in _QUIRKS:
        if operation:
            raise _refused(text, f"{effect} is meant for the whole server, not an operation")
        return
    if not operation:
        raise _refused(text, f"{effect} needs an operation")
    provider, _, name = operation.rpartition(".")
    if provider and provider not in OPERATIONS_OF:
        raise _refused(text, f"{provider!r} is no provider of the sandbox")
    if name != "any" and name not in OPERATIONS:
        raise _refused(text, f"{name!r} is no operation")
    if provider and name not in ("any", *OPERATIONS_OF[provider]):
        raise _refused(text, f"{provider} has no operation {name!r}")
    if effect is Effect.FAIL_JOB and name not in ("create", "any"):
        raise _refused(text, "only a create can make a job that fails")


def _seconds(text: str, word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        raise _refused(text, "the seconds are missing") from None
    if not 0 <= seconds < float("inf"):
        raise _refused(text, "the seconds must be zero or more")
    return seconds


def _status(text: str, word: str) -> int:
    if not word.isdigit() or not 400 <= int(word) <= 599:  # noqa: PLR2004 - HTTP's error range
        raise _refused(text, "a refusal needs a status from 400 to 599")
    return int(word)


def _count(text: str, effect: Effect, count: str | None) -> int | None:
    if count is None:
        return None
    if effect in _QUIRKS:
        raise _refused(text, f"{effect} does not wear off")
    return int(count)


def _refused(text: str, why: str) -> ConfigError:
    return ConfigError(f"cannot read the fault {text!r}: {why}", hint=f"faults: {FORMS}")
