"""`watermain console`: pages on which a person sees how the data stand."""

from __future__ import annotations

from typing import Annotated

import typer

from watermain.console.serving import HOST, serve
from watermain.settings import load_settings


def console(
    port: Annotated[
        int | None, typer.Option(help="The port on 127.0.0.1.", min=1, max=65535)
    ] = None,
) -> None:
    """Serve pages on which promises, alerts and datasets are seen; they change nothing.

    `watermain up` starts it.
    """
    settings = load_settings()
    listening = port or settings.console_port
    typer.echo(f"http://{HOST}:{listening}", err=True)
    serve(settings, listening)
