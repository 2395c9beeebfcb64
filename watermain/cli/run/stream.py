"""`watermain stream`: datasets captured without end."""

from __future__ import annotations

import signal
import threading
import uuid
from datetime import timedelta
from typing import Annotated

import typer

from watermain.cli.named import named
from watermain.cli.screen import ERR
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.capture.follow import Follower, follows
from watermain.engine.capture.stream import PREFIX, Pace, Stream, run_streams
from watermain.engine.feature.keep_online import keep_online
from watermain.engine.publish.publication import Job
from watermain.engine.rooms.connections import connections
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.directory import declared, find
from watermain.lake.lake import Lake
from watermain.metrics import Metrics
from watermain.settings import project


def stream(
    names: Annotated[list[str], typer.Argument(help="Rooms, or datasets as declared.")],
    every: Annotated[float, typer.Option(help="Seconds after which it commits.")] = 1.0,
    rows: Annotated[int, typer.Option(min=1, help="Rows after which it commits sooner.")] = 50_000,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
) -> None:
    """Capture datasets as their rows arrive, and compute what follows, until told to stop."""
    stop, metrics = threading.Event(), Metrics()
    streams = endless(chosen(names), Pace(rows=rows, every=timedelta(seconds=every)), stop, metrics)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    end = metrics.serve(metrics_port) if metrics_port is not None else None
    try:
        run_streams(streams, stop)
    finally:
        if end is not None:
            end()
    ERR.print("stopped")


def endless(
    asked: list[Dataset], pace: Pace, stop: threading.Event, metrics: Metrics
) -> list[Stream | Follower]:
    """A stream for each captured dataset, and one follower for all that are computed."""
    job = Job(
        lake=Lake.from_settings(),
        find=find,
        run_id=f"{PREFIX}{uuid.uuid4()}",
        connections=connections(),
    )
    found: list[Stream | Follower] = []
    followed = [d for d in asked if follows(d)]
    for dataset in asked:
        tell(f"{'following' if dataset in followed else 'streaming'} {dataset.name}")
        if dataset not in followed:
            found.append(
                Stream(dataset=dataset, job=job, pace=pace, stop=stop, metrics=metrics, tell=tell)
            )
    if followed:
        found.append(Follower(datasets=followed, job=job, stop=stop, tell=tell, after=keep_online))
    return found


def tell(text: str) -> None:
    """Say something on stderr."""
    ERR.print(text, markup=False)


def chosen(names: list[str]) -> list[Dataset]:
    """The datasets that rooms or names stand for: captured, or computed at a stream's pace.

    Raises: UnknownDatasetError or InvalidDeclarationError.
    """
    found = []
    for name in names:
        asked = declared(name) if name in teams() else (named(name),)
        taken = [d for d in asked if follows(d) or d.is_captured]
        if not taken:
            raise InvalidDeclarationError.nothing_happened(
                f"`{name}` has nothing to capture, nothing that follows a stream",
                declared=asked[0].declared if asked else f"{project().rooms}/{name}/raw.py",
                next=f"name a room among {', '.join(teams())}, or a raw dataset",
            )
        found += taken
    return list({d.name: d for d in found}.values())
