"""`watermain observe export`: a folder of rules for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.outlet_file import written_to
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.promises import promises
from watermain.observe.export.folder import dashboard_files, prometheus_files, write
from watermain.observe.export.prometheus.configured import JOB
from watermain.observe.export.prometheus.promise_rules import silent
from watermain.settings import load_settings

USUAL_PORT = 9190


def export(
    to: Annotated[Path, typer.Argument(help="A folder, made where it is missing.")],
    dashboards: Annotated[
        bool, typer.Option(help="Draw dashboards, for which the extra `grafana` is needed.")
    ] = True,
    serve_target: Annotated[
        float | None,
        typer.Option(
            help="Rules for the feature server, too: the share of its answers that shall be good.",
            min=0.5,
            max=0.99999,
        ),
    ] = None,
) -> None:
    """Write rules, dashboards and settings for Prometheus, Alertmanager and Grafana."""
    settings = load_settings()
    found = promises(settings.home, teams()).promises
    ports = {JOB: settings.metrics_port or USUAL_PORT}
    files = prometheus_files(found, ports, serve_target)
    if dashboards:
        files |= dashboard_files(sorted({each.dataset.team for each in found}))
    with written_to(to):
        made = write(to, files)
    for path in made:
        typer.echo(str(path))
    for sentence in silent(found):
        screen.ERR.print(f"left out  {sentence}", markup=False)
    if not found:
        screen.ERR.print("nothing is promised by a room that was ever loaded: watermain check")
    if settings.metrics_port is None:
        screen.ERR.print(
            f"observe tells no figures yet: set WATERMAIN_METRICS_PORT={USUAL_PORT}, then start it"
            " again: watermain down and watermain up",
            markup=False,
        )
