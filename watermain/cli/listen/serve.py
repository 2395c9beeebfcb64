"""`watermain serve`: online features over HTTP."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Annotated

import typer

from watermain.cli.screen import ERR
from watermain.declare.errors import InvalidDeclarationError, MissingSettingError
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.directory import everything, feature_sets
from watermain.process.door import HostDoor
from watermain.record.tally import OTHER_HOST, AuditTally, Denial
from watermain.serve.feature_server.application import application
from watermain.serve.feature_server.asking import Asking
from watermain.serve.feature_server.catalog import Catalog
from watermain.serve.feature_server.consumers import Doorkeeper, keys_path
from watermain.serve.feature_server.opening import reader_of
from watermain.serve.feature_server.process import run
from watermain.settings import Settings, load_settings


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 3090,
    is_open: Annotated[
        bool, typer.Option("--open", help="Ask for no keys; on the loopback address alone.")
    ] = False,
) -> None:
    """Answer questions for the newest features of entities, out of the online store."""
    settings = load_settings()
    catalog = served_catalog()
    tally = AuditTally.of(settings)
    door = None if is_open else doorkeeper(settings, tally.add)
    if is_open:
        check_loopback(host)
    app = application(Asking(catalog, reader_of(settings), door))
    ERR.print(f"POST http://{host}:{port}/v1/features", markup=False)
    run(HostDoor(app, (host, *settings.host_names), lambda _: tally.add(OTHER_HOST)), host, port)


def served_catalog() -> Catalog:
    """Every feature table that is kept online, and every feature set.

    Raises: InvalidDeclarationError, when there is no table.
    """
    catalog = Catalog(everything(), {team: feature_sets(team) for team in teams()})
    if not catalog.tables:
        raise InvalidDeclarationError(
            "no feature table is kept online",
            declared="features.py of a room",
            data="nothing was started",
            next="declare a feature table with `Feature(..., online=Online())`",
        )
    return catalog


def doorkeeper(settings: Settings, denied: Callable[[Denial], None] = lambda _: None) -> Doorkeeper:
    """Who lets consumers in.

    Raises: MissingSettingError, when there are none.
    """
    path = keys_path(settings)
    door = Doorkeeper(path, denied=denied)
    if not door.known():
        raise MissingSettingError(
            "no consumer may ask the feature server",
            declared=str(path),
            data="nothing was started",
            next="watermain consumer add NAME  (or `--open`, on the loopback address alone)",
        )
    return door


def check_loopback(host: str) -> None:
    """Refuse to ask for no keys where others can reach the server.

    Raises: MissingSettingError.
    """
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise MissingSettingError(
            f"`--open` would answer everybody who reaches {host}",
            declared="--open",
            data="nothing was started",
            next="leave `--open` out, or listen on 127.0.0.1",
        )
