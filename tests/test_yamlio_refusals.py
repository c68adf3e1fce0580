"""Every mistake in a YAML file that we know by name, and what we say to it."""

from __future__ import annotations

import pytest

from reconciler import yamlio
from reconciler.errors import SpecError
from reconciler.yamlio import reader


@pytest.fixture(
    params=[reader._PARSER, reader._PurePythonParser], ids=["libyaml", "pure"], autouse=True
)
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers: a machine may have only the second."""
    monkeypatch.setattr(reader, "_PARSER", request.param)


def refusal(source: str | bytes) -> list[str]:
    """Each problem as `line:column: message (hint)`."""
    with pytest.raises(SpecError) as raised:
        yamlio.load(source.encode() if isinstance(source, str) else source, "f.yaml")
    return [str(problem).removeprefix("f.yaml:") for problem in raised.value.problems]


OCTAL = "has a leading zero, which some readers take for octal"
REMOVE_TAG = '(remove it; put a value that begins with "!" in quotes)'
REMOVE_LINE = "(remove the line)"
QUOTE = "(put it in quotes)"
QUOTE_TEXT = "(put it in quotes if it is text)"
QUOTE_NUMBER = "(for text put it in quotes)"
NO_MAPPING = '"<<" can only bring in mappings (write <<: *name, or "<<" in quotes if it is a key)'
QUOTE_BRACKET = '(put a value that begins with "{" or "[" in quotes)'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a: 012", f'1:4: 012 {OCTAL} (for the number write 12, for text write "012")'),
        ("a: 08", f'1:4: 08 {OCTAL} (for the number write 8, for text write "08")'),
        ("a: 00", f'1:4: 00 {OCTAL} (for the number write 0, for text write "00")'),
        ("a: -00.5", f'1:4: -00.5 {OCTAL} (for the number write -0.5, for text write "-00.5")'),
        ("a: .inf", '1:4: .inf is no number that a job can use (for text write ".inf")'),
        ("a: -.Inf", '1:4: -.Inf is no number that a job can use (for text write "-.Inf")'),
        ("a: .NaN", '1:4: .NaN is no number that a job can use (for text write ".NaN")'),
        ("a: 1e999", f"1:4: 1e999 is too large for a number {QUOTE_NUMBER}"),
        (f"a: {2**63}", f"1:4: 9223372036854775808 does not fit into 64 bits {QUOTE_NUMBER}"),
        (f"a: {'9' * 6000}", f"1:4: {'9' * 40}… does not fit into 64 bits {QUOTE_NUMBER}"),
    ],
)
def test_numbers_that_readers_disagree_on(source: str, message: str) -> None:
    assert refusal(source) == [message]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a: 1\nb: 2\na: 3", '3:1: "a" is written twice (first on line 1, column 1; keep one)'),
        ("{x: {y: 1, y: 1}}", '1:12: "y" is written twice (first on line 1, column 6; keep one)'),
        ("1: a", '1:1: a key must be text, and 1 is not (write "1" in quotes)'),
        ("true: a", '1:1: a key must be text, and true is not (write "true" in quotes)'),
        ("~: a", '1:1: a key must be text, and ~ is not (write "~" in quotes)'),
        ("? \n: a", '1:2: a key is missing (write it before the ":")'),
        ("[a]: 1", f"1:1: a key must be text, and this is a list {QUOTE_BRACKET}"),
        ("a: {{ x }}", f"1:5: a key must be text, and this is a mapping {QUOTE_BRACKET}"),
        ("a: &x [1]\n*x : 1", f"2:1: a key must be text, and this is a list {QUOTE_BRACKET}"),
    ],
)
def test_keys(source: str, message: str) -> None:
    assert refusal(source) == [message]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "a: !!python/name:os.x b",
            f"1:4: the tag !!python/name:os.x is not read here {REMOVE_TAG}",
        ),
        ("a: !foo 1", f"1:4: the tag !foo is not read here {REMOVE_TAG}"),
        ("a: !foo {b: 1}", f"1:4: the tag !foo is not read here {REMOVE_TAG}"),
        ("a: !foo [1]", f"1:4: the tag !foo is not read here {REMOVE_TAG}"),
        ("a: !!set {b, c}", f"1:4: the tag !!set is not read here {REMOVE_TAG}"),
        ("a: !!binary aGk=", f"1:4: the tag !!binary is not read here {REMOVE_TAG}"),
        ("%TAG ! urn:x:\n---\na: !b 1", f"3:4: the tag urn:x:b is not read here {REMOVE_TAG}"),
        ("a: !!int three", '1:4: "three" is not what !!int says (remove the tag)'),
        ("a: !!int true", '1:4: "true" is not what !!int says (remove the tag)'),
        ("a: !!bool yes", '1:4: "yes" is not what !!bool says (remove the tag)'),
        ("a: !!int 01", f'1:4: 01 {OCTAL} (for the number write 1, for text write "01")'),
        ("%YAML 1.1\n---\na: yes", f"1:1: %YAML: only YAML 1.2 is read {REMOVE_LINE}"),
        ("%YAML 1.3\n---\na: yes", f"1:1: %YAML: only YAML 1.2 is read {REMOVE_LINE}"),
    ],
)
def test_tags_and_directives(source: str, message: str) -> None:
    assert refusal(source) == [message]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a: &x 1\nb: &x 2", '2:4: the anchor "&x" is set twice (rename one of them)'),
        ("a: &x [*x]", '1:8: "*x" contains itself (write the inner part out)'),
        ("&x a: *x\n? *x\n: 1", '2:3: "a" is written twice'),
        ("a: *x", '1:4: no "&x" stands before "*x" (put a value that begins with "*" in quotes)'),
        (
            "a: &x 1\n---\nb: *x",
            '3:4: no "&x" stands before "*x" (put a value that begins with "*" in quotes)',
        ),
        ("a:\n  <<: 5", f"2:7: {NO_MAPPING}"),
        ("a: &x 1\nb:\n  <<: [*x]", f"3:7: {NO_MAPPING}"),
    ],
)
def test_aliases(source: str, message: str) -> None:
    assert [problem[: len(message)] for problem in refusal(source)] == [message]


def test_all_problems_in_one_run_in_their_order() -> None:
    assert refusal("a: 012\nb: {c: 1, c: 2}\n1: !x y\n---\nd: .nan\ne: [\n") == [
        f'1:4: 012 {OCTAL} (for the number write 12, for text write "012")',
        '2:11: "c" is written twice (first on line 2, column 5; keep one)',
        '3:1: a key must be text, and 1 is not (write "1" in quotes)',
        f"3:4: the tag !x is not read here {REMOVE_TAG}",
        '5:4: .nan is no number that a job can use (for text write ".nan")',
        "7:1: the file ends too early (is a bracket left open?)",
    ]


TWO_WAYS = "is a line break to some YAML readers and a letter to others"
CONFLICT = (
    "a merge conflict is left in the file"
    " (choose a side and remove the <<<<<<<, ======= and >>>>>>> lines)"
)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a: é".encode("utf-16"), " this is UTF-16 (save the file as UTF-8)"),
        (b"\xfe\xff\0a", " this is UTF-16 (save the file as UTF-8)"),
        ("a: 1".encode("utf-16-le"), "1:2: a NUL byte (save the file as UTF-8 text)"),
        (b"a: 1\nb: \0", "2:4: a NUL byte (save the file as UTF-8 text)"),
        (b"\xff", "1:1: the byte 0xff is not UTF-8 (save the file as UTF-8)"),
        (b"\xef\xbb\xbf\xff", "1:1: the byte 0xff is not UTF-8 (save the file as UTF-8)"),
        (b"a: 1\nb\xc3\xa9: \xe9t", "2:5: the byte 0xe9 is not UTF-8 (save the file as UTF-8)"),
        (
            b"a: \x1b[0m",
            '1:4: the invisible character U+001B (remove it, or write "\\u001b" in double quotes)',
        ),
        (
            "a: x\ufeff",
            '1:5: the invisible character U+FEFF (remove it, or write "\\ufeff" in double quotes)',
        ),
        (
            "a: 'x\u2028y'",
            f'1:6: U+2028 {TWO_WAYS} (remove it, or write "\\u2028" in double quotes)',
        ),
        ("a: x\x85y", f'1:5: U+0085 {TWO_WAYS} (remove it, or write "\\u0085" in double quotes)'),
        ("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> x\n", f"2:1: {CONFLICT}"),
        ("a: 1\n>>>>>>> x\n", f"2:1: {CONFLICT}"),
    ],
)
def test_what_is_no_text(source: str | bytes, message: str) -> None:
    assert refusal(source) == [message]


NO_KEY = (
    'a ":" where no key can stand (put a value that holds ": " in quotes, and align keys of one'
    " mapping)"
)
UNCLOSED = (
    "this quote is never closed (add the closing quote; in single quotes write '' for a quote)"
)
MISFIT = (
    "this line does not fit the block it stands in (align it with line 1, where the block begins)"
)
AFTER_BAR = (
    'text on the line of a "|" or ">" (begin the text on the next line, or put it in quotes)'
)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a:\n\tb: 1", "2:1: a tab in the indentation (indent with spaces)"),
        ("a:\n  b: 1\n \tc: 2", "3:2: a tab in the indentation (indent with spaces)"),
        ("a: |\n\tfoo", "2:1: a tab in the indentation (indent with spaces)"),
        ("note: see: this", f"1:10: {NO_KEY}"),
        ("a: 1\n  b: 2", f"2:4: {NO_KEY}"),
        (
            "a: 1\nkind:Foo\nb: 2",
            '2:1: a key without its ":" (write key: value, with a space after the colon)',
        ),
        ("a: @b", f'1:4: a value cannot begin with "@" {QUOTE}'),
        ("a: `b`", f'1:4: a value cannot begin with "`" {QUOTE}'),
        ("a: %b", f'1:4: a value cannot begin with "%" {QUOTE}'),
        ("a: 'b\nc: 1\n", f"1:4: {UNCLOSED}"),
        ('a: "b\n---\nc: 1\n', f"1:4: {UNCLOSED}"),
        (
            "a: [1, 2\nb: 1\n",
            '2:2: a "," or "]" is missing before this (the list begins on line 1)',
        ),
        (
            "a: {b: 1 c: 2}",
            '1:11: a "," or "}" is missing before this (the mapping begins on line 1)',
        ),
        ("a: [1,\n", "2:1: the file ends too early (is a bracket left open?)"),
        ("b: ]", '1:4: unexpected "]" (put a value that begins with it in quotes)'),
        ("a:\n    b: 1\n  c: 2", f"3:3: {MISFIT}"),
        ("a: 1\n- b", f"2:1: {MISFIT}"),
        ("a: 'it's'", "1:8: text after the end of a value (put the whole value in quotes)"),
        ("a: - b", '1:4: a list cannot begin here (put each "- " on a line of its own)'),
        ("a: *.jsonl", f'1:4: a value that begins with "*" is an alias {QUOTE_TEXT}'),
        ("a: & b", f'1:4: a value that begins with "&" is an anchor {QUOTE_TEXT}'),
        ("a: !<\n", f'1:4: a value that begins with "!" is a tag {QUOTE_TEXT}'),
        ("a: !e!foo 1", f'1:4: a value that begins with "!" is a tag {QUOTE_TEXT}'),
        ("a: >b", f"1:5: {AFTER_BAR}"),
        (
            "a: 1\n... b",
            "2:5: text where a document has to begin with --- (put --- on the line before it)",
        ),
    ],
)
def test_a_syntax_error_says_what_to_write(source: str, message: str) -> None:
    assert refusal(source) == [message]


def test_a_backslash_in_double_quotes() -> None:
    (problem,) = refusal('a: "C:\\data"')
    assert problem.endswith(
        "a backslash that means nothing in double quotes"
        " (write \\\\ for a backslash, or use single quotes)"
    )
