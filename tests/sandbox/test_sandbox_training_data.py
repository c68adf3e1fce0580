"""What a job fails with because of its data: minutes later, as in reality, and word for word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sandbox.workbench import Api, chat, chat_file, jsonl, preference, task

PREFIX = "The job failed due to an invalid training file. Invalid file format. "
GRADER = {"type": "python", "name": "p", "source": "def grade(sample, item): return 1"}
DPO = {"method": {"type": "dpo"}}
RFT = {"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}


def ending(**message: Any) -> dict[str, Any]:
    """An example whose second message is this one."""
    return {"messages": [USER, message, ANSWER]}


def finish(api: Api, content: bytes, **body: Any) -> Any:
    """The job on this data, once it is over."""
    if body.get("method", {}).get("type") == "reinforcement":
        valid = api.upload(jsonl([task()] * 3))
        body = {"model": "o4-mini", "validation_file": valid, **body}
    job_id = api.create(content, **body)["id"]
    api.clock.advance(60)
    return api.job(job_id)


@pytest.mark.parametrize(
    ("example", "message"),
    [
        pytest.param(
            {"messages": [{"content": "Hi"}]},
            "Example 11, message 1 Discriminator 'role' is missing in value",
            id="no role",
        ),
        pytest.param(
            ending(role="assitant", content="x"),
            "Example 11, message 2 No match for discriminator 'role' and value 'assitant' "
            "(allowed values: 'system', 'user', 'assistant', 'tool', 'function')",
            id="no such role",
        ),
        pytest.param(
            ending(role="user"), "Example 11, message 2 content field required", id="no content"
        ),
        pytest.param(
            ending(role="assistant", content=None),
            "Example 11, message 2 content field required",
            id="an answer without content or calls",
        ),
        pytest.param(
            ending(role="user", content=7),
            "Example 11, message 2 content str type expected",
            id="content of a wrong type",
        ),
        pytest.param(
            ending(role="assistant", content="x", weight=0.5),
            "Example 11, message 2 weight unexpected value; permitted: 0, 1",
            id="half a weight",
        ),
        pytest.param(
            ending(role="tool", content="x"),
            "Example 11, message 2 tool_call_id field required",
            id="a result of no call",
        ),
        pytest.param(
            ending(role="function", content="x"),
            "Example 11, message 2 name field required",
            id="a result of no function",
        ),
        pytest.param(
            ending(role="assistant", tool_calls=[]),
            "Example 11, message 2 tool_calls must be a list with at least one call",
            id="no calls",
        ),
        pytest.param(
            ending(role="assistant", tool_calls=[{"type": "function"}]),
            "Example 11, message 2 tool_calls[0].id field required",
            id="a call without id",
        ),
        pytest.param(
            ending(role="assistant", tool_calls=[{**CALL, "function": {"name": "f"}}]),
            "Example 11, message 2 tool_calls[0].function.arguments str type expected",
            id="a call without arguments",
        ),
        pytest.param(
            ending(role="assistant", content=[{"type": "image_url", "image_url": {"url": "u"}}]),
            "Example 11, message 2 content[0] images are only allowed in messages with role 'user'",
            id="an image in an answer",
        ),
        pytest.param(
            {"messages": ["Hi"]},
            "Example 11, message 1 value is not a valid dict",
            id="a message of a wrong type",
        ),
        pytest.param(
            {"messages": [USER]},
            "Example 11 must have at least one message with role 'assistant'",
            id="nothing to learn",
        ),
        pytest.param(
            {"messages": []},
            "Example 11 messages must be a list with at least one message",
            id="no messages",
        ),
        pytest.param({"text": "x"}, "Example 11 is missing key 'messages'", id="no chat"),
        pytest.param(
            {**chat(), "tools": [{"type": "function"}]},
            "Example 11 tools[0] is not a valid function",
            id="a tool without function",
        ),
        pytest.param(7, "Example 11 is not a JSON object.", id="no object"),
    ],
)
def test_a_bad_chat_example_fails_the_job(shared: Api, example: Any, message: str) -> None:
    content = chat_file(10) + jsonl([example]) + chat_file(3)
    job = finish(shared, content)
    assert job["status"] == "failed"
    assert job["error"] == {
        "code": "invalid_training_file",
        "message": PREFIX + message,
        "param": "training_file",
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"messages": [}', "line contains invalid json: Expecting value: line 1 column 15"),
        (b"", "line contains invalid json: Expecting value: line 1 column 1 (char 0) (line 11)"),
        (b'{"messages": "\xff"}', "line is not UTF-8: invalid start byte (line 11)"),
        (b"\xef\xbb\xbf{}", "line contains invalid json: Unexpected UTF-8 BOM"),
        (b"[" * 200_000, "too deeply nested (line 11)"),
    ],
    ids=["broken", "blank", "not UTF-8", "byte order mark", "deep"],
)
def test_a_line_that_cannot_be_read_fails_the_job(shared: Api, line: bytes, message: str) -> None:
    job = finish(shared, chat_file(10) + line + b"\n")
    assert job["error"]["code"] == "invalid_training_file"
    assert job["error"]["message"].startswith(
        f"{PREFIX}Example 11 cannot be parsed. Error: {message}"
    )


def test_too_few_examples_fail_the_job(shared: Api) -> None:
    job = finish(shared, chat_file(7))
    assert job["status"] == "failed"
    assert job["error"] == {
        "code": "invalid_n_examples",
        "message": "Training file has 7 example(s), but must have at least 10 examples",
        "param": "training_file",
    }
    assert (job["fine_tuned_model"], job["result_files"]) == (None, [])
    assert job["finished_at"] is not None


def test_a_key_that_openai_does_not_know_fails_the_job(shared: Api) -> None:
    job = finish(shared, jsonl([{**chat(), "weight": 1}] * 10))
    assert job["error"] == {
        "code": "invalid_file_format",
        "message": "The job failed due to a file format error in the training file. "
        'Invalid file format. Example 1 contains an extra "weight".',
        "param": "training_file",
    }


def test_a_file_of_no_known_form_fails_the_job(shared: Api) -> None:
    job = finish(shared, jsonl([{"question": "?"}] * 10))
    assert job["error"]["message"] == (
        "The job failed due to an invalid training file. Unexpected file format, expected either "
        "prompt/completion pairs or chat messages."
    )


@pytest.mark.parametrize(
    ("example", "body", "form", "wanted", "method"),
    [
        (chat(), DPO, "fine-tune-chat", "supervised", "dpo"),
        (preference(), {}, "fine-tune-preference", "dpo", "supervised"),
        (preference(), RFT, "fine-tune-preference", "dpo", "reinforcement"),
        (
            {"prompt": "a", "completion": "b"},
            RFT,
            "fine-tune-completions",
            "supervised",
            "reinforcement",
        ),
    ],
)
def test_data_of_another_method_fails_the_job(
    shared: Api, example: Any, body: Any, form: str, wanted: str, method: str
) -> None:
    job = finish(shared, jsonl([example] * 10), **body)
    assert job["error"]["message"] == (
        f"{PREFIX}Input file {job['training_file']} is in the {form} format, but the specified "
        f"fine-tuning job is not using '{wanted}' as the training method (provided "
        f"method={method}). "
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preferred_output": None}, "Example 1 is missing key 'preferred_output'"),
        ({"input": {}}, "Example 1 is missing key 'input.messages'"),
        (
            {"preferred_output": [USER]},
            (
                "Example 1 preferred_output, message 1 No match for discriminator 'role' and "
                "value 'user' (allowed values: 'assistant', 'tool')"
            ),
        ),
        (
            {"non_preferred_output": [{"role": "tool", "tool_call_id": "c1", "content": "x"}]},
            "Example 1 non_preferred_output must have at least one message with role 'assistant'",
        ),
    ],
)
def test_a_bad_preference_fails_the_job(shared: Api, change: dict[str, Any], message: str) -> None:
    example = {key: value for key, value in (preference() | change).items() if value is not None}
    job = finish(shared, jsonl([example] * 10), **DPO)
    assert job["error"]["message"] == PREFIX + message


def test_a_task_that_answers_itself_fails_the_job(shared: Api) -> None:
    job = finish(shared, jsonl([chat()] * 10), **RFT)
    assert job["error"]["message"] == (
        f"{PREFIX}Example 1, the last message must have role 'user', not 'assistant'"
    )


def test_completions_are_for_the_models_that_complete(shared: Api) -> None:
    pair = {"prompt": "a", "completion": "b"}
    assert finish(shared, jsonl([pair] * 10), model="davinci-002")["status"] == "succeeded"
    job = finish(shared, jsonl([pair] * 10))
    assert job["error"]["message"] == PREFIX + "Example 1 is missing key 'messages'"
    job = finish(shared, chat_file(), model="davinci-002")
    assert job["error"]["message"] == PREFIX + "Example 1 is missing key 'prompt'"
    job = finish(shared, jsonl([pair | {"completion": 7}] * 10), model="davinci-002")
    assert job["error"]["message"] == PREFIX + "Example 1 completion str type expected"


def test_a_bad_validation_file_fails_the_job_by_its_own_name(shared: Api) -> None:
    valid = shared.upload(b'{"messages": [{"content": "Hi"}]}\n')
    job = finish(shared, chat_file(), validation_file=valid)
    assert job["error"] == {
        "code": "invalid_validation_file",
        "message": "The job failed due to an invalid validation file. Invalid file format. "
        "Example 1, message 1 Discriminator 'role' is missing in value",
        "param": "validation_file",
    }


def test_a_failed_job_tells_why_and_forgets_nothing(shared: Api) -> None:
    job = finish(shared, chat_file(7))
    listed = shared.get(f"/fine_tuning/jobs/{job['id']}/events")["data"]
    assert (listed[0]["level"], listed[0]["message"]) == ("error", job["error"]["message"])
    assert [event["level"] for event in listed[1:]] == ["info", "info"]
    assert job["hyperparameters"]["n_epochs"] == "auto"


def test_nothing_is_said_before_the_files_were_looked_at(shared: Api) -> None:
    job_id = shared.create(chat_file(7))["id"]
    shared.clock.advance(1)
    job = shared.job(job_id)
    assert (job["status"], job["error"]["code"]) == ("validating_files", None)


@pytest.mark.parametrize(
    "example",
    [
        {**chat(), "tools": [TOOL], "parallel_tool_calls": False},
        ending(role="assistant", content=None, tool_calls=[CALL]),
        ending(role="assistant", function_call={"name": "f", "arguments": "{}"}),
        ending(role="tool", tool_call_id="c1", content="4"),
        ending(role="function", name="f", content="4"),
        ending(role="system", content="Be kind."),
        ending(role="assistant", content="No.", weight=0),
        ending(role="user", content=[{"type": "image_url", "image_url": {"url": "https://x/y"}}]),
        ending(role="user", content=[{"type": "text", "text": "Hi"}], name="Ann"),
    ],
    ids=lambda example: json.dumps(example)[13:70],
)
def test_sound_chat_data_trains(shared: Api, example: Any) -> None:
    assert finish(shared, jsonl([example] * 10))["status"] == "succeeded"


def test_sound_tasks_may_carry_anything_for_the_grader(shared: Api) -> None:
    example = task() | {"messages": [{"role": "developer", "content": "Count."}, USER], "x": [1]}
    assert finish(shared, jsonl([example] * 10), **RFT)["status"] == "succeeded"


def test_windows_line_ends_and_a_missing_last_one_are_sound(shared: Api) -> None:
    content = chat_file().replace(b"\n", b"\r\n").rstrip()
    assert finish(shared, content)["status"] == "succeeded"
