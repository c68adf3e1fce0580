"""`apply --write-back`: the sidecars of a pass, and a state kept in git, committed and pushed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import revision
from reconciler.config import FileStateSettings
from reconciler.errors import ConfigError

if TYPE_CHECKING:
    from reconciler.engine import PassResult, Reconciler

CHECKED_OUT = ""
"""Stands for `--write-back` without a branch: the one that the checkout is of."""


def write_back(session: Reconciler, result: PassResult, branch: str) -> None:
    """Commit and push what the specs of this pass have written; a line on stderr says what became.

    All of their sidecars are handed over, not only those that this pass changed: a run that was
    killed before its push is made up for by the next. Raises ConfigError without a branch, and what
    `writeback.write_back` raises.
    """
    from reconciler import writeback

    root = session.config.root
    target = branch or revision.branch(os.environ, root)
    if target is None:
        raise ConfigError(
            "nothing says which branch this checkout is of",
            hint="name it: --write-back=main",
        )
    written = writeback.write_back(
        root,
        _files(session, result),
        environment=os.environ,
        sleep=time.sleep,
        state=result.state,
        remote=revision.remote(root, target),
        branch=target,
    )
    if written.commit is None:
        why = "" if written.note else f": {written.branch} holds every byte"
        click.echo(f"nothing to write back{why}", err=True)
    else:
        where = "pushed to" if written.pushed else "committed to"
        click.echo(f"{where} {written.branch}: {written.commit[:12]}", err=True)
    if written.note:
        click.echo(written.note, err=True)


def _files(session: Reconciler, result: PassResult) -> list[Path]:
    from reconciler import status

    root = session.config.root
    files = [status.sidecar_path(root, spec) for spec in result.specs]
    files += [
        file.with_name(f"{former}{status.SUFFIX}")
        for spec, file in zip(result.specs, tuple(files), strict=True)
        for former in spec.previous_names
    ]
    settings = session.config.state
    if isinstance(settings, FileStateSettings) and not session.sandbox:
        files.append(root / settings.path)
    return files
