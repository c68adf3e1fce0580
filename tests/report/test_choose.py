"""A format by its name, and nothing imported that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reconciler.errors import ConfigError
from reconciler.report import FORMATS, as_json, choose, text


def test_each_format_has_its_report() -> None:
    assert [choose(format_) for format_ in FORMATS] == [text, as_json]


def test_another_word_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError) as refused:
        choose("xml")
    assert str(refused.value) == "there is no output format 'xml' (choose text or json)"


@pytest.mark.parametrize(
    "statement",
    [
        "import reconciler.report",
        "import reconciler.report.progress",
        "import reconciler.report.rows",
        "from reconciler.report import choose; choose('json')",
    ],
)
def test_rich_is_imported_only_for_text(statement: str) -> None:
    check = "import sys; assert not {m for m in sys.modules if m.split('.')[0] == 'rich'}"
    subprocess.run([sys.executable, "-c", f"{statement}; {check}"], check=True)
