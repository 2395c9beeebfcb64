"""`watermain tend`: services that die are started again."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from watermain.declare.errors import UnreachableSystemError
from watermain.process.platform import LIVE, TEND, Services
from watermain.process.rotation import rotate_logs
from watermain.settings import load_settings

PAUSE_SECONDS = 2.0
MOST_RESTARTS = 5
WINDOW_SECONDS = 600.0

Tell = Callable[[str], None]


def tend(
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
) -> None:
    """Start again every service that dies, until `watermain down`."""
    if metrics_port is not None:
        measure(metrics_port)
    watch(Services(load_settings()), lambda text: typer.echo(f"{datetime.now(UTC):%F %T} {text}"))


def measure(port: int) -> None:
    """Serve metrics of every captured dataset beside the caller's work."""
    from watermain.engine.rooms.connections import connections
    from watermain.lake.follower import BatchCounter
    from watermain.lake.lake import Lake
    from watermain.metrics import Metrics
    from watermain.orchestrate.location import everything
    from watermain.settings import load_settings

    metrics = Metrics()
    metrics.serve(port)
    follower = BatchCounter(
        Lake.from_settings(), [*everything().values()], load_settings(), metrics, connections()
    )
    threading.Thread(target=follower.run, args=(threading.Event(),), daemon=True).start()


def watch(platform: Services, tell: Tell) -> None:
    """Look after the services until the process table is empty.

    Guarantees: a service that dies MOST_RESTARTS times within WINDOW_SECONDS is given up.
    """
    restarts: dict[str, list[float]] = defaultdict(list)
    while set(platform.supervisor.entries()) - {TEND}:
        try:
            with platform.supervisor.alone():
                _mend(platform, restarts, tell)
        except UnreachableSystemError as error:
            if not error.declared.startswith("the lock"):
                tell(str(error).replace("\n", " "))
        rotate_logs(platform.settings.home, platform.settings.log_megabytes << 20)
        time.sleep(PAUSE_SECONDS)


def _mend(platform: Services, restarts: dict[str, list[float]], tell: Tell) -> None:
    supervisor = platform.supervisor
    if not platform.settings.postgres and platform.server.running() is None:
        tell("PostgreSQL had died; it is started again")
        platform.server.start()
    if platform.demo_server.data.exists() and supervisor.alive(LIVE) is not None:
        platform.demo_server.start()
    for entry in supervisor.dead():
        if entry.name == TEND:
            continue
        recent = [t for t in restarts[entry.name] if t > time.monotonic() - WINDOW_SECONDS]
        if len(recent) >= MOST_RESTARTS:
            tell(f"{entry.name} died {MOST_RESTARTS} times; it stays down, see {entry.log}")
            supervisor.forget(entry.name)
            continue
        restarts[entry.name] = [*recent, time.monotonic()]
        started = platform.start(entry.name)
        tell(f"{entry.name} had died (process {entry.pid}); started again as {started.pid}")
