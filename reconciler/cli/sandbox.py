"""`reconcile sandbox`: the local providers, served to anyone on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.main import OK
from reconciler.cli.options import global_options


@click.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".reconciler/sandbox/providers"),
    show_default=True,
    help="Where jobs and files are kept.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="How many times faster than usual jobs run; usual is about ten seconds.",
)
@click.option("--fault", "faults", multiple=True, help="Misbehave, such as create=drop-after,x1.")
@global_options
def command(port: int, data_dir: Path, speed: float, faults: tuple[str, ...]) -> int:
    """Serve the fine-tuning APIs of OpenAI, Bedrock and Fireworks locally, until Ctrl-C.

    OpenAI is at /v1, Fireworks at /v1/accounts/sandbox, Bedrock at / and S3 at /s3. They refuse
    what the providers refuse, with their words; jobs take seconds and cost nothing. Any client can
    use it: OPENAI_BASE_URL=http://127.0.0.1:8080/v1 and any OPENAI_API_KEY, for one.
    """
    from reconciler.sandbox import faults as fault
    from reconciler.sandbox import server

    server.run_forever(
        data_dir,
        port=port,
        speed=speed,
        faults=[fault.parse(text) for text in faults],
        on_ready=lambda url: click.echo(f"sandbox: {url} (data in {data_dir})", err=True),
    )
    return OK
