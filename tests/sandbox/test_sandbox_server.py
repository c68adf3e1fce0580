"""The server: who may enter, what it writes down, how it starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from reconciler.errors import ConfigError
from reconciler.sandbox.app import build
from reconciler.sandbox.faults import parse
from reconciler.sandbox.server import run_forever, serve
from tests.sandbox.workbench import HEADERS, Api, chat_file, refusal

Start = Callable[..., Api]


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer"}, {"authorization": "Basic abc"}, {"api-key": ""}],
    ids=str,
)
@pytest.mark.parametrize("path", ["/v1/fine_tuning/jobs", "/v1/nowhere"])
def test_nobody_enters_without_a_key(api: Api, headers: dict[str, str], path: str) -> None:
    reply = httpx.get(f"{api.url}{path}", headers=headers, trust_env=False)
    assert refusal(reply) == (401, "invalid_api_key", None)
    assert "didn't provide an API key" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers", [{"authorization": "Bearer invalid"}, {"api-key": "invalid"}], ids=str
)
def test_one_key_is_known_to_be_wrong(api: Api, headers: dict[str, str]) -> None:
    reply = httpx.get(f"{api.url}/v1/models", headers=headers, trust_env=False)
    assert refusal(reply) == (401, "invalid_api_key", None)
    assert reply.json()["error"]["message"] == "Incorrect API key provided."


@pytest.mark.parametrize("headers", [{"authorization": "bearer k"}, {"api-key": "k"}], ids=str)
def test_any_other_key_will_do(api: Api, headers: dict[str, str]) -> None:
    reply = httpx.get(f"{api.url}/v1/models", headers=headers, trust_env=False)
    assert reply.status_code == 200


def test_a_path_that_does_not_exist(api: Api) -> None:
    reply = api.request("POST", "/fine_tuning/nothing")
    assert refusal(reply) == (404, None, None)
    assert reply.json()["error"]["message"] == "Invalid URL (POST /v1/fine_tuning/nothing)"
    assert refusal(api.request("PUT", "/files")) == (405, None, None)
    assert refusal(api.request("GET", "/files/")) == (404, None, None)


@pytest.mark.parametrize("name", ["..%2F..%2Frequests", ".lock", "%2e%2e", "a.b"])
def test_a_name_never_leads_out_of_its_folder(api: Api, name: str) -> None:
    assert api.request("GET", f"/files/{name}").status_code == 404


def test_every_reply_can_be_asked_about(api: Api) -> None:
    replies = [api.request("GET", path) for path in ("/models", "/nothing", "/models/nothing")]
    ids = [reply.headers["x-request-id"] for reply in replies]
    assert len(set(ids)) == 3
    assert [line["request_id"] for line in api.journal()] == ids
    assert replies[0].headers["openai-organization"] == "org-sandbox"


def test_the_journal_tells_what_was_asked_and_no_secret(api: Api) -> None:
    training_file = api.upload(chat_file())
    body = {"model": "gpt-4.1", "training_file": training_file, "metadata": {"k": "v"}}
    job = api.post("/fine_tuning/jobs", body | {"suffix": "s"})
    api.request("GET", "/fine_tuning/jobs?metadata[k]=v")
    lines = api.journal()
    for line in lines:
        del line["request_id"]
    now = round(api.clock.now, 3)
    common = {"time": now, "fault": None, "status": 200}
    create = {"method": "POST", "path": "/v1/fine_tuning/jobs", "query": ""}
    assert lines == [
        {
            **common,
            "method": "POST",
            "path": "/v1/files",
            "query": "",
            "operation": "openai.upload",
        },
        {
            **common,
            **create,
            "operation": "openai.create",
            "job": job["id"],
            "model": "gpt-4.1-2025-04-14",
            "training_file": training_file,
            "suffix": "s",
            "metadata": {"k": "v"},
        },
        {
            **common,
            **create,
            "method": "GET",
            "query": "metadata[k]=v",
            "operation": "openai.list",
        },
    ]
    assert "test" not in (api.data_dir / "requests.jsonl").read_text()


def test_many_clients_at_once_lose_nothing(start: Start) -> None:
    servers = start(), start()
    training_file = servers[0].upload(chat_file())

    def create(api: Api) -> None:
        with httpx.Client(base_url=f"{api.url}/v1", headers=HEADERS, trust_env=False) as client:
            for _ in range(10):
                body = {"model": "gpt-4.1", "training_file": training_file}
                assert client.post("/fine_tuning/jobs", json=body).status_code == 200

    threads = [threading.Thread(target=create, args=(api,)) for api in servers * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    created = servers[0].created_jobs()
    assert len(created) == len(set(created)) == 40
    listed = servers[1].get("/fine_tuning/jobs?limit=100")["data"]
    assert {job["id"] for job in listed} == set(created)


def test_the_server_stops_although_clients_keep_their_connections(tmp_path: Path) -> None:
    with contextlib.ExitStack() as clients:
        with serve(tmp_path) as running:
            host, port = running.url.removeprefix("http://").split(":")
            idle = clients.enter_context(socket.create_connection((host, int(port)), timeout=20))
            client = clients.enter_context(httpx.Client(headers=HEADERS, trust_env=False))
            assert client.get(f"{running.url}/v1/models").status_code == 200
        assert idle.recv(1) == b""
        with pytest.raises(httpx.ConnectError):
            client.get(f"{running.url}/v1/models")


def test_the_server_stops_in_the_middle_of_a_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = threading.Event()
    seen: list[Exception] = []

    def ask(url: str) -> None:
        with httpx.Client(headers=HEADERS, trust_env=False, timeout=60) as client:
            client.get(f"{url}/v1/files")
            asked.set()
            try:
                client.get(f"{url}/v1/models")
            except httpx.HTTPError as error:
                seen.append(error)

    with serve(tmp_path, faults=[parse("models=hang-before:3600")]) as running:
        thread = threading.Thread(target=ask, args=(running.url,))
        thread.start()
        asked.wait()
    thread.join()
    assert len(seen) == 1
    assert capsys.readouterr().err == ""


def test_the_same_folder_serves_again_on_the_same_port(tmp_path: Path) -> None:
    with serve(tmp_path) as running:
        port = int(running.url.rsplit(":", 1)[1])
        with httpx.Client(headers=HEADERS, trust_env=False) as client:
            client.get(f"{running.url}/v1/models")
    with serve(tmp_path, port=port) as again:
        assert again.url == running.url


def test_a_port_in_use_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    with serve(tmp_path) as running:
        port = int(running.url.rsplit(":", 1)[1])
        with (
            pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}") as refused,
            serve(tmp_path, port=port),
        ):
            pass
    assert refused.value.hint == "choose another port; 0 is any free one"


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_time_only_goes_forward(tmp_path: Path, speed: float) -> None:
    with pytest.raises(ConfigError, match="cannot run at speed"), serve(tmp_path, speed=speed):
        pass


def test_a_folder_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match=r"cannot keep its data in .*file"), serve(file):
        pass


def test_the_application_answers_without_a_port(tmp_path: Path) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(build(tmp_path, faults=[parse("files=drop-after")]))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            with pytest.raises(ConnectionAbortedError, match="cannot cut connections"):
                await client.get("/v1/files", headers=HEADERS)
            return await client.get("/v1/models", headers=HEADERS)

    assert asyncio.run(ask()).status_code == 200


@pytest.mark.parametrize("module", ["starlette", "uvicorn", "python_multipart"])
def test_a_missing_extra_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match="needs the sandbox extra") as missing, serve(tmp_path):
        pass
    assert missing.value.hint == "pip install 'finetune-reconciler[sandbox]'"


def test_faults_are_read_without_the_extra() -> None:
    program = (
        "import sys; import reconciler.sandbox.faults, reconciler.sandbox.server;"
        "sys.exit(any(name in sys.modules for name in ('starlette', 'uvicorn', 'filelock')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_foreground_server_ends_well_when_told_to(tmp_path: Path, name: str) -> None:
    program = (
        "import pathlib, signal, sys; from reconciler.sandbox.server import run_forever;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "run_forever(pathlib.Path(sys.argv[1]), on_ready=lambda url: print(url, flush=True));"
        "print('bye')"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with httpx.Client(headers=HEADERS, trust_env=False) as client:
            assert client.get(f"{url}/v1/models").status_code == 200
            os.kill(process.pid, getattr(signal, name))
            out, err = process.communicate()
    assert (process.returncode, out, err) == (0, "bye\n", "")


def test_the_foreground_server_gives_the_signal_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def on_ready(_url: str) -> None:
        raise KeyboardInterrupt

    run_forever(tmp_path, on_ready=on_ready)
    assert signal.getsignal(signal.SIGTERM) == before
