"""Waiting, as seen in a log and on a terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from reconciler.report.live import picture
from reconciler.report.progress import Progress
from reconciler.report.rows import ProgressRow
from tests.fakes import Clock
from tests.report import samples

ROW = ProgressRow(name="support-bot", phase="Running", step=0, total_steps=400)
OTHER = ProgressRow(name="b", phase="Pending", message="waiting for a free slot")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, *updates: Sequence[ProgressRow], width: int = 100) -> str:
    clock = Clock(now=samples.NOW)
    with Progress(stream, clock=clock, width=width, height=24, color=False) as progress:
        for rows in updates:
            progress.update(rows)
            clock.sleep(60)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_log_has_a_line_with_the_time_for_each_change() -> None:
    found = shown(
        io.StringIO(),
        [ROW, OTHER],
        [replace(ROW, step=44, train_loss=0.41234), OTHER],
        [replace(ROW, phase="Succeeded", step=400), replace(OTHER, phase="Running", message="")],
    )
    assert found.split("\n") == [
        "2026-11-23T14:00:00Z  support-bot  Running    step 0 of 400",
        "2026-11-23T14:00:00Z  b            Pending    waiting for a free slot",
        "2026-11-23T14:01:00Z  support-bot  Running    step 44 of 400  loss 0.4123",
        "2026-11-23T14:02:00Z  support-bot  Succeeded  step 400 of 400",
        "2026-11-23T14:02:00Z  b            Running",
        "",
    ]


def test_a_log_is_silent_while_nothing_changes() -> None:
    once = shown(io.StringIO(), [ROW, OTHER])
    assert shown(io.StringIO(), *[[ROW, OTHER]] * 5) == once


def test_a_log_tells_every_tenth_of_the_way() -> None:
    updates = [[replace(ROW, step=step, message=f"Step {step}/400")] for step in range(401)]
    assert shown(io.StringIO(), *updates).count("\n") == 11


def test_a_log_tells_every_step_where_nobody_knows_how_many_there_are() -> None:
    updates = [[replace(ROW, step=step, total_steps=None)] for step in (1, 2, 2)]
    assert re.findall("step .*", shown(io.StringIO(), *updates)) == ["step 1", "step 2"]


def test_a_log_obeys_nothing_and_takes_nothing_for_markup() -> None:
    row = replace(ROW, name="\x1b[2J", step=None, message="[bold]x[/] :fire: \x1b[31m\rred")
    assert r"  \x1b[2J  Running    [bold]x[/] :fire: \x1b[31m red" in shown(io.StringIO(), [row])


def test_a_terminal_gets_a_bar_that_is_written_over() -> None:
    found = shown(Terminal(), [ROW], [replace(ROW, step=200)])
    assert "─" * 24 + "  step 0 of 400" in found
    assert "━" * 12 + "─" * 12 + "  step 200 of 400" in found
    assert "\x1b[2K" in found
    assert "2026" not in found


def test_a_terminal_gives_its_cursor_back_even_after_an_error() -> None:
    stream = Terminal()
    with suppress(KeyboardInterrupt), Progress(stream, clock=Clock(), width=80, height=24) as seen:
        seen.update([ROW])
        raise KeyboardInterrupt
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h") == 1


def test_on_a_terminal_an_end_stays_and_its_bar_goes() -> None:
    ended = replace(ROW, phase="Failed", message="[bold]bad[/] :fire: data")
    found = shown(Terminal(), [ROW, OTHER], [ended, OTHER], [ended, OTHER])
    line = "2026-11-23T14:01:00Z  support-bot  Failed     step 0 of 400  [bold]bad[/] :fire: data"
    assert found.count(line) == 1
    last = found[found.rindex("\x1b[2K") :]
    assert "support-bot" not in last
    assert "waiting for a free slot" in last


def test_a_terminal_obeys_nothing_a_provider_says() -> None:
    row = replace(ROW, name="n\x1b]0;t\x07", message="\x1b[31mred [bold]x[/] :fire:")
    found = shown(Terminal(), [row], [replace(row, phase="Cancelled")])
    assert "\x07" not in found
    assert "\x1b[31m" not in found
    assert found.count(r"\x1b[31mred [bold]x[/] :fire:") >= 2


def test_a_terminal_that_cannot_go_back_gets_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert shown(Terminal(), [ROW]) == shown(io.StringIO(), [ROW])


def test_a_long_line_gives_up_its_message_first_then_its_bar_then_its_name() -> None:
    row = ProgressRow(
        name="a-name-that-is-as-long-as-a-name-may-be1",
        phase="Running",
        step=240,
        total_steps=380,
        train_loss=0.41,
        message="Step 240/380: training loss=0.41",
    )
    wide, middle, small, narrow = (str(picture([row], width, 24)) for width in (160, 120, 80, 60))
    assert row.message in wide
    assert middle.endswith("…")
    assert "━" * 15 + "─" * 9 in middle
    assert row.message[:6] not in small
    assert "━" not in narrow
    for line, width in ((wide, 160), (middle, 120), (small, 80), (narrow, 60)):
        assert len(line) < width
        assert "step 240 of 380" in line
        assert "loss 0.41" in line


@pytest.mark.parametrize(("rows", "height", "hidden"), [(3, 5, 0), (4, 5, 2), (200, 24, 179)])
def test_more_jobs_than_lines_are_counted(rows: int, height: int, hidden: int) -> None:
    many = [replace(ROW, name=f"job-{number}") for number in range(rows)]
    lines = str(picture(many, 100, height)).split("\n")
    assert len(lines) <= height - 2
    assert lines[-1].startswith(f"and {hidden} more" if hidden else f"job-{rows - 1} ")


def test_no_jobs_are_no_lines() -> None:
    assert str(picture([], 80, 24)) == ""
