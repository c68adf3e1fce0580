"""Bedrock's rules, one row each: the field, what is wrong with it, and what to write instead."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from reconciler.config import BedrockSettings
from reconciler.model import Dataset
from reconciler.providers.bedrock.rules import check
from tests.providers.bedrock_bench import (
    CLAUDE,
    CPT,
    DISTILLATION,
    LAMBDA,
    NOVA,
    RFT,
    ROLE,
    S3,
    SETTINGS,
    TITAN,
    local,
    make,
)

BARE = BedrockSettings(name="bedrock")
FINE: dict[str, dict[str, Any]] = {
    "nothing but the data": {},
    "everything a fine-tuning job can say": {
        "suffix": "support",
        "metadata": {"owner": "support team", "cost/center": "a@b"},
        "validation": local(sha256="cd" * 32),
        "hyperparameters": {"n_epochs": 3},
        "section": {
            "role_arn": ROLE,
            "customization_type": "FINE_TUNING",
            "output_s3_uri": "s3://results/here/",
            "hyperparameters": {"learningRate": 1e-5},
            "kms_key_id": "alias/tuning",
            "vpc": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]},
            "job_tags": {"team": "support"},
            "model_tags": {"team": ""},
            "validators": ["s3://more/valid.jsonl"],
        },
    },
    "distillation": {"section": DISTILLATION},
    "distillation from prompts": {
        "training": local(format="bedrock-conversation"),
        "section": DISTILLATION,
    },
    "distillation from logs": {
        "training": Dataset(reference="s3://logs/AWSLogs/"),
        "section": {
            **DISTILLATION,
            "training_invocation_logs": {
                "use_prompt_response": True,
                "request_metadata_filters": {
                    "and_all": [{"equals": {"a": "b"}}, {"not_equals": {"c": "d"}}]
                },
            },
        },
    },
    "reinforcement": {"training": local(format="reinforcement"), "section": RFT},
    "reinforcement by method": {
        "method": "reinforcement",
        "training": local(format="reinforcement"),
        "section": {"rft": {"grader_lambda_arn": LAMBDA}},
    },
    "continued pre-training": {"model": TITAN, "training": S3, "section": CPT},
    "data in S3": {"training": S3},
    "data that is pinned and elsewhere": {
        "training": local(examples=None, format=None, present=False)
    },
    "prompts and completions": {"model": TITAN, "training": local(format="completion")},
    "a model of one's own": {"model": "my-model", "training": local(examples=1)},
    "a model that another spec makes": {"model": None, "model_from": "base"},
    "a family's own format": {"training": local(format="bedrock-conversation")},
    "Claude's own format": {"model": CLAUDE, "training": local(format="system-messages")},
}


@pytest.mark.parametrize("fields", FINE.values(), ids=list(FINE))
def test_a_spec_that_fits_breaks_no_rule(fields: dict[str, Any]) -> None:
    assert check(make(**fields), SETTINGS) == []


def test_a_spec_with_everything_of_its_own_needs_no_settings() -> None:
    section = {"role_arn": ROLE, "output_s3_uri": "s3://results/"}
    assert check(make(training=S3, section=section), BARE) == []


Row = tuple[dict[str, Any], str, str, str]


def filtered(filters: dict[str, Any]) -> dict[str, Any]:
    """A spec that learns from the logs that pass a filter."""
    logs = {"request_metadata_filters": filters}
    return {
        "training": Dataset(reference="s3://logs/x/"),
        "section": {**DISTILLATION, "training_invocation_logs": logs},
    }


BROKEN: dict[str, Row] = {
    "seed": ({"seed": 0}, "spec.seed", "Bedrock takes no seed", "remove it"),
    "dpo": (
        {"method": "dpo", "training": local(format="preference")},
        "spec.method.type",
        "Bedrock has no dpo",
        "use another provider",
    ),
    "wandb": (
        {"integrations": ({"type": "wandb", "wandb": {"project": "p"}},)},
        "spec.integrations.0",
        "Bedrock has no wandb",
        "reconcile metrics",
    ),
    "a long suffix": (
        {"suffix": "x" * 47},
        "spec.suffix",
        "the suffix has 47 characters; Bedrock's model names leave room for 46",
        "",
    ),
    "a dotted suffix": (
        {"suffix": "v1.2"},
        "spec.suffix",
        ("'v1.2' cannot begin the name of a model on Bedrock"),
        "with single - or _ between them",
    ),
    "a suffix with two hyphens": ({"suffix": "a--b"}, "spec.suffix", "'a--b'", "single - or _"),
    "a suffix that ends in a hyphen": (
        {"suffix": "a-"},
        "spec.suffix",
        "'a-'",
        "ending in a letter",
    ),
    "OpenAI's model": (
        {"model": "gpt-4.1-mini-2025-04-14"},
        "spec.model",
        "another provider's model",
        "amazon.nova-micro-v1:0",
    ),
    "Fireworks' model": (
        {"model": "accounts/fireworks/models/x"},
        "spec.model",
        "another provider's model",
        "",
    ),
    "an inference profile": (
        {"model": f"us.{NOVA}"},
        "spec.model",
        f"us.{NOVA} is an inference profile",
        f"did you mean {NOVA}?",
    ),
    "no model at all": (
        {"model": "nova micro"},
        "spec.model",
        ("'nova micro' is not a model that Bedrock can customize"),
        "as amazon.nova-micro-v1:0",
    ),
    "a key that no tag has": (
        {"metadata": {"owner!": "x"}},
        "spec.metadata.owner!",
        "on Bedrock this is a tag: 'owner!' is not a tag's key",
        "",
    ),
    "a value that no tag has": (
        {"metadata": {"owner": "x" * 257}},
        "spec.metadata.owner",
        "257 characters, and a tag's value has 0 to 256",
        "",
    ),
    "AWS's own tag": ({"metadata": {"AWS:x": "y"}}, "spec.metadata.AWS:x", "AWS's own", "rename"),
    "our own tag": (
        {"section": {"job_tags": {"reconciler-token": "x"}}},
        "spec.bedrock.job_tags.reconciler-token",
        "the reconciler's own",
        "another",
    ),
    "a tag said twice": (
        {"metadata": {"a": "1"}, "section": {"job_tags": {"a": "2"}}},
        "spec.bedrock.job_tags.a",
        "spec.metadata sets the tag a already",
        "keep",
    ),
    "many tags": (
        {"section": {"job_tags": {f"k{n}": "" for n in range(199)}}},
        "spec.bedrock.job_tags",
        "199 tags, but 198 fit (200 less 2",
        "",
    ),
    "many tags of a model": (
        {"section": {"model_tags": {f"k{n}": "" for n in range(199)}}},
        "spec.bedrock.model_tags",
        "199 tags, but 198 fit",
        "",
    ),
    "a user for a role": (
        {"section": {"role_arn": "arn:aws:iam::1:user/x"}},
        "spec.bedrock.role_arn",
        "is not the ARN of an IAM role",
        "as arn:aws:iam::111122223333:role/",
    ),
    "an output elsewhere": (
        {"section": {"output_s3_uri": "results/"}},
        "spec.bedrock.output_s3_uri",
        "'results/' is not an S3 URI",
        "",
    ),
    "no key": (
        {"section": {"kms_key_id": "my key"}},
        "spec.bedrock.kms_key_id",
        "'my key' is not a KMS key",
        "as alias/fine-tuning",
    ),
    "no subnets": (
        {"section": {"vpc": {"subnet_ids": [], "security_group_ids": ["sg"]}}},
        "spec.bedrock.vpc.subnet_ids",
        "0 ids, and Bedrock takes 1 to 16",
        "",
    ),
    "no groups": (
        {"section": {"vpc": {"subnet_ids": ["subnet-1"]}}},
        "spec.bedrock.vpc",
        "security_group_ids has 0 ids, and Bedrock takes 1 to 5",
        "",
    ),
    "many groups": (
        {"section": {"vpc": {"subnet_ids": ["s"], "security_group_ids": ["g"] * 6}}},
        "spec.bedrock.vpc.security_group_ids",
        "6 ids, and Bedrock takes 1 to 5",
        "",
    ),
    "a subnet's name": (
        {"section": {"vpc": {"subnet_ids": ["my net"], "security_group_ids": ["g"]}}},
        "spec.bedrock.vpc.subnet_ids.0",
        "'my net' is not a subnet's id",
        "",
    ),
    "a kind that cannot be created": (
        {"section": {"customization_type": "IMPORTED"}},
        "spec.bedrock.customization_type",
        "IMPORTED is no kind",
        "FINE_TUNING, CONTINUED_PRE_TRAINING, DISTILLATION",
    ),
    "a teacher without a lesson": (
        {"section": {"distillation": {"teacher_model": "a.bc"}}},
        "spec.bedrock.distillation",
        ("distillation is for DISTILLATION, and this is FINE_TUNING"),
        "customization_type: DISTILLATION",
    ),
    "no teacher": (
        {"section": {"customization_type": "DISTILLATION"}},
        "spec.bedrock",
        "DISTILLATION needs spec.bedrock.distillation.teacher_model",
        "",
    ),
    "a strange teacher": (
        {"section": {**DISTILLATION, "distillation": {"teacher_model": "x y"}}},
        "spec.bedrock.distillation.teacher_model",
        "is not a teacher model",
        "",
    ),
    "a silent teacher": (
        {
            "section": {
                **DISTILLATION,
                "distillation": {"teacher_model": "a.bc", "max_response_length": 0},
            }
        },
        "spec.bedrock.distillation.max_response_length",
        "counts tokens from 1",
        "",
    ),
    "no grader": (
        {"section": {**RFT, "rft": {"batch_size": 16}}},
        "spec.bedrock.rft",
        "REINFORCEMENT_FINE_TUNING needs spec.bedrock.rft.grader_lambda_arn",
        "",
    ),
    "a grader by name": (
        {"section": {**RFT, "rft": {"grader_lambda_arn": "grade"}}},
        "spec.bedrock.rft.grader_lambda_arn",
        "'grade' is not the ARN of a Lambda",
        "as arn:aws:lambda:",
    ),
    "a grader for nothing": (
        {"section": {"rft": {"grader_lambda_arn": LAMBDA}}},
        "spec.bedrock.rft",
        "rft is for REINFORCEMENT_FINE_TUNING, and this is FINE_TUNING",
        "",
    ),
    "OpenAI's grader": (
        {
            "method": "reinforcement",
            "method_options": {"grader": {"type": "python"}},
            "training": local(format="reinforcement"),
            "section": {"rft": {"grader_lambda_arn": LAMBDA}},
        },
        "spec.method.reinforcement.grader",
        "graded by a Lambda function",
        "rft: {grader_lambda_arn: …}",
    ),
    "two kinds at once": (
        {"method": "reinforcement", "section": {"customization_type": "FINE_TUNING"}},
        "spec.method.type",
        ("method is reinforcement, and spec.bedrock.customization_type FINE_TUNING"),
        "keep one",
    ),
    "two conditions": (
        filtered({"equals": {"a": "b"}, "not_equals": {"c": "d"}}),
        "spec.bedrock.training_invocation_logs.request_metadata_filters",
        "2 conditions side by side",
        "and_all",
    ),
    "two pairs": (
        filtered({"equals": {"a": "b", "c": "d"}}),
        "spec.bedrock.training_invocation_logs.request_metadata_filters.equals",
        "2 pairs in one condition",
        "joined by and_all",
    ),
    "many conditions": (
        filtered({"or_all": [{"equals": {"a": "b"}}] * 17}),
        "spec.bedrock.training_invocation_logs.request_metadata_filters.or_all",
        "17 conditions, and takes 1 to 16",
        "",
    ),
    "a strange condition": (
        filtered({"and_all": [{"equals": {"a": "b!"}}]}),
        ("spec.bedrock.training_invocation_logs.request_metadata_filters.and_all.0.equals.a"),
        "is not a value of request metadata",
        "",
    ),
}


@pytest.mark.parametrize(("fields", "path", "message", "hint"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_rule_names_the_field_and_the_way_out(
    fields: dict[str, Any], path: str, message: str, hint: str
) -> None:
    (violation,) = check(make(**fields), SETTINGS)
    assert ".".join(map(str, violation.path)) == path
    assert message in violation.message
    assert hint in violation.hint


def test_a_role_that_the_settings_spoil_is_named_there() -> None:
    (violation,) = check(make(), replace(SETTINGS, role_arn="admin"))
    assert violation.message.startswith("providers.bedrock.role_arn: 'admin' is not the ARN")


def test_checking_a_spec_imports_no_boto3() -> None:
    program = (
        "import sys; from reconciler.providers.bedrock import rules, wire, metrics;"
        " sys.exit(any(m.split('.')[0] in ('boto3', 'botocore', 'httpx') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
