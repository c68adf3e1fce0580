"""What the tests of the OpenAI adapter share: a create, a model, and jobs as servers show them."""

from __future__ import annotations

from typing import Any

from reconciler.model import Job, JobStatus
from reconciler.providers.base import CreateRequest
from tests.fakes import make_spec
from tests.providers.loopback import Answering, pages, route

SPEC = make_spec(suffix="support")
TOKEN = SPEC.token
HASH = TOKEN[-16:]
REQUEST = CreateRequest(spec=SPEC, base_model="gpt-4.1-mini-2025-04-14", training="file-1")
JOBS = "/v1/fine_tuning/jobs"
MODEL = "ft:gpt-4.1-mini-2025-04-14:acme:support:Ab1-_xyZ"
ENDED = Job(id="ftjob-1", status=JobStatus.SUCCEEDED, provider_status="", result_files=("file-r",))


def raw(number: int, token: str | None = None, **fields: Any) -> dict[str, Any]:
    """A job as a server shows it, the older the lower its number."""
    shown = {"metadata": {"reconciler-token": token} if token else {}}
    job = {"id": f"ftjob-{number}", "status": "running", "created_at": 1_700_000_000 + number}
    return {**job, **shown, **fields}


def bare(number: int, **fields: Any) -> dict[str, Any]:
    """A job at a server that drops metadata."""
    job = raw(number, **fields)
    del job["metadata"]
    return job


def listing(*jobs: dict[str, Any]) -> Answering:
    """Newest first, whatever is asked for."""
    return route({f"GET {JOBS}": pages(jobs)})
