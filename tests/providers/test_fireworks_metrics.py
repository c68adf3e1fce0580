"""A metrics file in every shape that has been seen becomes one curve."""

from __future__ import annotations

import json

import pytest

from reconciler.model import MetricPoint
from reconciler.providers.fireworks.metrics import from_file

CURVE = (
    MetricPoint(step=1, values={"epoch": 0.0, "train_loss": 1.5, "train/seq": 5.0}),
    MetricPoint(step=2, values={"epoch": 0.0, "train_loss": 1.25, "train/seq": 5.0}),
)


def lines(*rows: object) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def test_rows_with_their_data_inside() -> None:
    rows = [
        {"timestamp": 1.7e9, "step": n, "data": {"train/epoch": 0, "train/loss": v, "train/seq": 5}}
        for n, v in ((2, 1.25), (1, 1.5))
    ]
    assert from_file(lines(*rows)) == CURVE


def test_flat_rows() -> None:
    rows = [
        {"step": n, "train/step": n, "train/epoch": 0, "train/loss": v, "train/seq": 5}
        for n, v in ((1, 1.5), (2, 1.25))
    ]
    assert from_file(lines(*rows)) == CURVE


def test_csv() -> None:
    text = "step,train/epoch,train/loss,train/seq\n1,0,1.5,5\n2,0,1.25,5\n"
    assert from_file(text.encode()) == CURVE


def test_columns_that_all_providers_have_are_named_alike() -> None:
    row = {"step": 1, "train/lr": 0.1, "eval/loss": 2, "loss": 3}
    (point,) = from_file(lines(row))
    assert point.values == {"learning_rate": 0.1, "valid_loss": 2.0, "train_loss": 3.0}


def test_rows_of_one_step_are_one_point() -> None:
    points = from_file(lines({"step": 1, "loss": 1}, {"step": 1, "eval/loss": 2}))
    assert points == (MetricPoint(step=1, values={"train_loss": 1.0, "valid_loss": 2.0}),)


def test_a_broken_line_is_passed_over() -> None:
    content = b'{"step": 1, "loss": 1}\n{"step": 2, "lo\n[1]\n\n{"step": 3, "loss": 3}'
    assert [point.step for point in from_file(content)] == [1, 3]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"hello",
        lines({"loss": 1}),
        lines({"step": -1, "loss": 1}),
        lines({"step": 1.5, "loss": 1}),
        lines({"step": 1, "loss": "high", "flag": True}),
        b"a,b\n1,2\n",
        b'{"step": 1, "loss": NaN}',
    ],
)
def test_what_is_no_curve_is_empty(content: bytes) -> None:
    assert from_file(content) == ()
