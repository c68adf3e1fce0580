"""Chat on its way to another provider: what is written, and what is refused as a whole."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from reconciler.datasets import facts
from reconciler.datasets.conversion import (
    AS_IT_IS,
    BEDROCK_CONVERSATION,
    NAMES,
    NOVA_RESERVED,
    PROMPT_COMPLETION,
    SYSTEM_MESSAGES,
    Converted,
    check,
    convert,
)
from reconciler.datasets.facts import Format
from reconciler.errors import SpecError
from tests.datasets.chat_lines import ANSWERED, ASKED, SYSTEM

CHAT = {"messages": [SYSTEM, ASKED, ANSWERED, ASKED, ANSWERED]}
SHORT = {"messages": [ASKED, ANSWERED]}
TRICKY = 'é 小 😀 "\\/ \x00\x08\t\n\x0b\x0c\r\x1f\x7f\u2028'

FORMATS = {
    BEDROCK_CONVERSATION: Format.BEDROCK_CONVERSATION,
    SYSTEM_MESSAGES: Format.SYSTEM_MESSAGES,
    PROMPT_COMPLETION: Format.COMPLETION,
}


def write(path: Path, *lines: Any) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def converted(folder: Path, name: str, *lines: Any) -> str:
    convert(write(folder / "x.jsonl", *lines), folder / "y.jsonl", name)
    return (folder / "y.jsonl").read_bytes().decode()


def problems(path: Path, name: str, reserved: tuple[str, ...] = ()) -> list[str]:
    return [str(problem) for problem in check(path, "x.jsonl", name, reserved=reserved)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_names_are_part_of_every_jobs_identity_and_never_change() -> None:
    assert NAMES == ("bedrock-conversation-2024/1", "system-messages/1", "prompt-completion/1")


def test_a_conversation_for_bedrock(tmp_path: Path) -> None:
    assert converted(tmp_path, BEDROCK_CONVERSATION, CHAT, SHORT) == (
        '{"schemaVersion":"bedrock-conversation-2024","system":[{"text":"You sell lamps."}],'
        '"messages":[{"role":"user","content":[{"text":"Is it bright?"}]},'
        '{"role":"assistant","content":[{"text":"Very."}]},'
        '{"role":"user","content":[{"text":"Is it bright?"}]},'
        '{"role":"assistant","content":[{"text":"Very."}]}]}\n'
        '{"schemaVersion":"bedrock-conversation-2024",'
        '"messages":[{"role":"user","content":[{"text":"Is it bright?"}]},'
        '{"role":"assistant","content":[{"text":"Very."}]}]}\n'
    )


def test_system_and_messages_for_claude(tmp_path: Path) -> None:
    assert converted(tmp_path, SYSTEM_MESSAGES, CHAT, SHORT) == (
        '{"system":"You sell lamps.","messages":['
        '{"role":"user","content":"Is it bright?"},{"role":"assistant","content":"Very."},'
        '{"role":"user","content":"Is it bright?"},{"role":"assistant","content":"Very."}]}\n'
        '{"messages":['
        '{"role":"user","content":"Is it bright?"},{"role":"assistant","content":"Very."}]}\n'
    )


def test_prompt_and_completion(tmp_path: Path) -> None:
    assert converted(tmp_path, PROMPT_COMPLETION, SHORT) == (
        '{"prompt":"Is it bright?","completion":"Very."}\n'
    )


def test_characters_are_written_in_one_way_for_ever(tmp_path: Path) -> None:
    line = {"messages": [ASKED | {"content": TRICKY}, ANSWERED]}
    written = converted(tmp_path, PROMPT_COMPLETION, line)
    assert written.encode() == (
        b'{"prompt":"\xc3\xa9 \xe5\xb0\x8f \xf0\x9f\x98\x80 \\"\\\\/ '
        b'\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\x7f\xe2\x80\xa8","completion":"Very."}\n'
    )


def test_what_was_written_is_told_by_its_hash(tmp_path: Path) -> None:
    source = write(tmp_path / "x.jsonl", SHORT, SHORT)
    found = convert(source, tmp_path / "y.jsonl", SYSTEM_MESSAGES)
    written = (tmp_path / "y.jsonl").read_bytes()
    assert found == Converted(
        sha256=hashlib.sha256(written).hexdigest(),
        size=len(written),
        examples=2,
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
    )
    assert found == convert(source, tmp_path / "z.jsonl", SYSTEM_MESSAGES)
    assert written == (tmp_path / "z.jsonl").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_sound_in_the_form_that_the_provider_reads(
    tmp_path: Path, name: str
) -> None:
    system = [] if name == PROMPT_COMPLETION else [SYSTEM]
    lines = [{"messages": [*system, ASKED, ANSWERED]}] * 3
    converted(tmp_path, name, *lines)
    found = facts.read(tmp_path / "y.jsonl", "y.jsonl")
    assert (found.format, found.examples, found.errors) == (FORMATS[name], 3, ())


def test_blank_lines_at_the_end_are_nobodys_example(tmp_path: Path) -> None:
    source = write(tmp_path / "x.jsonl", SHORT)
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n") + b"\n \n")
    assert convert(source, tmp_path / "y.jsonl", PROMPT_COMPLETION).examples == 1
    assert check(source, "x.jsonl", PROMPT_COMPLETION) == []


def test_a_file_with_one_bad_line_is_refused_whole_and_nothing_is_left(tmp_path: Path) -> None:
    source = write(tmp_path / "x.jsonl", SHORT, CHAT | {"tools": [{"type": "function"}]}, SHORT)
    target = tmp_path / "y.jsonl"
    target.write_text("what was there before")
    with pytest.raises(SpecError) as refused:
        convert(source, target, PROMPT_COMPLETION)
    assert list(refused.value.problems) == check(source, "x.jsonl", PROMPT_COMPLETION)
    assert target.read_text() == "what was there before"
    assert names(tmp_path) == ["x.jsonl", "y.jsonl"]


def test_a_source_that_cannot_be_read_leaves_nothing_either(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "x.jsonl", tmp_path / "y.jsonl", PROMPT_COMPLETION)
    assert names(tmp_path) == []


def test_a_refusal_names_the_file_as_it_is_asked_to(tmp_path: Path) -> None:
    source = write(tmp_path / "x.jsonl", {"messages": [SYSTEM, ASKED, ANSWERED]})
    for file, shown in ((None, "x.jsonl"), ("data/train.jsonl", "data/train.jsonl")):
        with pytest.raises(SpecError) as refused:
            convert(source, tmp_path / "y.jsonl", PROMPT_COMPLETION, file=file or "")
        assert [problem.file for problem in refused.value.problems] == [shown]


def test_an_unknown_name_is_a_mistake_in_the_program(tmp_path: Path) -> None:
    source = write(tmp_path / "x.jsonl", SHORT)
    message = "there is no conversion 'chat/1'; there are bedrock-conversation-2024/1, "
    with pytest.raises(ValueError, match=message):
        check(source, "x.jsonl", "chat/1")
    with pytest.raises(ValueError, match=message):
        convert(source, tmp_path / "y.jsonl", "chat/1")
    with pytest.raises(ValueError, match="there is no conversion ''"):
        convert(source, tmp_path / "y.jsonl", AS_IT_IS)


def test_a_file_full_of_problems_lists_some_and_counts_the_rest(tmp_path: Path) -> None:
    source = write(tmp_path / "x.jsonl", *[CHAT | {"id": 1}] * 30)
    found = check(source, "x.jsonl", BEDROCK_CONVERSATION)
    assert len(found) == 1 + facts.MAX_PROBLEMS
    assert str(found[0]) == "x.jsonl: 30 problems; the first 20 are listed"
    assert sorted(found) == found


def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MAX_LINE", 2**20)
    source = write(tmp_path / "x.jsonl", SHORT)
    with source.open("ab") as end:
        end.write(b'{"messages":"' + b"x" * 2**21)
    assert problems(source, PROMPT_COMPLETION) == [
        "x.jsonl:2:1: the line is longer than 1 MiB (each line holds one example)"
    ]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    line = {"messages": [ASKED | {"content": "bright? " * 1_000}, ANSWERED]}
    source = write(tmp_path / "x.jsonl", *[line] * 1_500)
    tracemalloc.start()
    try:
        convert(source, tmp_path / "y.jsonl", BEDROCK_CONVERSATION)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert source.stat().st_size > 12_000_000
    assert peak < 4_000_000  # two buffers of a megabyte and a few lines


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + json.dumps(SHORT).encode(), id="a byte order mark"),
        pytest.param(b"\x1f\x8b\x08\x00", id="gzip"),
        pytest.param(b'{"messages": [', id="half a line"),
        pytest.param(b'{"prompt": "x", "completion": "y"}', id="another format"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\n", id="a pointer of Git LFS"),
    ],
)
def test_a_file_that_has_changed_since_it_was_read_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    source = tmp_path / "x.jsonl"
    source.write_bytes(content)
    assert len(check(source, "x.jsonl", BEDROCK_CONVERSATION)) == 1
    with pytest.raises(SpecError):
        convert(source, tmp_path / "y.jsonl", BEDROCK_CONVERSATION)
    assert names(tmp_path) == ["x.jsonl"]


@pytest.mark.parametrize("word", [*NOVA_RESERVED, "user:", "SYSTEM:", "[eos]"])
@pytest.mark.parametrize("number", range(3))
def test_nova_reads_no_text_with_one_of_its_own_words(
    tmp_path: Path, word: str, number: int
) -> None:
    messages = [SYSTEM, ASKED, ANSWERED]
    messages[number] = messages[number] | {"content": f"İ…{word} hello"}
    source = write(tmp_path / "x.jsonl", {"messages": messages})
    (found,) = check(source, "x.jsonl", BEDROCK_CONVERSATION, reserved=NOVA_RESERVED)
    listed = next(each for each in NOVA_RESERVED if each.lower() == word.lower())
    assert found.message == (
        f'/messages/{number}/content: "{listed}" is a reserved word, with which the job would fail'
    )
    assert check(source, "x.jsonl", BEDROCK_CONVERSATION) == []  # Llama has no such words


def test_a_conversion_refuses_reserved_words_too(tmp_path: Path) -> None:
    source = write(
        tmp_path / "x.jsonl", {"messages": [ASKED | {"content": "<image> and [EOS]"}, ANSWERED]}
    )
    with pytest.raises(SpecError) as refused:
        convert(source, tmp_path / "y.jsonl", BEDROCK_CONVERSATION, reserved=NOVA_RESERVED)
    assert [str(problem) for problem in refused.value.problems] == [
        (
            'x.jsonl:1:43: /messages/0/content: "<image>" and "[EOS]" are reserved words,'
            " with which the job would fail (write it otherwise)"
        )
    ]


def block(text: str) -> list[dict[str, str]]:
    return [{"text": text}]


def native(*texts: str, **members: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {
        "schemaVersion": "x",
        "messages": [
            {"role": roles[number % 2], "content": block(text)} for number, text in enumerate(texts)
        ],
        **members,
    }


def test_data_in_bedrocks_own_form_is_held_to_the_rules_of_fine_tuning(tmp_path: Path) -> None:
    source = write(
        tmp_path / "x.jsonl",
        native("Is it bright?", "Very."),
        native("Is it bright?", "Very.", "Thanks."),
        native("User: hello", "Very.", system=block("No [EOS], please.")),
        native("Is it bright?", "Very.", system=None),
    )
    assert facts.read(source, "x.jsonl").errors == ()
    assert problems(source, AS_IT_IS, NOVA_RESERVED) == [
        (
            "x.jsonl:2:159: /messages/2/role: a user has the last word,"
            " with no answer to learn from (end with the assistant's answer)"
        ),
        (
            'x.jsonl:3:169: /system/0/text: "[EOS]" is a reserved word,'
            " with which the job would fail (write it otherwise)"
        ),
        (
            'x.jsonl:3:75: /messages/0/content/0/text: "User:" is a reserved word,'
            " with which the job would fail (write it otherwise)"
        ),
    ]
    assert len(check(source, "x.jsonl", AS_IT_IS)) == 1


def test_data_in_other_forms_goes_up_as_it_is(tmp_path: Path) -> None:
    lines = (CHAT, {"prompt": "User:", "completion": "x"}, {"input": "User:"})
    source = write(tmp_path / "x.jsonl", *lines)
    assert check(source, "x.jsonl", AS_IT_IS, reserved=NOVA_RESERVED) == []
    source.write_text("{}\n")
    assert len(check(source, "x.jsonl", AS_IT_IS)) == 1
