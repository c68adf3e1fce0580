"""The data of a spec, as every provider's rules speak of it: by the field that names it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model import Dataset, JobSpec
from reconciler.providers.base import Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class DataField:
    """A dataset under the name of its field."""

    field: str
    data: Dataset

    @property
    def shown(self) -> str:
        """What a message calls it."""
        return self.data.path or self.data.reference or self.field

    def violation(self, message: str, hint: str = "") -> Violation:
        """A rule that is broken at this field."""
        return Violation(path=("spec", self.field), message=message, hint=hint)


def data_fields(spec: JobSpec) -> tuple[DataField, ...]:
    """A spec's datasets, the training data first, then the validation data if there is any."""
    training = DataField(field="training_file", data=spec.training)
    if spec.validation is None:
        return (training,)
    return (training, DataField(field="validation_file", data=spec.validation))
