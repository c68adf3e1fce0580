"""Whose fault it was that a job failed: a word for it, from what the provider says. Pure.

`retries` asks whether another attempt may be made without a person, `health` what to tell one.

Providers have few codes for a job that failed, and some only a sentence, so that both are read. It
errs on the dear side: an attempt is paid for, and what its data or its account made fail once fails
again. PROVIDER is said only where nothing points elsewhere, and whatever is not understood is
UNKNOWN. The sentences are those of real jobs, collected until 2026-11; the table in the tests has
them.
"""

from __future__ import annotations

import re
from enum import StrEnum

from reconciler.model import Job, JobError, JobStatus


class FailureClass(StrEnum):
    """Whose fault a failure was. Only PROVIDER may be tried again without a person."""

    DATA = "data"
    ACCOUNT = "account"
    PROVIDER = "provider"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


def failure_class(job: Job) -> FailureClass:
    """Why a job that has ended left no model. UNKNOWN for one that has not failed.

    Where a code and a message point to different classes, the first of DATA, ACCOUNT, CANCELLED and
    PROVIDER counts: a server error over a broken file is the file's.
    """
    if job.status is JobStatus.CANCELLED:
        return FailureClass.CANCELLED
    if job.status is not JobStatus.FAILED:
        return FailureClass.UNKNOWN
    error = job.error
    if error is None or not (error.code or error.message.strip()):
        return _bare(job)
    found = {*_by_code(error), *_by_message(error)}
    return next((kind for kind in _PRECEDENCE if kind in found), FailureClass.UNKNOWN)


_PRECEDENCE = (
    FailureClass.DATA,
    FailureClass.ACCOUNT,
    FailureClass.CANCELLED,
    FailureClass.PROVIDER,
)

_LIMITS_OF_OURS = ("JOB_STATE_EXPIRED", "JOB_STATE_EARLY_STOPPED")
"""Fireworks' words for a job that ran out of its time, or ended before it had a model: neither is
said to be a failure of the service, and both may come again."""

_CODES: dict[FailureClass, frozenset[str]] = {
    FailureClass.DATA: frozenset(
        {
            "invalid_training_file",
            "invalid_validation_file",
            "invalid_n_examples",
            "invalid_file_format",
            "invalid_argument",  # gRPC's: the request itself is wrong, and stays so
        }
    ),
    FailureClass.ACCOUNT: frozenset(
        {
            "insufficient_quota",
            "exceeded_quota",
            "quota_exceeded",
            "credit_balance_exhausted",
            "billing_hard_limit_reached",
            "billing_not_active",
            "account_deactivated",
            "daily_rate_limit_exceeded",
            "rate_limit_exceeded",
            "permission_denied",
            "unauthenticated",
            "resource_exhausted",  # gRPC's: a quota, as the gateway's 429
            "servicequotaexceededexception",
            "accessdeniedexception",
            "throttlingexception",
        }
    ),
    FailureClass.CANCELLED: frozenset({"cancelled", "canceled"}),
    FailureClass.PROVIDER: frozenset(
        {
            "server_error",
            "internal_error",
            "internal_server_error",
            "internal",  # gRPC's
            "unavailable",  # gRPC's
            "internalserverexception",
            "internalfailure",
            "serviceunavailableexception",
            "server_is_overloaded",
        }
    ),
}
"""Codes in small letters."""

_DATA_FIELDS = frozenset({"training_file", "validation_file"})

_MESSAGES: dict[FailureClass, re.Pattern[str]] = {
    FailureClass.DATA: re.compile(
        r"\b(training|validation|input|evaluation|data) ?files?\b|\binput data\b|\bdatasets?\b"
        r"|\bs3 files?\b|\bjsonl?\b|\bfile format\b|\bexamples?\b|\brecords?\b|\btruncat"
        r"|\bmoderat|\bflagged\b|\bsafety\b|\busage policies\b|\blicense terms\b|\bmalformed\b"
        r"|\btoo (few|many|long|large|short)\b|\btoken(s|izer)?\b.*\b(exceed|limit|long)",
        re.IGNORECASE | re.DOTALL,
    ),
    FailureClass.ACCOUNT: re.compile(
        r"\bquotas?\b|\bbilling\b|\bpayment|\bcredits?\b|\bbalance\b|\bspend(ing)? limit"
        r"|\bpermissions?\b|\bnot authori[sz]ed\b|\bunauthori[sz]ed\b|\baccess denied\b"
        r"|\b(iam|service) role\b|\bassume\b|\bsuspended\b|\brate.?limit|\bforbidden\b"
        r"|\bexceed(s|ed)?\b.*\blimits?\b|\blimits?\b.*\bexceeded\b",
        re.IGNORECASE | re.DOTALL,
    ),
    FailureClass.CANCELLED: re.compile(r"\bcancell?ed\b", re.IGNORECASE),
    FailureClass.PROVIDER: re.compile(
        r"\binternal (server )?error\b|\bserver (had an )?error\b"
        r"|\bunexpected error\b.*\btry again\b"
        r"|\bservice (is )?(temporarily |currently )?unavailable\b"
        r"|\b(insufficient|no|out of|lack of|not enough) (\w+ )?capacity\b"
        r"|\boverloaded\b|\bpreempted\b",
        re.IGNORECASE | re.DOTALL,
    ),
}


def _bare(job: Job) -> FailureClass:
    """A failure that nothing is said about: bad data and bad accounts are always said."""
    limited = job.provider_status in _LIMITS_OF_OURS
    return FailureClass.UNKNOWN if limited else FailureClass.PROVIDER


def _by_code(error: JobError) -> list[FailureClass]:
    code = (error.code or "").strip().lower()
    found = [kind for kind, codes in _CODES.items() if code in codes]
    return [*found, FailureClass.DATA] if error.param in _DATA_FIELDS else found


def _by_message(error: JobError) -> list[FailureClass]:
    return [kind for kind, words in _MESSAGES.items() if words.search(error.message)]
