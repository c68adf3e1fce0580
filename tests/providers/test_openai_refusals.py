"""Why a create was refused, and what it takes before it is worth sending again."""

from __future__ import annotations

import pytest

from reconciler.errors import Remedy
from reconciler.providers.openai.refusals import rejection
from reconciler.providers.refusal import Refusal

DAILY = (
    "This fine-tune request has been rate-limited. Your organization has reached the maximum of 24"
    " fine-tuning requests per day for the model 'gpt-4.1-2025-04-14'."
)
PROCESSING = (
    "File 'file-abc' is still being processed and is not ready to be used for fine-tuning."
    " Please try again later."
)


@pytest.mark.parametrize(
    ("refused", "remedy", "wait"),
    [
        pytest.param(
            Refusal(status=429, code="daily_rate_limit_exceeded", message=DAILY),
            Remedy.RETRY_LATER,
            3600.0,
            id="the daily limit",
        ),
        pytest.param(
            Refusal(status=429, message=DAILY, retry_after=1.0),
            Remedy.RETRY_LATER,
            3600.0,
            id="the daily limit, its code lost on the way",
        ),
        pytest.param(
            Refusal(status=429, code="daily_rate_limit_exceeded", retry_after=7200.0),
            Remedy.RETRY_LATER,
            7200.0,
            id="the daily limit, with a time",
        ),
        pytest.param(Refusal(status=429), Remedy.RETRY_NOW, 30.0, id="a rate limit"),
        pytest.param(
            Refusal(status=429, retry_after=0.5), Remedy.RETRY_NOW, 0.5, id="a short wait"
        ),
        pytest.param(
            Refusal(status=429, retry_after=900.0), Remedy.RETRY_LATER, 900.0, id="a long wait"
        ),
        pytest.param(
            Refusal(status=429, code="insufficient_quota", retry_after=1.0),
            Remedy.FIX_ACCOUNT,
            None,
            id="no quota",
        ),
        pytest.param(
            Refusal(status=429, code="credit_balance_exhausted"),
            Remedy.FIX_ACCOUNT,
            None,
            id="no credit",
        ),
        pytest.param(
            Refusal(status=400, code="billing_hard_limit_reached"),
            Remedy.FIX_ACCOUNT,
            None,
            id="no budget",
        ),
        pytest.param(Refusal(status=401), Remedy.FIX_ACCOUNT, None, id="a wrong key"),
        pytest.param(Refusal(status=403), Remedy.FIX_ACCOUNT, None, id="a 403 without a word"),
        pytest.param(
            Refusal(status=400, message=PROCESSING), Remedy.RETRY_NOW, 20.0, id="a fresh file"
        ),
        pytest.param(Refusal(status=400), Remedy.FIX_SPEC, None, id="a bad request"),
        pytest.param(
            Refusal(
                status=400,
                message="Model x is not available for fine-tuning or does not exist.",
                param="model",
            ),
            Remedy.FIX_SPEC,
            None,
            id="a model that cannot be tuned",
        ),
        pytest.param(
            Refusal(status=400, message="Your organization can no longer create fine-tuning jobs."),
            Remedy.FIX_ACCOUNT,
            24 * 3600.0,
            id="closed for this organisation",
        ),
        pytest.param(
            Refusal(
                status=429,
                message="Your organization is not allowed more fine-tuning jobs in this window.",
            ),
            Remedy.RETRY_NOW,
            30.0,
            id="a limit that sounds like a closed door",
        ),
        pytest.param(Refusal(status=404), Remedy.FIX_SPEC, None, id="an unknown model or file"),
        pytest.param(Refusal(status=413), Remedy.FIX_SPEC, None, id="too large"),
        pytest.param(Refusal(status=415), Remedy.FIX_SPEC, None, id="not JSON to them"),
        pytest.param(Refusal(status=422), Remedy.FIX_SPEC, None, id="unprocessable"),
    ],
)
def test_a_refusal_has_a_remedy(refused: Refusal, remedy: Remedy, wait: float | None) -> None:
    error = rejection(refused, "openai", "OPENAI_API_KEY", openai=True)
    assert (error.remedy, error.retry_after, error.code) == (remedy, wait, refused.code)


@pytest.mark.parametrize(
    ("refused", "message", "hint"),
    [
        (
            Refusal(status=401, code="invalid_api_key", message="Incorrect API key"),
            "openai refused: 401 invalid_api_key: Incorrect API key",
            "check OPENAI_API_KEY, and that its account and project may create fine-tuning jobs",
        ),
        (
            Refusal(status=400, code="invalid_request_error", message="Bad.", param="suffix"),
            "openai refused: 400 invalid_request_error: Bad.",
            "correct spec.suffix",
        ),
        (
            Refusal(status=400),
            "openai refused: 400 Bad Request",
            "correct the spec or its data",
        ),
        (
            Refusal(status=404, code="model_not_found"),
            "openai refused: 404 model_not_found",
            "check spec.model, the data's file ids, and providers.openai.base_url",
        ),
        (
            Refusal(status=429, code="insufficient_quota"),
            "openai refused: 429 insufficient_quota",
            "see to the billing of the account at openai",
        ),
        (
            Refusal(status=429),
            "openai refused: 429 Too Many Requests",
            "it is sent again by itself when it is due",
        ),
    ],
)
def test_a_refusal_says_what_to_do(refused: Refusal, message: str, hint: str) -> None:
    error = rejection(refused, "openai", "OPENAI_API_KEY", openai=False)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    "refused",
    [
        Refusal(status=403),
        Refusal(status=400, message="Fine-tuning is no longer available to your organization."),
    ],
)
def test_a_closed_door_at_openai_says_since_when(refused: Refusal) -> None:
    told = rejection(refused, "openai", "OPENAI_API_KEY", openai=True).hint
    assert "2026-05-07" in told
    assert "2027-01-06" in told
    elsewhere = rejection(refused, "azure", "AZURE_OPENAI_API_KEY", openai=False).hint
    assert "2027" not in elsewhere
