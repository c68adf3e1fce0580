"""Whose fault a failure was: a row per case, with its reason and, where it is known, its origin.

The messages are those of real jobs at the three providers, as seen until 2026-11, or, where none
has been seen, those of the providers' documentation.
"""

from __future__ import annotations

import pytest

from reconciler.failures import FailureClass, failure_class
from reconciler.model import Job, JobError, JobStatus

DATA, ACCOUNT = FailureClass.DATA, FailureClass.ACCOUNT
PROVIDER, CANCELLED, UNKNOWN = (
    FailureClass.PROVIDER,
    FailureClass.CANCELLED,
    FailureClass.UNKNOWN,
)
FILE = "The job failed due to an invalid training file. "


def failed(
    code: str | None, message: str = "", param: str | None = None, *, word: str = "failed"
) -> Job:
    error = JobError(code=code, message=message, param=param)
    return Job(id="j", status=JobStatus.FAILED, provider_status=word, error=error)


def bare(word: str) -> Job:
    return Job(id="j", status=JobStatus.FAILED, provider_status=word)


OPENAI = [
    (
        "too few examples stay too few",
        failed(
            "invalid_n_examples",
            "Training file has 7 example(s), but must have at least 10 examples",
            "training_file",
        ),
        DATA,
    ),
    (
        "a message without its role",
        failed(
            "invalid_training_file",
            f"{FILE}Invalid file format. Example 100, message 2 Discriminator 'role' is missing in"
            " value",
        ),
        DATA,
    ),
    (
        "data of another method",
        failed(
            "invalid_training_file",
            f"{FILE}Invalid file format. Input file file-X is in the fine-tune-chat format, but the"
            " specified fine-tuning job is not using 'supervised' as the training method (provided"
            " method=dpo). ",
        ),
        DATA,
    ),
    (
        "data of no known form",
        failed(
            "invalid_training_file",
            f"{FILE}Unexpected file format, expected either prompt/completion pairs or chat"
            " messages.",
        ),
        DATA,
    ),
    (
        "moderation of the file",
        failed(
            "invalid_training_file",
            f"{FILE}This training file was blocked because too many examples were flagged by our"
            " moderation API … in the following categories: hate …",
        ),
        DATA,
    ),
    (
        "moderation of lines",
        failed(
            "invalid_training_file",
            f"{FILE}This file failed moderation safety checks. … Flagged lines: 4, 13, 14, …",
        ),
        DATA,
    ),
    ("a server error", failed("server_error"), PROVIDER),
    (
        "a server error in words",
        failed("server_error", "The job failed due to an internal error. Please try again."),
        PROVIDER,
    ),
    (
        "a server error over a file is the file's",
        failed("server_error", "The job failed due to an internal error.", "training_file"),
        DATA,
    ),
    (
        "a quota is the account's though it passes by itself",
        failed("exceeded_quota", "You exceeded your current quota, please check your plan."),
        ACCOUNT,
    ),
    (
        "the day's limit",
        failed(
            "daily_rate_limit_exceeded",
            "Your organization has reached the maximum of 2 fine-tuning requests per day.",
        ),
        ACCOUNT,
    ),
    ("a spending limit that was reached", failed(None, "Job exceeded its cost limit"), ACCOUNT),
    ("money alone", failed("billing_hard_limit_reached"), ACCOUNT),
    (
        "a code that nobody knows",
        failed("evaluation_failed", "The model did not pass."),
        UNKNOWN,
    ),
    ("a code that nobody knows, alone", failed("training_diverged"), UNKNOWN),
    ("an object of nulls is no reason", bare("failed"), PROVIDER),
]
BEDROCK = [
    (
        "the form of the data",
        failed(
            None,
            "Input data at train.jsonl must follow 'bedrock-conversation-2024' format (line 3)",
        ),
        DATA,
    ),
    (
        "no JSON Lines",
        failed(
            None,
            "Unable to parse Amazon S3 file: train.jsonl. Data files must conform to JSONL format.",
        ),
        DATA,
    ),
    (
        "too few records",
        failed(
            None, "The number of records in train.jsonl must be between 32 and 10000, but is 7."
        ),
        DATA,
    ),
    (
        "what tests flagged",
        failed(
            None,
            "Automated tests flagged this fine-tuning job as including materials that are"
            " potentially inconsistent with Anthropic's third-party license terms. Please contact"
            " support.",
        ),
        DATA,
    ),
    (
        "a bucket that the role may not read",
        failed(
            None,
            "Could not validate GetObject permissions to access Amazon S3 bucket: b at key k",
        ),
        ACCOUNT,
    ),
    (
        "a role that cannot be assumed",
        failed(None, "Bedrock is unable to assume the provided service role."),
        ACCOUNT,
    ),
    ("a quota by its exception", failed("ServiceQuotaExceededException"), ACCOUNT),
    (
        "the exception of the service model",
        failed(
            None, "Encountered an unexpected error when processing the request, please try again"
        ),
        PROVIDER,
    ),
    ("the exception by its name", failed("InternalServerException"), PROVIDER),
    (
        "no room for the training",
        failed(None, "Insufficient capacity to process your request."),
        PROVIDER,
    ),
    ("no failureMessage", bare("Failed"), PROVIDER),
]
FIREWORKS = [
    ("a bare internal error", failed("INTERNAL", "Internal error"), PROVIDER),
    ("the code alone", failed("INTERNAL"), PROVIDER),
    ("the words alone", failed(None, "Internal error"), PROVIDER),
    ("a service that is down", failed("UNAVAILABLE", "service unavailable"), PROVIDER),
    (
        "a dataset that no line of parses",
        failed("INVALID_ARGUMENT", "Dataset has a syntax error: invalid JSON on train.jsonl:3"),
        DATA,
    ),
    (
        "too few examples",
        failed("INVALID_ARGUMENT", "Dataset has 2 examples, but at least 3 are required"),
        DATA,
    ),
    (
        "an internal error over a dataset is the dataset's",
        failed("INTERNAL", "Internal error: dataset validation failed"),
        DATA,
    ),
    ("a request that is wrong stays wrong", failed("INVALID_ARGUMENT"), DATA),
    ("a refusal without a word", failed("PERMISSION_DENIED"), ACCOUNT),
    (
        "a quota, as the gateway says it",
        failed("RESOURCE_EXHAUSTED", "quota exceeded, please try again later"),
        ACCOUNT,
    ),
    (
        "a quota that is called capacity is a quota",
        failed("RESOURCE_EXHAUSTED", "no capacity left in your quota"),
        ACCOUNT,
    ),
    ("an account that is suspended", failed(None, "Account acme is suspended"), ACCOUNT),
    (
        "memory may be the spec's fault",
        failed("UNKNOWN", "CUDA out of memory"),
        UNKNOWN,
    ),
    ("a precondition says nothing", failed("FAILED_PRECONDITION"), UNKNOWN),
    ("a time that ran out", bare("JOB_STATE_EXPIRED"), UNKNOWN),
    (
        "an early stop without a model",
        failed(
            "EARLY_STOPPED",
            "it stopped early and left no model",
            word="JOB_STATE_EARLY_STOPPED",
        ),
        UNKNOWN,
    ),
    ("a cancelled training that shows as failed", failed("CANCELLED"), CANCELLED),
    ("one whose message says so", failed(None, "job was cancelled by a user"), CANCELLED),
]


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        pytest.param(job, expected, id=f"{provider}: {reason}")
        for provider, rows in {"openai": OPENAI, "bedrock": BEDROCK, "fireworks": FIREWORKS}.items()
        for reason, job, expected in rows
    ],
)
def test_a_failure_has_one_class(job: Job, expected: FailureClass) -> None:
    assert failure_class(job) is expected


@pytest.mark.parametrize("message", ["", "   ", "\n"])
def test_blanks_are_no_message(message: str) -> None:
    assert failure_class(failed(None, message)) is PROVIDER
    assert failure_class(failed("odd", message)) is UNKNOWN


@pytest.mark.parametrize("status", [s for s in JobStatus if s is not JobStatus.FAILED])
def test_only_a_failed_job_is_the_providers_fault(status: JobStatus) -> None:
    error = JobError(code="server_error", message="Internal error")
    job = Job(id="j", status=status, provider_status=status.value, error=error)
    assert failure_class(job) is (CANCELLED if status is JobStatus.CANCELLED else UNKNOWN)


def test_whatever_else_a_provider_error_says_it_is_not_tried_again() -> None:
    also = ("over your quota", "in the training file", "for 3 examples", "cancelled meanwhile")
    for words in also:
        assert failure_class(failed("INTERNAL", f"Internal error {words}")) is not PROVIDER
