"""Any line of chat, good or bad: it is converted with all it says, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.datasets.conversion import (
    BEDROCK_CONVERSATION,
    NAMES,
    NOVA_RESERVED,
    PROMPT_COMPLETION,
    SYSTEM_MESSAGES,
    check,
    convert,
    objections,
    reading,
)
from reconciler.datasets.conversion.forms import CONVERSATION, PAIR, SYSTEM_APART
from reconciler.errors import Problem, SpecError
from tests.datasets.chat_lines import ANSWERED, ASKED, CALL, SYSTEM, TOOL, chat, part

FORMS = {BEDROCK_CONVERSATION: CONVERSATION, SYSTEM_MESSAGES: SYSTEM_APART, PROMPT_COMPLETION: PAIR}

_texts = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from(["\\", '"', "\n", "{", "}", "\x00", "\u2028", ":", "<"]),
    min_size=1,
).filter(lambda text: bool(text.strip()))


@st.composite
def _conversations(draw: st.DrawFn, name: str) -> tuple[str, str | None, list[str]]:
    """A line of chat that is surely convertible, its system text, and what is said in turn."""
    turns = draw(st.lists(_texts, min_size=2, max_size=2 if name == PROMPT_COMPLETION else 6))
    turns = turns[: len(turns) // 2 * 2]
    system = None if name == PROMPT_COMPLETION else draw(st.none() | _texts)
    roles = ["user", "assistant"] * (len(turns) // 2)
    messages: list[dict[str, Any]] = [
        {"role": role, "content": draw(st.sampled_from([text, [part(text)]]))}
        for role, text in zip(roles, turns, strict=True)
    ]
    if draw(st.booleans()):
        messages[-1] |= {"weight": 1, "refusal": None}
    if system is not None:
        messages.insert(0, {"content": system, "role": "system"})
    line = json.dumps(
        draw(st.sampled_from([{}, {"tools": None}])) | {"messages": messages},
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([None, (",", ":"), (" ,\t", " : ")])),
    )
    return line, system, turns


def _read_back(name: str, line: str) -> tuple[str | None, list[str]]:
    """System text and turns, by the words of AWS's pages and none of our code."""
    value = json.loads(line)
    if name == PROMPT_COMPLETION:
        assert list(value) == ["prompt", "completion"]
        return None, [value["prompt"], value["completion"]]
    messages = value["messages"]
    roles = ["user", "assistant"] * (len(messages) // 2)
    assert [message["role"] for message in messages] == roles
    contents = [message["content"] for message in messages]
    if name == SYSTEM_MESSAGES:
        return value.get("system"), contents
    assert value["schemaVersion"] == "bedrock-conversation-2024"
    system = [block["text"] for block in value.get("system", [])]
    return (system[0] if system else None), [block["text"] for (block,) in contents]


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_reading_back_gives_the_same_texts_in_the_same_order(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    lines = data.draw(st.lists(_conversations(name), min_size=1, max_size=4))
    source, target = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    source.write_bytes("".join(f"{line}\n" for line, _, _ in lines).encode())
    assert check(source, "x.jsonl", name) == []
    found = convert(source, target, name)
    written = target.read_bytes().decode()
    assert written.count("\n") == found.examples == len(lines)
    assert [_read_back(name, line) for line in written.split("\n")[:-1]] == [
        (system, turns) for _, system, turns in lines
    ]
    for line in written.split("\n")[:-1]:  # and the bytes are those of another writer of JSON
        assert line == json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":"))


_values: tuple[Any, ...] = ("x", "é", "", " ", "User: x", None, [], 0, 1, {"a": "b"}, "role")
_anything = st.sampled_from(_values)
_part = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "text", "text", "image_url"]), "text": _texts},
    optional={"image_url": _anything},
)
_contents = _texts | _anything | st.lists(_part, min_size=1, max_size=2)
_extras = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from([None, "Ann"]),
        "weight": st.sampled_from([0, 1]),
        "tool_calls": st.sampled_from([None, [], [CALL]]),
        "refusal": st.sampled_from([None, "no"]),
        "other": _anything,
    },
)
_roles = st.sampled_from(
    [
        ("user", "assistant"),
        ("system", "user", "assistant"),
        ("user", "assistant", "user", "assistant"),
        ("system", "user", "assistant", "system", "user", "tool", "assistant"),
        ("assistant", "user", "user", "developer"),
    ]
)


@st.composite
def _line(draw: st.DrawFn) -> dict[str, Any]:
    """A line of chat that may be wrong in every way, or in none."""
    often = st.sampled_from([_texts, _texts, _texts, _contents])
    seldom = st.sampled_from([st.just({}), st.just({}), st.just({}), _extras])
    messages = [
        {"role": role, "tool_call_id": "c1"} if role == "tool" else {"role": role}
        for role in draw(_roles)
    ]
    for message in messages:
        message.update({"content": draw(draw(often))} | draw(draw(seldom)))
    optional = {
        "tools": st.sampled_from([None, [], [TOOL]]),
        "system": _anything,
        "id": _anything,
    }
    beside = draw(st.just({}) | st.fixed_dictionaries({}, optional=optional))
    return {"messages": messages, **beside}


def _said(value: Any, name: str = "") -> list[Any]:
    """Every value that means something, in the order in which it stands."""
    match value:
        case dict():
            members = sorted(value.items(), key=lambda member: member[0] != "system")
            return [said for key, item in members for said in _said(item, key)]
        case list():
            return [said for item in value for said in _said(item, name)]
        case None:
            return []
    return [] if (name, value) in (("type", "text"), ("weight", 1)) else [value]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200)
@given(value=_line(), reserved=st.sampled_from([(), NOVA_RESERVED]))
@example(value=chat(SYSTEM, ASKED, ANSWERED), reserved=())
@example(value=chat(ASKED, ANSWERED, system="x"), reserved=())
@example(value=chat(ASKED | {"content": [part("a"), part("b")]}, ANSWERED), reserved=())
def test_a_line_is_converted_with_all_it_says_or_not_at_all(
    value: Any, reserved: tuple[str, ...], name: str
) -> None:
    form = FORMS[name]
    line = json.dumps(value).encode()
    found = reading.read(line, form=form, reserved=reserved)
    assert found == objections.read(line, form=form, reserved=reserved)
    if isinstance(found, tuple):
        assert found
        return
    roles = {"system", "user", "assistant"}
    written = json.loads(form.encode(found))
    before = [said for said in _said(value) if said not in roles]
    after = [said for said in _said(written) if said not in roles]
    assert before == [said for said in after if said != "bedrock-conversation-2024"]


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(values=st.lists(_line(), max_size=3))
def test_checking_and_converting_never_disagree(
    tmp_path: Path, name: str, values: list[Any]
) -> None:
    source = tmp_path / "x.jsonl"
    source.write_text("".join(json.dumps(value) + "\n" for value in values))
    refused: tuple[Problem, ...] = ()
    try:
        convert(source, tmp_path / "y.jsonl", name)
    except SpecError as error:
        refused = error.problems
    assert list(refused) == sorted(check(source, "x.jsonl", name))
