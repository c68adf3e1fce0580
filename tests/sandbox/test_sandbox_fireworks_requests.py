"""Who may ask Fireworks, and for what: keys, accounts, paths, and what is written down of it."""

from __future__ import annotations

import httpx
import pytest

from tests.sandbox.gateway import (
    ACCOUNT,
    BASE,
    PREFERENCE,
    SUPERVISED,
    create,
    fireworks,
    good,
    job,
    refusal,
)
from tests.sandbox.workbench import Api, Clock


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"authorization": "k"}])
@pytest.mark.parametrize("path", ["accounts", "accounts/sandbox/datasets", "accounts/x/nowhere"])
def test_nobody_enters_without_a_key(shared: Api, headers: dict[str, str], path: str) -> None:
    reply = httpx.get(f"{shared.url}/v1/{path}", headers=headers, trust_env=False)
    assert refusal(reply) == (401, 16, "missing or malformed authorization header")


def test_one_key_is_known_to_be_wrong_and_refused_as_it_was_seen(shared: Api) -> None:
    headers = {"authorization": "Bearer invalid"}
    reply = httpx.get(f"{shared.url}/v1/accounts", headers=headers, trust_env=False)
    error = {
        "message": "The API key you provided is invalid.",
        "param": None,
        "code": "UNAUTHORIZED",
        "type": "error",
    }
    assert (reply.status_code, reply.json()) == (403, {"error": error})


def test_a_key_opens_one_account(shared: Api) -> None:
    listed = good(shared.http.get(f"{shared.url}/v1/accounts"))
    assert [account["name"] for account in listed["accounts"]] == [ACCOUNT]
    assert (listed["nextPageToken"], listed["totalSize"]) == ("", 1)
    account = good(shared.http.get(f"{shared.url}/v1/{ACCOUNT}"))
    assert (account, account["state"]) == (listed["accounts"][0], "READY")
    for path in ("accounts/other", "accounts/other/datasets", "accounts/fireworks/datasets"):
        assert refusal(shared.http.get(f"{shared.url}/v1/{path}")) == (403, 7, "")


def test_a_path_that_does_not_exist(shared: Api) -> None:
    assert refusal(fireworks(shared, "GET", "nowhere")) == (404, 5, "Not Found")
    assert refusal(fireworks(shared, "PUT", "datasets")) == (405, 12, "Method Not Allowed")
    assert refusal(fireworks(shared, "GET", "datasets/none")) == (404, 5, "resource not found")


@pytest.mark.parametrize("kind", [SUPERVISED, PREFERENCE])
@pytest.mark.parametrize(
    ("method", "verb"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", ":cancel"),
        ("POST", ":resume"),
        ("GET", ":getMetricsFileEndpoint"),
    ],
)
def test_an_unknown_job_is_not_found(shared: Api, kind: str, method: str, verb: str) -> None:
    reply = fireworks(shared, method, f"{kind}/nothing{verb}")
    assert refusal(reply) == (404, 5, "resource not found")


def test_base_models_are_everyones_to_see(shared: Api) -> None:
    public = f"{shared.url}/v1/accounts/fireworks/models"
    listed = good(shared.http.get(public, params={"pageSize": 200}))["models"]
    assert {model["kind"] for model in listed} == {"HF_BASE_MODEL"}
    shown = good(shared.http.get(f"{public}/qwen3-8b"))
    assert shown in listed
    assert (shown["name"], shown["public"], shown["tunable"]) == (BASE, True, True)
    assert refusal(shared.http.get(f"{public}/nothing")) == (404, 5, "resource not found")
    assert refusal(shared.http.delete(f"{public}/qwen3-8b")) == (403, 7, "")


def test_the_journal_tells_of_jobs_and_of_no_secret(bench: Api, clock: Clock) -> None:
    wandb = {"enabled": True, "apiKey": "secret-key", "project": "p"}
    created = good(create(bench, wandbConfig=wandb))
    assert created["wandbConfig"] == {"enabled": True, "project": "p"}
    clock.advance(60)
    address = job(bench)["metricsFileSignedUrl"]
    assert httpx.get(address, trust_env=False).status_code == 200
    lines = bench.journal()
    made = next(line for line in lines if "job" in line)
    assert {name: made[name] for name in ("operation", "job", "model", "training_file")} == {
        "operation": "fireworks.create",
        "job": created["name"],
        "model": BASE,
        "training_file": f"{ACCOUNT}/datasets/train",
    }
    assert (lines[-1]["operation"], lines[-1]["query"]) == ("fireworks.content", "signed")
    kept = b"".join(path.read_bytes() for path in bench.data_dir.rglob("*") if path.is_file())
    assert b"secret-key" not in kept
    assert address.rpartition("=")[2].encode() not in kept
