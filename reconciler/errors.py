"""The one exception tree, and the problem a person can act on.

    ReconcilerError
    ├── ConfigError              the command line, the environment or reconciler.yaml
    ├── SpecError                specs or datasets; carries every Problem found
    ├── PolicyError              the plan breaks a rule of this repository
    ├── StateError
    │   ├── StateLocked          another run holds the lock
    │   ├── StateConflict        the state moved under our feet
    │   └── StateFormat          damaged, merged, foreign or newer than this program
    └── ProviderError
        ├── ProviderUnavailable  could not look, so nothing is known
        ├── ProviderAuthError    refused to let us look
        ├── CreateRejected       surely no job was created
        └── CreateOutcomeUnknown a job may or may not have been created

Every layer may raise these; only `reconciler.cli` turns one into words and an exit code. A message
says what, which, and what to do next. It never holds a key, a header or a signed URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a problem is: an error stops everything, a warning is told and stops nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in one file. `line` and `column` count from 1; 0 means the file as a whole.

    `rule` names the check of training data that found it, "" for one of a spec; `pointer` is the
    way to the value inside a line of JSON, as RFC 6901 writes it.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    rule: str = ""
    pointer: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        warning = "warning: " if self.severity is Severity.WARNING else ""
        return f"{place}: {warning}{self.message}" + (f" ({self.hint})" if self.hint else "")


class Remedy(StrEnum):
    """What it takes before a refused create is worth sending again."""

    RETRY_NOW = "retry-now"
    RETRY_LATER = "retry-later"
    FIX_SPEC = "fix-spec"
    FIX_ACCOUNT = "fix-account"


class ReconcilerError(Exception):
    """Anything this program says no to. `hint` is what the user can do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigError(ReconcilerError):
    """The command line, the environment or reconciler.yaml is wrong."""


class SpecError(ReconcilerError):
    """Specs or datasets are invalid. `problems` holds all of them, of all files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PolicyError(ReconcilerError):
    """The plan as a whole breaks a rule; nothing was called."""


class StateError(ReconcilerError):
    """The state cannot be used as it is. It was left untouched."""


class StateLocked(StateError):
    """Another run holds the lock."""


class StateConflict(StateError):
    """Someone else wrote the state since we read it."""


class StateFormat(StateError):
    """The state is damaged, foreign, or of a newer version. Never read as empty."""


class ProviderError(ReconcilerError):
    """A provider said no, or nothing."""


class ProviderUnavailable(ProviderError):
    """Could not look or could not reach: nothing is known, nothing may be concluded."""


class ProviderAuthError(ProviderError):
    """The provider does not accept our credentials for this call."""


class CreateRejected(ProviderError):
    """The provider surely created no job.

    `code` is the provider's own word. `retry_after` counts seconds from now until a second try
    makes sense, None where the provider does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: Remedy,
        code: str = "",
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.remedy = remedy
        self.code = code
        self.retry_after = retry_after


class CreateOutcomeUnknown(ProviderError):
    """A job may exist. Only looking for its token can tell; sending again could pay twice."""
