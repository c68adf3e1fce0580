"""`reconcile output NAME`: a model id, alone on stdout, for `$(…)`."""

from __future__ import annotations

import click

from reconciler.cli.main import FAILED, OK
from reconciler.cli.options import given, global_options
from reconciler.model import JobStatus


@click.command("output")
@click.argument("name")
@click.option(
    "--current",
    is_flag=True,
    help="Only the model of what the spec asks for now, not an older one.",
)
@global_options
@click.pass_context
def command(context: click.Context, name: str, *, current: bool) -> int:
    """Print the fine-tuned model to use for a spec: the newest that succeeded.

    Reads the state and asks no provider. Exits with 1, printing nothing on stdout, if there is
    no such model.
    """
    from reconciler import status
    from reconciler.cli.session import reconciler
    from reconciler.engine import find_spec

    options = given(context)
    with reconciler(options, "output", offline=True) as session:
        state = session.store.read().state
        spec = find_spec(session.current(session.load(), state), name)
    record = state.records.get(spec.token)
    if not current:
        record = status.last_succeeded(status.records_of(spec, state))
    job = record.job if record else None
    if job is None or job.status is not JobStatus.SUCCEEDED or not job.fine_tuned_model:
        what = f"its job is {job.status.value}" if job else "it has no job yet"
        click.echo(f"error: there is no model of {name}: {what}", err=True)
        click.echo("       reconcile apply --wait brings it", err=True)
        return FAILED
    if options.json:
        import json

        document = {
            "apiVersion": status.API_VERSION,
            "kind": "Output",
            "name": name,
            "fine_tuned_model": job.fine_tuned_model,
            "job_id": job.id,
        }
        click.echo(json.dumps(document))
    else:
        click.echo(job.fine_tuned_model)
    return OK
