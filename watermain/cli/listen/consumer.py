"""`watermain consumer`: who may ask the feature server."""

from __future__ import annotations

from typing import Annotated

import typer

from watermain.cli.screen import ERR, facts, grid
from watermain.serve.feature_server.consumers import (
    add_consumer,
    keys_path,
    read_consumers,
    remove_consumer,
)
from watermain.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Give, list, take away keys of the feature server.")


@app.command()
def add(
    consumer: Annotated[str, typer.Argument(help="The consumer's name.")],
    rate: Annotated[float, typer.Option(help="Requests a second that it may make.")] = 100.0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Give a new key; the old one ends.")
    ] = False,
) -> None:
    """Make a key for a consumer; it is printed once and kept nowhere."""
    path = keys_path(load_settings())
    typer.echo(add_consumer(path, consumer, rate, replace=replace))
    ERR.print(f"{consumer}: {rate:g} requests a second; only a print of the key is in {path}")


@app.command("list")
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """List the consumers and their rates."""
    rows = [(n, c.rate) for n, c in sorted(read_consumers(keys_path(load_settings())).items())]
    if as_json:
        facts([{"consumer": name, "rate": rate} for name, rate in rows])
    else:
        grid(["consumer", "requests a second"], [(name, f"{rate:g}") for name, rate in rows])


@app.command()
def remove(consumer: Annotated[str, typer.Argument(help="The consumer's name.")]) -> None:
    """Take a consumer's key away; a running server refuses it a second later."""
    remove_consumer(keys_path(load_settings()), consumer)
