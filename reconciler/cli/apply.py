"""`reconcile apply`: one pass, or passes until every job has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import choices
from reconciler.cli.main import FAILED
from reconciler.cli.options import Options, given, global_options
from reconciler.cli.verdict import approval, verdict
from reconciler.cli.writing_back import CHECKED_OUT
from reconciler.errors import ConfigError, PolicyError
from reconciler.model import Action, Outcome, Plan

if TYPE_CHECKING:
    from reconciler.engine import PassResult, Reconciler, Request
    from reconciler.saved_plan import SavedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wishes:
    """What one apply is to do beside its passes."""

    reviewed: SavedPlan | None
    wait: bool
    timeout: float | None
    delete_models: bool
    write_back: str | None
    yes: bool


@click.command("apply")
@choices.selection
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Do exactly what plan --out kept in this file, or nothing.",
)
@click.option("--wait", is_flag=True, help="Go on until every job has ended.")
@click.option(
    "--timeout",
    metavar="DURATION",
    callback=choices.seconds,
    help="Stop waiting after this long, such as 30m.",
)
@choices.limits
@choices.exact
@click.option("--refresh", is_flag=True, help="Look at jobs that are over, too.")
@click.option(
    "--refresh-only",
    is_flag=True,
    help="Only look at jobs and write what is new: create and cancel nothing.",
)
@click.option("--prune", is_flag=True, help="Cancel running jobs whose spec is gone and says so.")
@click.option(
    "--delete-models",
    is_flag=True,
    help="With --prune: delete the models of specs that are gone and said so.",
)
@choices.on_unknown
@click.option(
    "--write-back",
    is_flag=False,
    flag_value=CHECKED_OUT,
    metavar="[BRANCH]",
    help="Commit the sidecars, and a state kept in git, and push them.",
)
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@global_options
@click.pass_context
def command(  # noqa: PLR0913 - one parameter per option
    context: click.Context,
    paths: tuple[str, ...],
    *,
    labels: tuple[str, ...],
    plan_file: Path | None,
    wait: bool,
    timeout: float | None,
    max_creates: int | None,
    max_cost: float | None,
    exact: bool,
    refresh: bool,
    refresh_only: bool,
    prune: bool,
    delete_models: bool,
    on_unknown: str,
    write_back: str | None,
    yes: bool,
) -> int:
    """Create the jobs that are missing, adopt those that are found, write the sidecars.

    PATHS are spec files, folders, or names of specs; all by default. Asks before it spends only in
    a terminal; in CI and in the sandbox it never asks.
    """
    from reconciler.cli.session import reconciler
    from reconciler.engine import Request

    options = given(context)
    if delete_models:
        _may_delete_models(prune=prune, planned=plan_file is not None)
    request = Request(
        paths=paths,
        labels=labels,
        refresh=refresh or refresh_only,
        refresh_only=refresh_only,
        prune=prune,
        hold_unknown=on_unknown == "hold",
        exact=exact,
        max_creates=max_creates,
        max_cost_usd=max_cost,
    )
    reviewed = None
    if plan_file is not None:
        reviewed = _reviewed(plan_file)
        request = _as_reviewed(request, reviewed, plan_file)
    wishes = _Wishes(
        reviewed=reviewed,
        wait=wait,
        timeout=timeout,
        delete_models=delete_models,
        write_back=write_back,
        yes=yes,
    )
    with reconciler(options, "apply") as session:
        return _apply(session, request, options, wishes)


def _may_delete_models(*, prune: bool, planned: bool) -> None:
    """Raises ConfigError where --delete-models cannot be meant."""
    if planned:
        raise ConfigError(
            "--delete-models deletes what no plan shows", hint="run it without --plan"
        )
    if not prune:
        raise ConfigError("--delete-models goes with --prune", hint="add --prune")


def _apply(session: Reconciler, request: Request, options: Options, wishes: _Wishes) -> int:
    first = partial(session.run_once, request, approve=_approved(session, request, options, wishes))
    tell = partial(_tell, options)
    if wishes.wait:
        from reconciler.cli.waiting import wait

        # What follows by itself was not reviewed: a reviewed plan is only waited for.
        reviewed = wishes.reviewed is not None
        later = replace(request, refresh_only=True) if reviewed else request
        again = partial(session.run_once, later)
        result, ended = wait(session, options, (first, again), wishes.timeout, tell)
    else:
        result, ended = first(), True
        tell(result.outcomes)
    if wishes.delete_models:
        ended = _delete_models(session, result, tell) and ended
    if wishes.write_back is not None:
        from reconciler.cli.writing_back import write_back

        write_back(session, result, wishes.write_back)
    return verdict(result) if ended else FAILED


def _approved(
    session: Reconciler, request: Request, options: Options, wishes: _Wishes
) -> Callable[[Plan], None]:
    """Hold the plan against what was reviewed, then ask whoever has to be asked."""
    reviewed = wishes.reviewed
    ask = approval(options, yes=wishes.yes, budget=session.policy(request).max_cost_usd)
    if reviewed is None:
        return ask

    def hold_against(decided: Plan) -> None:
        from reconciler import saved_plan

        now = saved_plan.saved(
            decided, request, namespace=session.config.namespace, sandbox=session.sandbox
        )
        if differences := saved_plan.moved(reviewed, now):
            raise PolicyError(
                "this is not what was reviewed any more: " + "; ".join(differences),
                hint="plan again, have that reviewed, and apply it",
            )
        ask(decided)

    return hold_against


def _reviewed(file: Path) -> SavedPlan:
    from reconciler import saved_plan

    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}", hint="reconcile plan --out writes one"
        ) from None
    return saved_plan.decode(data, str(file))


def _as_reviewed(given_: Request, reviewed: SavedPlan, file: Path) -> Request:
    """What the plan was made for, with limits that may be lowered once more."""
    request = reviewed.request
    limits = replace(
        request,
        max_creates=given_.max_creates,
        max_cost_usd=given_.max_cost_usd,
        offline=False,
        refresh_only=given_.refresh_only,
        hold_unknown=given_.hold_unknown or request.hold_unknown,
    )
    asked = replace(given_, refresh=request.refresh, exact=request.exact)
    same = (asked.paths, asked.labels, asked.prune) in (
        ((), (), False),
        (request.paths, request.labels, request.prune),
    )
    if not same:
        raise ConfigError(
            f"{file} says itself which specs it is about, and whether to prune",
            hint="leave out PATHS, --label and --prune",
        )
    return limits


def _delete_models(
    session: Reconciler, result: PassResult, tell: Callable[[Sequence[Outcome]], None]
) -> bool:
    """Delete the models of orphans that allow it; whether all went well."""
    from reconciler import lifecycle
    from reconciler.model import Result

    orphans = [step.record for step in result.plan.of(Action.ORPHAN, Action.CANCEL) if step.record]
    outcomes = lifecycle.prune_models(session, orphans)
    if outcomes:
        tell(outcomes)
    return all(outcome.result is not Result.FAILED for outcome in outcomes)


def _tell(options: Options, outcomes: Sequence[Outcome]) -> None:
    from reconciler.report import choose

    report = choose(options.format)
    click.echo(report.pass_result(outcomes, color=options.color, width=options.width))
    if options.format == "github":
        from reconciler.cli import github
        from reconciler.report import markdown
        from reconciler.report.github import pass_outputs

        github.tell(summary=markdown.pass_result(outcomes), outputs=pass_outputs(outcomes))
