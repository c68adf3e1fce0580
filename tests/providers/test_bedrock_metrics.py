"""Bedrock's CSV files as loss curves."""

from __future__ import annotations

import pytest

from reconciler.model import MetricPoint
from reconciler.providers.bedrock import metrics

TRAINING = "out/training_artifacts/step_wise_training_metrics.csv"
VALIDATION = "out/validation_artifacts/post_fine_tuning_validation/validation_metrics.csv"
HEAD = b"step_number,epoch_number,training_loss,perplexity\n"


def points(*files: tuple[str, bytes]) -> dict[int, dict[str, float]]:
    return {point.step: dict(point.values) for point in metrics.points(files)}


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        (TRAINING, True),
        (VALIDATION, True),
        (VALIDATION.replace("/validation_metrics", "/validation/validation_metrics"), True),
        ("out/training_artifacts/step_wise_training_metrics.json", False),
        ("out/metrics/model.csv", False),
        ("out/", False),
    ],
)
def test_measurements_are_told_by_their_name(key: str, is_one: bool) -> None:
    assert metrics.is_metrics(key) is is_one


def test_rows_become_points_by_step() -> None:
    content = HEAD + b"2,0,1.5,4.5\n1,0,2.5,12\n"
    assert metrics.points([(TRAINING, content)]) == (
        MetricPoint(step=1, values={"epoch": 0.0, "train_loss": 2.5, "perplexity": 12.0}),
        MetricPoint(step=2, values={"epoch": 0.0, "train_loss": 1.5, "perplexity": 4.5}),
    )


def test_validation_joins_training_at_its_step() -> None:
    found = points(
        (VALIDATION, b"step_number,epoch_number,validation_loss,perplexity\n1,0,2.25,9\n"),
        (TRAINING, HEAD + b"1,0,2.5,12\n"),
    )
    assert found == {
        1: {
            "epoch": 0.0,
            "train_loss": 2.5,
            "perplexity": 12.0,
            "valid_loss": 2.25,
            "valid_perplexity": 9.0,
        }
    }


def test_a_row_without_a_step_stands_at_the_last() -> None:
    found = points(
        (TRAINING, HEAD + b"1,0,2.5,12\n8,1,1.5,4\n"),
        (VALIDATION, b"validation_loss\n1.75\n"),
    )
    assert found[8]["valid_loss"] == 1.75
    assert "valid_loss" not in found[1]
    assert points((VALIDATION, b"validation_loss\n1.75\n")) == {0: {"valid_loss": 1.75}}


def test_a_second_validation_file_is_numbered() -> None:
    second = VALIDATION.replace("post_fine", "then_fine")
    found = points(
        (VALIDATION, b"step_number,validation_loss\n1,2\n"),
        (second, b"step_number,validation_loss\n1,3\n"),
    )
    assert found == {1: {"valid_loss": 2.0, "valid_loss_2": 3.0}}


def test_columns_nobody_knows_keep_their_names() -> None:
    content = b"step_number,critic_rewards_mean\n1,0.56\n"
    assert points((TRAINING, content)) == {1: {"critic_rewards_mean": 0.56}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"<html>",
        HEAD,
        HEAD + b"1,,,\n",
        HEAD + b"1,nan,inf,none\n",
        HEAD + b'1,"\x00\n',
        b"step_number\n1\n",
    ],
)
def test_what_measures_nothing_is_no_point(content: bytes) -> None:
    assert points((TRAINING, content)) == {}


def test_odd_rows_are_read_as_far_as_they_go() -> None:
    content = b"\xef\xbb\xbf step_number , training_loss \r\n1,2.5,9,9\r\n2\r\n3,1.5\r\n"
    assert points((TRAINING, content)) == {1: {"train_loss": 2.5}, 3: {"train_loss": 1.5}}
