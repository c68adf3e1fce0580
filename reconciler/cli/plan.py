"""`reconcile plan`: what would happen, why and at what cost, with nothing called but reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import choices
from reconciler.cli.main import CHANGES, FAILED, OK
from reconciler.cli.options import Options, given, global_options
from reconciler.errors import ConfigError

if TYPE_CHECKING:
    from reconciler.engine import Reconciler, Request
    from reconciler.model import Plan


@click.command("plan")
@choices.selection
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the plan in this file, for apply --plan.",
)
@click.option("--refresh", is_flag=True, help="Look at jobs that are over, too.")
@click.option("--offline", is_flag=True, help="Ask no provider; needs no key and no network.")
@click.option("--prune", is_flag=True, help="Include what apply --prune would cancel.")
@choices.limits
@choices.exact
@choices.on_unknown
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 4 if apply would change anything."
)
@global_options
@click.pass_context
def command(  # noqa: PLR0913 - one parameter per option
    context: click.Context,
    paths: tuple[str, ...],
    *,
    labels: tuple[str, ...],
    out: Path | None,
    refresh: bool,
    offline: bool,
    prune: bool,
    max_creates: int | None,
    max_cost: float | None,
    exact: bool,
    on_unknown: str,
    detailed_exitcode: bool,
) -> int:
    """Show what apply would do to each spec, why, and what it would cost. Changes nothing.

    PATHS are spec files, folders, or names of specs; all by default.
    """
    from reconciler.cli.session import reconciler
    from reconciler.engine import Request
    from reconciler.plan import needs_somebody

    options = given(context)
    request = Request(
        paths=paths,
        labels=labels,
        refresh=refresh,
        offline=offline,
        prune=prune,
        hold_unknown=on_unknown == "hold",
        exact=exact,
        max_creates=max_creates,
        max_cost_usd=max_cost,
    )
    with reconciler(options, "plan", offline=offline) as session:
        decided = session.plan(request)
        _tell(options, session, decided, request)
        if out is not None:
            _keep(out, session, decided, request)
        session.enforce(decided, request)
    if any(needs_somebody(step) for step in decided.steps):
        return FAILED
    return CHANGES if detailed_exitcode and decided.changes_anything else OK


def _tell(options: Options, session: Reconciler, decided: Plan, request: Request) -> None:
    from reconciler.plan import checksum
    from reconciler.report import choose

    budget = session.policy(request).max_cost_usd
    sum_ = checksum(decided)
    text = choose(options.format).plan(
        decided,
        checksum=sum_,
        budget=budget,
        color=options.color,
        width=options.width,
        key=session.config.namespace,
    )
    click.echo(text)
    if options.format == "github":
        from reconciler.cli import github
        from reconciler.report import markdown
        from reconciler.report.github import step_outputs

        github.tell(
            summary=markdown.plan(
                decided, checksum=sum_, budget=budget, key=session.config.namespace
            ),
            outputs=step_outputs(decided, checksum=sum_),
        )


def _keep(out: Path, session: Reconciler, decided: Plan, request: Request) -> None:
    from reconciler import durable, saved_plan

    document = saved_plan.saved(
        decided, request, namespace=session.config.namespace, sandbox=session.sandbox
    )
    try:
        durable.replace_file(out, saved_plan.encode(document))
    except OSError as error:
        raise ConfigError(
            f"{out} cannot be written: {error.strerror}", hint="name another file with --out"
        ) from None
    click.echo(f"kept in {out}; to do just this: reconcile apply --plan {out}", err=True)
