"""Resource names: how Fireworks calls accounts, models, datasets and jobs.

Every module of this adapter names things through here. Pure. A name is `accounts/A/KIND/ID`; people
write the id alone as well, so that prefixes are added where they are missing and never twice.
Ids have 1 to 63 characters of a-z, 0-9 and hyphens, no digit in front and no hyphen at either end
(Fireworks' documentation of resource names, 2026).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from reconciler.identity import TOKEN_HASH_LENGTH

MAX_ID = 63
LIBRARY = "fireworks"
"""The account that owns the base models everyone may train."""

SUFFIX_ROOM = MAX_ID - TOKEN_HASH_LENGTH - 1
"""Characters of an output model's id that are left to the user."""

_ID = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_SEGMENT = re.compile(r"[A-Za-z0-9][\w-]*")
_MODEL = re.compile(r"[a-z0-9][a-z0-9-]*")
_FULL = re.compile(r"accounts/(?P<account>[^/]+)/(?P<kind>[^/]+)/(?P<id>[^/]+)")


class Kind(StrEnum):
    """The kinds of job this adapter runs. The value is the collection's name in a path."""

    SUPERVISED = "supervisedFineTuningJobs"
    DPO = "dpoJobs"

    @property
    def id_parameter(self) -> str:
        """The query parameter that gives a new job its id."""
        return "supervisedFineTuningJobId" if self is Kind.SUPERVISED else "dpoJobId"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobName:
    """The full name of a job, which is its id for the rest of the house."""

    account: str
    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"accounts/{self.account}/{self.kind.value}/{self.id}"

    @classmethod
    def parsed(cls, name: object) -> Self | None:
        """The name of a job of a kind we run; None for anything else."""
        found = _FULL.fullmatch(name) if isinstance(name, str) else None
        if found is None or found["kind"] not in tuple(Kind):
            return None
        return cls(account=found["account"], kind=Kind(found["kind"]), id=found["id"])


def candidates(job_id: str, account: str) -> tuple[JobName, ...]:
    """The jobs of this account that an id may mean; none where it can mean no job of it.

    A full name and `KIND/ID` mean one job, an id alone one of either kind.
    """
    full = JobName.parsed(job_id)
    if full is not None:
        return (full,) if full.account == account and _SEGMENT.fullmatch(full.id) else ()
    kind, slash, id_ = job_id.rpartition("/")
    if not _SEGMENT.fullmatch(id_):
        return ()
    kinds = [known for known in Kind if kind == known.value or not slash]
    return tuple(JobName(account=account, kind=known, id=id_) for known in kinds)


def is_id(text: str) -> bool:
    """Whether Fireworks takes this as the id of something new."""
    return len(text) <= MAX_ID and bool(_ID.fullmatch(text))


def is_account(text: str) -> bool:
    """Whether this can be the id of an account."""
    return bool(_SEGMENT.fullmatch(text))


def is_model(text: str) -> bool:
    """Whether this can name a model: by its id in the library, or in full."""
    found = _FULL.fullmatch(text)
    if found is not None:
        return found["kind"] == "models"
    return len(text) <= MAX_ID and bool(_MODEL.fullmatch(text))


def is_dataset(text: str) -> bool:
    """Whether this can name a dataset: by its id in the account, or in full."""
    found = _FULL.fullmatch(text)
    return found["kind"] == "datasets" if found is not None else bool(_SEGMENT.fullmatch(text))


def base_model(model: str) -> str:
    """The full name of a model to train on. An id alone is one of the library."""
    return _full(model, LIBRARY, "models")


def owned_model(model: str, account: str) -> str:
    """The full name of a model that a job of this account made."""
    return _full(model, account, "models")


def dataset(reference: str, account: str) -> str:
    """The full name of a dataset. An id alone is one of this account."""
    return _full(reference, account, "datasets")


def output_model(words: str, token: str) -> str:
    """The id of the model a job makes: the user's words, cut to their room, and the token's hash.

    The hash keeps two versions of a spec from making models of the same name.
    """
    return f"{words[:SUFFIX_ROOM].rstrip('-')}-{token[-TOKEN_HASH_LENGTH:]}"


def owner(name: str) -> str | None:
    """The account in a full name; None where there is none."""
    found = _FULL.fullmatch(name)
    return found["account"] if found else None


def last(name: str) -> str:
    """The id at the end of a name."""
    return name.rpartition("/")[2]


def _full(name: str, account: str, kind: str) -> str:
    return name if name.startswith("accounts/") else f"accounts/{account}/{kind}/{name}"
