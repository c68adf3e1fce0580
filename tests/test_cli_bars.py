"""Bars on stderr: for a person, for what takes long, and for several things at once."""

from __future__ import annotations

import io
import sys

import pytest

from reconciler.cli import bars
from reconciler.cli.bars import Bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, patience: float) -> str:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(bars, "_PATIENCE_SECONDS", patience)
    with Bars() as shown:
        tell = shown.on("reading [b]x.jsonl")
        assert (tell is None) is not stream.isatty()
        if tell is not None:
            tell(1, 10)
            tell(10, 10)
        many = shown.of("uploading")
        many("one.jsonl", 1, 10)
        many("two.jsonl", 1, 10)
        many("one.jsonl", 10, 10)
    return stream.getvalue()


def test_a_bar_is_drawn_on_a_terminal_for_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, Terminal(), 0.0)
    for what in ("reading [b]x.jsonl", "uploading one.jsonl", "uploading two.jsonl"):
        assert what in text


def test_what_is_quick_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, Terminal(), 3_600.0) == ""


def test_a_log_gets_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, io.StringIO(), 0.0) == ""
