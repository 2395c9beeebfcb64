"""`watermain listen`: the endpoint of webhooks."""

from __future__ import annotations

from typing import Annotated

import typer
import uvicorn

from watermain.cli.screen import ERR
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.outside.web import Webhook
from watermain.engine.rooms.connections import connections
from watermain.engine.rooms.directory import everything
from watermain.process.door import HostDoor
from watermain.record.tally import OTHER_HOST, AuditTally
from watermain.settings import load_settings
from watermain.source.outside import Outside
from watermain.source.webhook.patience import PatientProtocol
from watermain.source.webhook.webhook_server import endpoint


def listen(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 3080,
) -> None:
    """Take the events of every declared webhook: signature proved, on the disk, and then 202."""
    datasets = [d for d in everything().values() if isinstance(d.source, Webhook)]
    if not datasets:
        raise InvalidDeclarationError(
            "no dataset is declared with a webhook",
            declared="raw.py of a room",
            data="nothing was started",
            next="declare a raw dataset with `Webhook(path=..., secret=...)`",
        )
    settings = load_settings()
    tally = AuditTally.of(settings)
    app = endpoint(datasets, Outside(settings, connections()), tally.add)
    for route in app.routes:
        ERR.print(f"POST http://{host}:{port}{getattr(route, 'path', '')}", markup=False)
    door = HostDoor(app, (host, *settings.host_names), lambda _: tally.add(OTHER_HOST))
    serve(door, host, port)


def serve(app: object, host: str, port: int) -> None:
    """Serve with one bounded process until it is told to stop."""
    uvicorn.run(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        http=PatientProtocol,
        workers=1,
        access_log=False,
        log_level="warning",
        limit_concurrency=1024,
        backlog=1024,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
    )
