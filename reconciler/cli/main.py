"""`reconcile`: finds the verb, turns every error into words and an exit code, and leaves.

The table of verbs carries their one-line help, so that `reconcile --help` imports none of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

import click

from reconciler.cli.options import given, global_options
from reconciler.errors import (
    ConfigError,
    PolicyError,
    ReconcilerError,
    SpecError,
    StateError,
)

OK, FAILED, USAGE, INVALID, CHANGES, POLICY, STATE = range(7)
"""The exit codes, as the README lists them."""

INTERRUPTED = 130

VERBS = {
    "validate": "Check specs and datasets offline.",
    "plan": "Show what would happen, and why. Changes nothing.",
    "apply": "Create the missing jobs and write the sidecars.",
    "watch": "Apply on every saved file and every due job, until Ctrl-C.",
    "status": "Show how every job is doing, from the state.",
    "output": "Print the model of a spec, alone on stdout.",
    "events": "Show the events of a job.",
    "metrics": "Show the loss curve of a job.",
    "cancel": "Cancel a running job.",
    "pause": "Pause a running job, where the provider can.",
    "resume": "Let a paused job go on.",
    "adopt": "Tie an existing job to a spec.",
    "resolve": "Settle by hand a create that was never answered.",
    "whence": "Go from a model back to its spec, commit and data.",
    "models": "Show the table of base models.",
    "datasets": "Show what training files hold.",
    "state": "Look into the state, or mend it.",
    "sandbox": "Serve the local providers to anyone.",
}


class Verbs(click.Group):
    """The verbs, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, in the order people meet them."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name."""
        del ctx
        if cmd_name not in VERBS:
            return None
        command = import_module(f"reconciler.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table above; the verbs stay where they are."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=Verbs,
    subcommand_metavar="VERB [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@global_options
@click.version_option(package_name="finetune-reconciler", prog_name="reconcile")
def command() -> None:
    """Keep fine-tuning jobs in step with the specs in a repository.

    Specs are YAML files of kind FineTuningJob. One pass reads them, looks at the state and the
    providers, creates the jobs that are missing and writes a status sidecar beside every spec.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit."""
    code = run(arguments)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        _silence_stdout()
    if code == INTERRUPTED:
        os._exit(code)  # a thread may still be waiting for a provider; its work is on record
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Everything a user should read has been printed."""
    _stop_on_sigterm()
    try:
        with command.make_context("reconcile", list(arguments or sys.argv[1:])) as context:
            try:
                result = command.invoke(context)
            except ReconcilerError as error:
                _explain(error, given(context).format)
                return _code(error)
            return result if isinstance(result, int) else OK
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted: what was sent is on record, the next pass goes on", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return OK


def _code(error: ReconcilerError) -> int:
    match error:
        case ConfigError():
            return USAGE
        case SpecError():
            return INVALID
        case PolicyError():
            return POLICY
        case StateError():
            return STATE
        case _:
            return FAILED


def _explain(error: ReconcilerError, format_: str) -> None:
    if isinstance(error, SpecError) and format_ in ("json", "github"):
        _explain_to_programs(error, format_)
        return
    if isinstance(error, SpecError):
        for problem in error.problems:
            click.echo(str(problem), err=True)
        files = len({problem.file for problem in error.problems})
        click.echo(_counted(len(error.problems), files), err=True)
        return
    if format_ == "json":
        import json

        body = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
        click.echo(json.dumps({"error": body}), err=True)
        return
    click.echo(f"error: {error.message}", err=True)
    if error.hint:
        click.echo(f"       {error.hint}", err=True)


def _explain_to_programs(error: SpecError, format_: str) -> None:
    """What validate would print: a document on stderr, or annotations, which GitHub reads."""
    from reconciler.report import choose

    files = len({problem.file for problem in error.problems})
    click.echo(choose(format_).problems(error.problems, files), err=format_ == "json")


def _counted(problems: int, files: int) -> str:
    return (
        f"{problems} problem{'s' * (problems != 1)} in {files} file{'s' * (files != 1)};"
        " nothing was called"
    )


def _stop_on_sigterm() -> None:
    import signal

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def _silence_stdout() -> None:
    """Let the interpreter flush into nothing when whoever read us has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
