"""What a refusal of Fireworks means for the create it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.errors import Remedy
from reconciler.providers.fireworks.refusals import QUOTA_SECONDS, rejection
from reconciler.providers.refusal import Refusal


@pytest.mark.parametrize(
    ("refused", "remedy", "wait", "hint"),
    [
        pytest.param(
            {"status": 400, "code": "INVALID_ARGUMENT", "message": "bad epochs"},
            Remedy.FIX_SPEC,
            None,
            "correct the spec",
            id="a bad request",
        ),
        pytest.param(
            {"status": 400, "code": "INVALID_ARGUMENT", "message": "no", "param": "epochs"},
            Remedy.FIX_SPEC,
            None,
            "the field epochs",
            id="a field at fault",
        ),
        pytest.param(
            {"status": 400, "code": "INVALID_ARGUMENT", "message": "model is not tunable"},
            Remedy.FIX_SPEC,
            None,
            "spec.fireworks.lora_rank",
            id="full training refused",
        ),
        pytest.param(
            {"status": 400, "message": "dataset accounts/a/datasets/d is not ready"},
            Remedy.RETRY_NOW,
            20.0,
            "sent again by itself",
            id="a dataset that is looked at",
        ),
        pytest.param(
            {"status": 400, "code": "FAILED_PRECONDITION", "message": "account is suspended"},
            Remedy.FIX_ACCOUNT,
            None,
            "billing",
            id="suspended",
        ),
        pytest.param(
            {"status": 401, "code": "UNAUTHENTICATED"},
            Remedy.FIX_ACCOUNT,
            None,
            "FIREWORKS_API_KEY",
            id="a wrong key",
        ),
        pytest.param(
            {"status": 403, "code": "PERMISSION_DENIED"},
            Remedy.FIX_ACCOUNT,
            None,
            "has a balance",
            id="a 403 without a word",
        ),
        pytest.param(
            {"status": 404, "code": "NOT_FOUND", "message": "model not found"},
            Remedy.FIX_SPEC,
            None,
            "check spec.model",
            id="an unknown model",
        ),
        pytest.param(
            {"status": 412, "code": "FAILED_PRECONDITION"},
            Remedy.FIX_ACCOUNT,
            None,
            "is suspended, or this model's training",
            id="412",
        ),
        pytest.param(
            {"status": 413},
            Remedy.FIX_SPEC,
            None,
            "correct the spec",
            id="too large",
        ),
        pytest.param(
            {"status": 429, "code": "RESOURCE_EXHAUSTED"},
            Remedy.RETRY_LATER,
            QUOTA_SECONDS,
            "sent again by itself",
            id="a quota without a word",
        ),
        pytest.param(
            {"status": 429, "code": "RESOURCE_EXHAUSTED", "message": "GPU quota exceeded"},
            Remedy.RETRY_LATER,
            QUOTA_SECONDS,
            "sent again by itself",
            id="a quota",
        ),
        pytest.param(
            {"status": 429, "message": "monthly spending limit reached"},
            Remedy.FIX_ACCOUNT,
            None,
            "billing",
            id="no money",
        ),
        pytest.param(
            {"status": 429, "message": "Rate limit exceeded"},
            Remedy.RETRY_NOW,
            30.0,
            "sent again by itself",
            id="a rate",
        ),
        pytest.param(
            {"status": 429, "retry_after": 7.0},
            Remedy.RETRY_NOW,
            7.0,
            "sent again by itself",
            id="a wait that the server asks for",
        ),
        pytest.param(
            {"status": 429, "retry_after": 3600.0},
            Remedy.RETRY_LATER,
            3600.0,
            "sent again by itself",
            id="a long wait",
        ),
    ],
)
def test_a_refusal_says_what_it_takes(
    refused: dict[str, Any], remedy: Remedy, wait: float | None, hint: str
) -> None:
    error = rejection(Refusal(**refused), "fireworks", "FIREWORKS_API_KEY")
    assert (error.remedy, error.retry_after) == (remedy, wait)
    assert hint in error.hint
    assert error.message == f"fireworks refused: {Refusal(**refused)}"
    assert error.code == refused.get("code", "")
