"""A format by its name, what it has no form for, and nothing imported that it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reconciler.errors import ConfigError
from reconciler.report import FORMATS, Report, as_json, choose, github, markdown, sarif, text
from reconciler.report.forms import FORMS


def test_each_format_has_its_report() -> None:
    assert [choose(format_) for format_ in FORMATS] == [text, as_json, markdown, github, sarif]


def test_another_word_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError) as refused:
        choose("xml")
    assert str(refused.value) == (
        "there is no output format 'xml' (choose text, json, markdown, github or sarif)"
    )


@pytest.mark.parametrize(
    ("function", "format_"),
    [(f, format_) for f, have in FORMS.items() for format_ in FORMATS if format_ not in have],
)
def test_a_form_that_is_missing_is_refused_with_those_there_are(
    function: str, format_: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        getattr(choose(format_), function)([], color=False, width=80)
    assert f"cannot be printed as {format_}" in refused.value.message
    assert refused.value.hint.startswith("choose --format text")
    assert all(have in refused.value.hint for have in FORMS[function])


def test_the_refusal_reads_well() -> None:
    with pytest.raises(ConfigError) as refused:
        choose("github").events([])
    assert str(refused.value) == (
        "the events of a job cannot be printed as github (choose --format text or json)"
    )


def test_every_function_of_a_report_is_in_the_table_of_forms() -> None:
    assert set(FORMS) == {name for name in vars(Report) if not name.startswith("_")}


@pytest.mark.parametrize(
    "statement",
    [
        "import reconciler.report",
        "import reconciler.report.progress",
        "import reconciler.report.rows",
        "from reconciler.report import choose; choose('json')",
        "from reconciler.report import choose; choose('markdown')",
        "from reconciler.report import choose; choose('github')",
    ],
)
def test_rich_is_imported_only_for_text(statement: str) -> None:
    check = "import sys; assert not {m for m in sys.modules if m.split('.')[0] == 'rich'}"
    subprocess.run([sys.executable, "-c", f"{statement}; {check}"], check=True)
