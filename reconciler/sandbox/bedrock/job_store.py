"""The jobs of the sandbox, what has become of them by now, and the models they left.

The handlers of jobs and models share it. A job's record is written when it is created, when it is
stopped or tagged, and once more when its end is first seen: then its results are written to the
sandbox's S3. Names are never free again, as with AWS: there is no way to delete a job.

The last part of an ARN looks random, but is made from the name, so that one write makes both the
job and its name; nobody may rely on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.sandbox.aws import ACCOUNT
from reconciler.sandbox.bedrock import learning
from reconciler.sandbox.bedrock.catalogue import BASE_MODELS, BaseModel, base_model
from reconciler.sandbox.bedrock.course import TERMINAL, Course, lay_out
from reconciler.sandbox.bedrock.wire import invalid, refused
from reconciler.sandbox.exchange import World
from reconciler.sandbox.s3.object_store import ObjectStore
from reconciler.sandbox.store import Collection, Record

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Region:
    """What is kept of one region; `tokens` and `models` point to jobs."""

    jobs: Collection
    tokens: Collection
    models: Collection


class JobStore:
    """All jobs and custom models, by region."""

    def __init__(self, world: World, objects: ObjectStore) -> None:
        self._world = world
        self._objects = objects
        self._folder = world.data_dir / "bedrock"
        self._regions: dict[str, _Region] = {}
        self._settled: set[tuple[str, str]] = set()

    def of_token(self, region: str, token: str | None) -> Record | None:
        """The job that a create with this token has made before."""
        pointer = self._region(region).tokens.load(_digest(token)) if token else None
        job = self._region(region).jobs.load(pointer["job"]) if pointer else None
        return job if job and job["request"].get("clientRequestToken") == token else None

    def add(self, record: Record) -> Record:
        """Store a new job; or the one its token has made before, if another was faster. Refusal."""
        region = self._region(record["region"])
        request = record["request"]
        token = request.get("clientRequestToken")
        earlier: list[Record] = []

        def revision(existing: Record | None) -> Record | None:
            found = self.of_token(record["region"], token)
            if found:
                earlier.append(found)
                return existing
            if existing:
                raise invalid("The provided job name is currently in use.")
            self._check_model_name(record)
            if token:
                region.tokens.put(_digest(token), {"job": record["id"]})
            region.models.put(model_id(record), {"job": record["id"]})
            return record

        region.jobs.revise(record["id"], revision)
        return earlier[0] if earlier else record

    def get(self, region: str, identifier: str) -> Record | None:
        """The job by its name or ARN, settled, or None if there is no such job."""
        is_arn = identifier.startswith("arn:")
        name = identifier.rpartition("/")[2] if is_arn else job_id(identifier)
        record = self._region(region).jobs.load(name)
        if record is None or identifier not in (record["arn"], record["name"]):
            return None
        return self._settle(record)

    def all(self, region: str) -> list[Record]:
        """Every job of a region, settled, oldest first."""
        records = [self._settle(record) for record in self._region(region).jobs.all()]
        return sorted(records, key=lambda record: str(record["made"]))

    def course(self, record: Record) -> Course:
        """The job's whole future."""
        return lay_out(record, self._world.speed)

    def stop(self, record: Record) -> None:
        """Stop a job; Refusal where it is not in progress."""
        self.change(record, self._stopped)

    def change(self, record: Record, change: Callable[[Record], Record]) -> None:
        """Change a job's record while nobody else does."""
        self._region(record["region"]).jobs.update(record["id"], change)

    def model(self, region: str, identifier: str) -> Record | None:
        """The job that left a custom model, by the model's name or ARN; None if there is none."""
        is_arn = identifier.startswith("arn:")
        name = identifier.rpartition("/")[2] if is_arn else _id("model", identifier)
        pointer = self._region(region).models.load(name)
        job = self._region(region).jobs.load(pointer["job"]) if pointer else None
        if job is None or identifier not in (model_arn(job), job["request"]["customModelName"]):
            return None
        return job if self._has_model(self._settle(job)) else None

    def models(self, region: str) -> Iterator[Record]:
        """The jobs of a region that left a model nobody has deleted, oldest first."""
        return (job for job in self.all(region) if self._has_model(job))

    def base_of(self, region: str, identifier: str) -> BaseModel:
        """The foundation model to train, or the one that a custom model was made of. Refusal."""
        base = base_model(identifier)
        if base:
            return base
        job = self.model(region, identifier)
        if job is None:
            raise invalid("The provided model identifier is invalid.")
        return BASE_MODELS[job["base"]]

    def settle(self) -> None:
        """Write the results of all jobs that have ended since somebody looked."""
        if not self._folder.is_dir():
            return
        for folder in self._folder.iterdir():
            jobs = self._region(folder.name).jobs
            for name in jobs.names():
                if (folder.name, name) not in self._settled and (record := jobs.get(name)):
                    self._settle(record)

    def _settle(self, record: Record) -> Record:
        if not record["settled"] and self.course(record).status(self._world.clock()) in TERMINAL:
            changed = self._region(record["region"]).jobs.update(record["id"], self._ended)
            record = changed or record
        if record["settled"]:
            self._settled.add((record["region"], record["id"]))
        return record

    def _ended(self, record: Record) -> Record:
        """The record with its end written down; under the lock, so it is done once."""
        course = self.course(record)
        if record["settled"] or course.status(self._world.clock()) not in TERMINAL:
            return record
        if course.outcome == "Completed":
            bucket, prefix = split(record["request"]["outputDataConfig"]["s3Uri"])
            for name, content in learning.result_files(record).items():
                key = f"{prefix.rstrip('/')}/{name}".lstrip("/")
                self._objects.write(bucket, key, content, "text/csv")
        return {**record, "speed": record["speed"] or self._world.speed, "settled": True}

    def _stopped(self, record: Record) -> Record:
        now = self._world.clock()
        status = self.course(record).status(now)
        if status != "InProgress":
            raise refused(
                "ConflictException",
                f"The job {record['arn']} cannot be stopped because its status is {status}.",
            )
        return {**record, "stopped_at": now, "speed": self._world.speed}

    def _check_model_name(self, record: Record) -> None:
        """Refuse the name of a model that is there or on its way; AWS's own words are not known."""
        pointer = self._region(record["region"]).models.load(model_id(record))
        other = self._region(record["region"]).jobs.load(pointer["job"]) if pointer else None
        if other is None or other["model_deleted"]:
            return
        if self.course(other).status(self._world.clock()) not in ("Failed", "Stopped"):
            raise invalid("The provided custom model name is currently in use.")

    def _has_model(self, record: Record) -> bool:
        status = self.course(record).status(self._world.clock())
        return status == "Completed" and not record["model_deleted"]

    def _region(self, name: str) -> _Region:
        if name not in self._regions:
            folder = self._folder / name
            self._regions[name] = _Region(
                jobs=Collection(folder / "jobs"),
                tokens=Collection(folder / "tokens"),
                models=Collection(folder / "models"),
            )
        return self._regions[name]


def job_id(name: str) -> str:
    """The last part of the ARN of the job by a name."""
    return _id("job", name)


def model_id(record: Record) -> str:
    """The last part of the ARN of a job's model."""
    return _id("model", record["request"]["customModelName"])


def job_arn(region: str, base: BaseModel, name: str) -> str:
    """The ARN of the job by a name."""
    return f"arn:aws:bedrock:{region}:{ACCOUNT}:model-customization-job/{base.id}/{job_id(name)}"


def model_arn(record: Record) -> str:
    """The ARN that a job's model has once it exists."""
    path = f"custom-model/{record['base']}/{model_id(record)}"
    return f"arn:aws:bedrock:{record['region']}:{ACCOUNT}:{path}"


def split(uri: str) -> tuple[str, str]:
    """The bucket and the key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _id(kind: str, name: str) -> str:
    number = int.from_bytes(hashlib.sha256(f"{kind} {name}".encode()).digest())
    out = []
    for _ in range(_ID_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        out.append(_ALPHABET[digit])
    return "".join(out)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
