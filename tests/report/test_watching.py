"""What a watch shows: its news, its log, its screen."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler import schema
from reconciler.errors import Problem, Severity
from reconciler.report.board import picture, spark
from reconciler.report.news import News
from reconciler.report.rows import Board, Trouble, WatchRow
from reconciler.report.watching import WatchLog, WatchScreen
from tests.fakes import Clock
from tests.report import samples

NOW = samples.NOW
ROW = WatchRow(
    key="support-bot",
    name="support-bot",
    phase="Running",
    step=240,
    total_steps=380,
    train_loss=0.41,
    losses=(1.5, 0.9, 0.6, 0.41),
    created_at=int(NOW) - 720,
    job_id="ftjob-1",
    usd=12.4,
)
HELD = WatchRow(
    key="faq", name="faq", phase="Held", message="spec.suspend is true", hint="set it to false"
)
DONE = WatchRow(
    key="tags", name="tags", phase="Succeeded", model="ft:tags", created_at=1, finished_at=61
)
PROBLEM = Problem("specs/a.yaml", 14, 11, "unknown field", "did you mean seed?")
AWAY = Trouble(about="provider", name="openai", message="no answer", hint="wait", retry_at=NOW + 90)
BOARD = Board(title="reconcile watch · here", rows=(ROW, HELD, DONE), next_look=NOW + 12)


def log(*boards: Board, as_json: bool = False) -> list[str]:
    stream, clock = io.StringIO(), Clock(now=NOW)
    with WatchLog(stream, clock=clock, as_json=as_json) as shown:
        for board in boards:
            shown.show(board)
            shown.tick()
            clock.sleep(60)
    return stream.getvalue().splitlines()


def rows(*found: WatchRow) -> Board:
    return replace(BOARD, rows=found)


class TestLog:
    def test_a_line_for_each_row_then_for_each_change(self) -> None:
        later = replace(ROW, phase="Succeeded", step=None, train_loss=None, model="ft:x")
        assert log(BOARD, BOARD, rows(later, HELD)) == [
            "2026-11-23T14:00:00Z  job       support-bot  Running    step 240 of 380  loss 0.41",
            (
                "2026-11-23T14:00:00Z  job       faq          Held       spec.suspend is true"
                " (set it to false)"
            ),
            "2026-11-23T14:00:00Z  job       tags         Succeeded  ft:tags",
            "2026-11-23T14:02:00Z  job       support-bot  Succeeded  ft:x",
            "2026-11-23T14:02:00Z  gone      tags",
        ]

    def test_every_tenth_of_the_way_is_told(self) -> None:
        boards = [rows(replace(ROW, step=step, message=f"step {step}")) for step in range(381)]
        assert len(log(*boards)) == 11

    def test_a_deed_is_told_though_nothing_else_changed(self) -> None:
        pending = replace(ROW, step=None, train_loss=None, phase="Pending")
        lines = log(rows(pending), rows(replace(pending, did="adopted")), rows(pending))
        assert len(lines) == 2
        assert lines[1].endswith("Pending    adopted")

    def test_problems_come_and_are_mended(self) -> None:
        other = replace(PROBLEM, line=2)
        broken = replace(BOARD, rows=(), problems=(PROBLEM, other))
        lines = log(
            broken, broken, replace(broken, problems=(other,)), replace(broken, problems=())
        )
        assert [line[22:] for line in lines] == [
            "problem   specs/a.yaml:14:11: unknown field (did you mean seed?)",
            "problem   specs/a.yaml:2:11: unknown field (did you mean seed?)",
            "mended    specs/a.yaml",
        ]

    def test_troubles_come_and_are_over_and_an_outage_is_told_once(self) -> None:
        away = replace(BOARD, rows=(), troubles=(AWAY,))
        reworded = replace(away, troubles=(replace(AWAY, message="no answer about ftjob-2"),))
        lines = log(away, reworded, replace(away, troubles=()))
        assert [line[22:] for line in lines] == [
            "trouble   openai  no answer (wait)",
            "over      openai  no answer about ftjob-2",
        ]

    def test_another_message_of_the_state_is_another_trouble(self) -> None:
        one = Trouble(about="state", message="locked by a")
        two = replace(one, message="locked by b")
        boards = [replace(BOARD, rows=(), troubles=(trouble,)) for trouble in (one, two)]
        assert [line[22:29] for line in log(*boards)] == ["trouble", "trouble"]

    def test_nothing_that_a_terminal_obeys_is_written(self) -> None:
        lines = log(rows(replace(HELD, key="\x1b[2J", message="a\nb\x1b[31m")))
        assert lines[0].count(r"\x1b") == 2
        assert len(lines) == 1

    def test_only_what_is_on_the_board_is_remembered(self) -> None:
        news = News()
        for number in range(500):
            problem = replace_file(PROBLEM, f"specs/{number}.yaml")
            row = replace(ROW, key=f"job-{number}")
            trouble = Trouble(about="state", message=str(number))
            board = replace(BOARD, rows=(row,), problems=(problem,), troubles=(trouble,))
            news.of(board, NOW)
        assert [len(news._rows), len(news._problems), len(news._troubles)] == [1, 1, 1]


def replace_file(problem: Problem, file: str) -> Problem:
    return replace(problem, file=file)


class TestObjects:
    def test_every_kind_is_what_the_schema_says(self) -> None:
        warning = replace(PROBLEM, severity=Severity.WARNING, rule="DUPLICATE", hint="")
        lock = Trouble(about="state", message="locked")
        full = replace(BOARD, problems=(PROBLEM, warning), troubles=(AWAY, lock))
        documents = [json.loads(line) for line in log(full, Board(title=""), as_json=True)]
        for document in documents:
            assert schema.check("watch", document) == (), document
        kinds = {document["event"] for document in documents}
        assert kinds == {"job", "problem", "trouble", "gone", "mended", "over"}

    def test_a_job_is_whole_every_time(self) -> None:
        (line,) = log(rows(ROW), as_json=True)
        assert json.loads(line) == {
            "time": "2026-11-23T14:00:00Z",
            "event": "job",
            "name": "support-bot",
            "key": "support-bot",
            "phase": "Running",
            "did": None,
            "step": 240,
            "total_steps": 380,
            "train_loss": 0.41,
            "job_id": "ftjob-1",
            "fine_tuned_model": None,
            "estimated_usd": 12.4,
            "message": None,
            "hint": None,
        }

    def test_what_is_on_no_board_can_be_said(self) -> None:
        stream = io.StringIO()
        WatchLog(stream, clock=Clock(now=NOW), as_json=True).say("started", "here", "watching")
        assert schema.check("watch", json.loads(stream.getvalue())) == ()


def drawn(
    board: Board, *, width: int = 120, height: int = 40, lately: Sequence[str] = ()
) -> list[str]:
    lines = str(picture(board, lately, NOW, width, height)).split("\n")
    assert len(lines) <= height
    return [line.rstrip() for line in lines]


class TestPicture:
    def test_a_whole_screen(self) -> None:
        board = replace(BOARD, problems=(PROBLEM,), troubles=(AWAY,))
        assert drawn(board, lately=["one", "two"]) == [
            (
                "reconcile watch · here · 1 running · 1 held · 1 succeeded · about $12.40 running"
                "                        next look in 12s"
            ),
            "",
            "NAME         STATE      PROGRESS                      LOSS       AGE",
            "support-bot  Running    ━━━━━━━━━━━━──────── 240/380  0.41 █▄▂▁  12m",
            (
                "faq          Held                                                     "
                "spec.suspend is true"
            ),
            "             → set it to false",
            "tags         Succeeded                                           1m   ft:tags",
            "",
            "openai · again in 1m: no answer",
            "  → wait",
            "",
            "1 problem in 1 file; the rest goes on",
            "  specs/a.yaml:14:11: unknown field (did you mean seed?)",
            "",
            "lately",
            "  one",
            "  two",
        ]

    def test_a_message_that_does_not_fit_goes_below_with_its_hint(self) -> None:
        lines = drawn(rows(ROW, replace(HELD, message="why " * 20)), width=90)
        assert lines[4].split() == ["faq", "Held"]
        assert lines[5].strip().startswith("why why")
        assert lines[6].strip() == "→ set it to false"

    @pytest.mark.parametrize("width", [20, 40, 60, 79, 100, 200])
    @pytest.mark.parametrize("height", [5, 8, 12, 24, 60])
    def test_it_fits_any_window(self, width: int, height: int) -> None:
        many = [replace(ROW, key=f"job-{n}") for n in range(30)]
        problems = tuple(replace(PROBLEM, line=n) for n in range(1, 30))
        board = replace(BOARD, rows=(*many, HELD), problems=problems, troubles=(AWAY,) * 9)
        lines = drawn(board, width=width, height=height, lately=["x" * 300] * 50)
        assert all(len(line) <= width for line in lines)

    def test_where_not_all_fit_what_moves_comes_first_and_the_rest_is_counted(self) -> None:
        many = [replace(DONE, key=f"done-{n}") for n in range(30)]
        lines = drawn(rows(*many, HELD, ROW), height=12)
        assert lines[3].startswith("support-bot")
        assert lines[4].startswith("faq")
        assert lines[-1] == "and 24 more"

    def test_where_all_fit_they_stay_in_their_order(self) -> None:
        names = [line.split()[0] for line in drawn(rows(DONE, HELD, ROW))[3:] if "→" not in line]
        assert names == ["tags", "faq", "support-bot"]

    def test_a_narrow_window_gives_up_the_bar(self) -> None:
        assert "━" in "".join(drawn(rows(ROW), width=120))
        assert "━" not in "".join(drawn(rows(ROW), width=60))
        assert "240/380" in "".join(drawn(rows(ROW), width=60))

    def test_many_problems_are_counted(self) -> None:
        problems = tuple(replace(PROBLEM, line=n) for n in range(1, 41))
        lines = drawn(replace(BOARD, problems=problems), height=30)
        assert "40 problems in 1 file; the rest goes on" in lines
        assert any(line.strip().startswith("and ") for line in lines)

    def test_the_header_says_what_it_is_doing(self) -> None:
        assert drawn(replace(BOARD, next_look=None))[0].endswith("looking…")
        assert drawn(replace(BOARD, over=True))[0].endswith("stopped")
        assert drawn(replace(BOARD, next_look=NOW - 5))[0].endswith("next look in 1s")

    def test_no_specs_yet_say_what_to_do(self) -> None:
        assert drawn(rows())[2].startswith("no specs yet")

    def test_an_unpriced_job_has_no_cost(self) -> None:
        assert "$" not in drawn(rows(replace(ROW, usd=None)))[0]


@pytest.mark.parametrize(
    ("values", "curve"),
    [
        ((), ""),
        ((1.0,), ""),
        ((1.0, 1.0), "▁▁"),
        ((8, 7, 6, 5, 4, 3, 2, 1), "█▇▆▅▄▃▂▁"),
        ((1.0, float("inf"), float("nan"), 2.0), "▁█"),
        (tuple(range(100)), "▁▂▃▃▄▅▆▆▇█"),
    ],
)
def test_a_curve_of_a_few_cells(values: Sequence[float], curve: str) -> None:
    assert spark(values) == curve


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestScreen:
    def test_it_takes_the_whole_screen_and_leaves_the_last_board_behind(self) -> None:
        stream, clock = Terminal(), Clock(now=NOW)
        screen = WatchScreen(stream, clock=clock, color=False, width=100, height=30)
        with screen as shown:
            shown.say("started", "here")
            shown.show(replace(BOARD, next_look=None))
            shown.show(BOARD)
            clock.sleep(1)
            shown.tick()
        written = stream.getvalue()
        assert written.count("\x1b[?1049h") == written.count("\x1b[?1049l") == 1
        assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1
        assert "next look in 11s" in written
        left = written[written.rindex("\x1b[?1049l") :]
        assert "stopped" in left
        assert "support-bot" in left
        assert "lately" not in left

    def test_it_gives_the_terminal_back_after_an_error(self) -> None:
        stream = Terminal()
        with (
            pytest.raises(KeyboardInterrupt),
            WatchScreen(stream, clock=Clock(), width=80, height=24),
        ):
            raise KeyboardInterrupt
        assert "\x1b[?1049l" in stream.getvalue()

    def test_what_threads_note_comes_with_the_next_drawing(self) -> None:
        stream = Terminal()
        screen = WatchScreen(stream, clock=Clock(now=NOW), color=False, width=100, height=24)
        with screen as shown:
            screen.note("warning", "trying again in 2 s")
            assert "trying again" not in stream.getvalue()
            shown.tick()
            assert "warning   trying again in 2 s" in stream.getvalue()

    def test_nothing_is_taken_for_markup_or_obeyed(self) -> None:
        stream = Terminal()
        with WatchScreen(stream, clock=Clock(now=NOW), color=False, width=120, height=24) as shown:
            shown.show(rows(replace(HELD, key="[bold]", message=":fire: \x1b]0;t\x07")))
        assert "\x07" not in stream.getvalue()
        assert "[bold]" in stream.getvalue()
        assert ":fire:" in stream.getvalue()
