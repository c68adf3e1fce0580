"""Loss curves, in every dress they have been seen in."""

from __future__ import annotations

import base64

import pytest

from reconciler.model import Event, MetricPoint
from reconciler.providers.openai import metrics

CSV = b"step,train_loss,train_accuracy,valid_loss\n1,1.5,0.0,\n2,1.25,,1.75\n"
POINTS = (
    MetricPoint(step=1, values={"train_loss": 1.5, "train_accuracy": 0.0}),
    MetricPoint(step=2, values={"train_loss": 1.25, "valid_loss": 1.75}),
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(CSV, id="plain"),
        pytest.param(b"\xef\xbb\xbf" + CSV, id="with a byte order mark"),
        pytest.param(base64.b64encode(CSV), id="base64"),
        pytest.param(base64.encodebytes(CSV), id="base64 in lines"),
        pytest.param(base64.b64encode(b"\xef\xbb\xbf" + CSV), id="both"),
        pytest.param(CSV.replace(b"\n", b"\r\n"), id="line ends of another system"),
        pytest.param(CSV.replace(b"step,", b" step ,").replace(b",", b", "), id="spaces"),
        pytest.param(CSV + b",9,9,9\nfour,1,1,1\n2.5,1,1,1\n", id="rows without a step"),
        pytest.param(b"step,train_loss,train_accuracy,valid_loss\n2,1.25,,1.75\n1,1.5,0,nan\n"),
    ],
)
def test_a_result_file_is_read(content: bytes) -> None:
    assert metrics.from_file(content) == POINTS


def test_columns_of_any_name_are_kept() -> None:
    points = metrics.from_file(b"train_mean_reward,step,new thing\n0.5,3,4,extra\n")
    assert points == (MetricPoint(step=3, values={"train_mean_reward": 0.5, "new thing": 4.0}),)


@pytest.mark.parametrize(
    "content",
    [b"", b"no csv", b"\xff\xfe\x00", b'{"step": 1}', base64.b64encode(b"no csv"), b"steps,a\n1,2"],
)
def test_what_is_no_curve_has_no_points(content: bytes) -> None:
    assert metrics.from_file(content) == ()


def test_points_are_read_off_events() -> None:
    def event(number: int, kind: str, **data: object) -> Event:
        return Event(
            id=str(number), created_at=number, level="info", message="", type=kind, data=data
        )

    events = [
        event(4, "metrics", step=2, total_steps=2, train_loss=0.5, valid_loss=None),
        event(3, "message", step=9, train_loss=9.0),
        event(2, "metrics", train_loss=1.0),
        event(1, "metrics", step=1, total_steps=2, train_loss=1.0),
    ]
    assert metrics.from_events(events) == (
        MetricPoint(step=1, values={"train_loss": 1.0}),
        MetricPoint(step=2, values={"train_loss": 0.5}),
    )
