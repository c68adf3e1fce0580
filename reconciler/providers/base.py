"""What a provider is to the rest of the house: the port that every adapter implements.

`observe` looks through it, `apply` spends through it, `lifecycle` pauses, resumes and deletes
through it, the verbs `events`, `cancel` and `metrics` read through it. An adapter translates: the
words of its API into `reconciler.model`, its errors into `reconciler.errors`. It decides nothing,
remembers nothing between runs, and never sends a create twice. `tests/contract/` holds every
adapter to these docstrings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reconciler.model import Checkpoint, Event, FileRef, Job, JobSpec, MetricPoint

SOURCE_KEY = "reconciler-source"
"""Under this name a job's metadata says which spec at which commit it was created for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A rule of the provider that a spec breaks. `path` leads to the field from the top."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""


def _nobody(_done: int) -> None:
    """Whom progress is told to where nobody asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """Bytes to upload. `sha256` and `size` were measured on them, and are sent as measured.

    `progress` is a file in which an upload in parts writes down how far it got, so that the run
    after a crash goes on from there: one path for one scope and hash, None where nothing is kept.
    `tell` is called, from any thread, with how many of the bytes have left so far.
    """

    path: Path
    sha256: str
    size: int
    progress: Path | None = None
    tell: Callable[[int], None] = field(default=_nobody, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """A create, resolved: the model to train on and the provider's names for the data."""

    spec: JobSpec
    base_model: str
    training: str
    validation: str | None = None


class Provider(Protocol):
    """One account at one provider.

    Every method may raise ProviderUnavailable (could not reach or not understand the answer, after
    the retries that a read allows) and ProviderAuthError; what else it raises stands with it.
    Methods are called from several threads at once.
    """

    @property
    def name(self) -> str:
        """The provider's name in reconciler.yaml."""

    @property
    def scope(self) -> str:
        """Which account, endpoint and project the ids belong to. Holds no secret."""

    @property
    def grace(self) -> float:
        """Seconds after a create during which "not found" proves nothing."""

    @property
    def lists_stamps(self) -> bool:
        """Whether jobs in `list` carry their stamp from the moment they exist."""

    def find(self, token: str, known: Collection[str] = ()) -> tuple[Job, ...]:
        """All jobs that carry this token, oldest first; empty only if we looked and there is none.

        `known` are ids of jobs already tied to other tokens. Raises ProviderUnavailable where a
        job outside `known` may be ours and the server shows nothing that would tell.
        """

    def get(self, job_id: str) -> Job | None:
        """The job, or None if the provider surely has none by that id."""

    def list(self) -> Iterator[Job]:
        """All jobs, newest first, fetched as the caller consumes them."""

    def upload(self, file: LocalFile, known: FileRef | None = None) -> FileRef:
        """Make these bytes usable for training and say what the provider calls them.

        Sends them only if the provider has neither `known` nor a file named after the sha256.
        Raises CreateRejected where the provider refuses the file.
        """

    def create(self, request: CreateRequest) -> Job:
        """Send exactly one create. Raises CreateRejected or CreateOutcomeUnknown, never another."""

    def cancel(self, job_id: str) -> Job:
        """Ask the job to stop and say how it stands. A job that is already over is no error.

        Raises ProviderError where the provider refuses.
        """

    def pause(self, job_id: str) -> Job:
        """Ask the job to pause and say how it stands. A job that is paused already is no error.

        Raises ProviderError where the provider refuses, or cannot pause at all: it says what it
        can.
        """

    def resume(self, job_id: str) -> Job:
        """Ask a job that does not go on to go on, and say how it stands. One that does is no error.

        Raises ProviderError where the provider refuses, as for a job that has succeeded, or cannot
        resume at all: it says what it can.
        """

    def delete_model(self, model: str) -> bool:
        """Delete a fine-tuned model of this account for good; whether there was one.

        `model` is written as in a job's `fine_tuned_model`. Raises ProviderError for what is no
        fine-tuned model of this account, which nobody is asked to delete, and where the provider
        refuses. That a model has been deleted before is no error.
        """

    def events(self, job_id: str) -> Iterator[Event]:
        """The job's events, newest first, fetched as the caller consumes them."""

    def checkpoints(self, job_id: str) -> tuple[Checkpoint, ...]:
        """Models saved on the way, newest first; empty where the provider keeps none."""

    def metrics(self, job: Job) -> tuple[MetricPoint, ...]:
        """The loss curve, by step; empty until the provider has written one."""

    def close(self) -> None:
        """Give back connections. The provider is not used again."""
