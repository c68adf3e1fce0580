"""git as a program that asks nobody, tells no secret and runs no code but its own.

`writeback` calls it. It decides nothing: it runs one command and says how that went. It never reads
this process's environment (it is handed one), and never lets a URL's password into a message.

No hook of the repository runs. Hooks are a person's checks of a person's commit; on a runner their
tools are often missing, and a commit of generated files must neither fail nor run code for them.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.errors import ReconcilerError

LOCAL_SECONDS = 60.0
NETWORK_SECONDS = 180.0
_TERM_SECONDS = 5.0

_ALWAYS = ("--no-pager", "-c", f"core.hooksPath={os.devnull}")
_SETTINGS = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # looking must not rewrite the index
    "LC_ALL": "C",
    "LANGUAGE": "",
}
_PLACES = frozenset(
    f"GIT_{name}"
    for name in (
        *("DIR", "WORK_TREE", "INDEX_FILE", "PREFIX", "COMMON_DIR", "NAMESPACE"),
        *("OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES", "CURL_VERBOSE"),
    )
)
"""What a hook that called us would have us work on, and what would print headers."""

_PASSWORD = re.compile(r"(?<=://)[^/\s]*@")
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f]")
_TELLING = re.compile(r"^(remote|fatal|error|ERROR): *(?! *failed to push some refs)(\S.*)")
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a command went. `text` is its stdout; bytes that are no UTF-8 are kept by escapes."""

    code: int
    text: str
    errors: str

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked to."""
        return self.code == 0

    @property
    def words(self) -> str:
        """What git and the remote say went wrong, on one line, with no password in it."""
        matches = map(_TELLING.match, self.errors.splitlines())
        found = [match[2].rstrip() for match in matches if match]
        said = "; ".join(dict.fromkeys(found)) or f"git says no more (exit code {self.code})"
        return _CONTROL.sub("", redacted(said))[:_LONGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """git in one folder, with one environment."""

    root: Path
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def with_index(self, path: Path) -> Git:
        """The same with an index of its own: the one of the checkout is not opened.

        An index in a file of its own has no use for a watcher or for a shared half.
        """
        settings = ("core.fsmonitor=false", "core.splitIndex=false", "core.safecrlf=false")
        options = tuple(part for setting in settings for part in ("-c", setting))
        return replace(self, options=options, variables={"GIT_INDEX_FILE": str(path)})

    def run(
        self,
        *arguments: str,
        stdin: str = "",
        seconds: float = LOCAL_SECONDS,
        variables: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run one command to its end, whatever its exit code.

        Raises ReconcilerError where there is no git, and when it takes longer than `seconds`.
        """
        command = ["git", *_ALWAYS, *self.options, *arguments]
        settings = {**_SETTINGS, **self.variables, **(variables or {})}
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; names stand behind `--` or a ref
                command,
                cwd=self.root,
                env={**_clean(self.environment), **settings},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # no terminal for ssh to ask on
            )
        except OSError as error:
            raise ReconcilerError(
                f"git cannot be run: {error.strerror}", hint="install git, or leave write-back out"
            ) from None
        try:
            out, err = process.communicate(_bytes(stdin), timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            raise ReconcilerError(
                f"git {arguments[0]} did not end within {seconds:.0f} seconds",
                hint="look at the remote and at the disk, then run the command again",
            ) from None
        except BaseException:
            _end(process)
            raise
        return Answer(code=process.returncode, text=_text(out), errors=_text(err))

    def read(
        self, *arguments: str, stdin: str = "", variables: Mapping[str, str] | None = None
    ) -> str:
        """The stdout of a command that has no reason to fail. Raises ReconcilerError if it does."""
        answer = self.run(*arguments, stdin=stdin, variables=variables)
        if not answer.ok:
            raise ReconcilerError(
                f"git {arguments[0]}: {answer.words}", hint="git status and git fsck may tell more"
            )
        return answer.text


def redacted(text: str) -> str:
    """The text with `***` in place of who and what a URL says in front of its host."""
    return _PASSWORD.sub("***@", text)


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name not in _PLACES and not name.startswith("GIT_TRACE")
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and what it has started, which may hold our pipes. Asked first, it removes locks."""
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        try:
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.communicate(timeout=_TERM_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
