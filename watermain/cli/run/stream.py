"""`watermain stream`: datasets captured without end."""

from __future__ import annotations

import signal
import threading
import uuid
from datetime import timedelta
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.run.flow import files_behind, of_rooms_that_load, tell_broken
from watermain.cli.run.renewal import STAY, Renewal, now_ns
from watermain.cli.screen import ERR
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, WatermainError
from watermain.engine.capture.follow import Follower
from watermain.engine.capture.stream import PREFIX, Pace, Stream, run_streams
from watermain.engine.feature.keep_online import keep_online
from watermain.engine.plan.rhythm import follows
from watermain.engine.publish.publication import Job
from watermain.engine.rooms.connections import connections
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.directory import find
from watermain.lake.lake import Lake
from watermain.metrics import Metrics
from watermain.settings import project


def stream(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Rooms, or datasets as declared; none means all that is live."),
    ] = None,
    *,
    every: Annotated[float, typer.Option(help="Seconds after which it commits.")] = 3.0,
    rows: Annotated[int, typer.Option(min=1, help="Rows after which it commits sooner.")] = 50_000,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Print the rooms that do not load, and end.")
    ] = False,
    stay: Annotated[bool, typer.Option(STAY, hidden=True)] = False,
) -> None:
    """Capture datasets as their rows arrive, and compute what follows, until told to stop.

    Changed code is taken up within seconds, as soon as it loads.
    """
    began_ns = now_ns()
    asked, broken = chosen(names or [], stays=stay or check), _broken(names or [])
    if check:
        for team in broken:
            screen.OUT.print(team)
        return
    tell_broken(broken, tell)
    stop, metrics = _stop_when_told(), Metrics()
    files, known = files_behind(broken), frozenset(broken)
    renewal = Renewal(roots=files, began_ns=began_ns, stop=stop, tell=tell, broken=known)
    renewal.start()
    end = metrics.serve(metrics_port) if metrics_port is not None else None
    try:
        pace = Pace(rows=rows, every=timedelta(seconds=every))
        run_streams(endless(asked, pace, stop, metrics), stop)
    finally:
        if end is not None:
            end()
    if renewal.is_due:
        renewal.begin_anew()
    ERR.print("stopped")


def _stop_when_told() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def endless(
    asked: list[Dataset], pace: Pace, stop: threading.Event, metrics: Metrics
) -> list[Stream | Follower]:
    """A stream for each captured dataset, and one follower for all that are computed."""
    if not asked:
        tell("nothing flows yet; it waits for code that changes")
    job = Job(
        lake=Lake.from_settings().of_one_thread(),
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


def chosen(names: list[str], *, stays: bool = False) -> list[Dataset]:
    """The datasets that rooms or names stand for: captured, or computed at a stream's pace.

    A room stands for what flows in it, and no name for all rooms; who `stays` takes it that nothing
    flows in them now.
    Raises: UnknownDatasetError or InvalidDeclarationError.
    """
    found: list[Dataset] = []
    rooms = [name for name in names or teams() if name in teams()]
    live, broken = of_rooms_that_load(rooms)
    for name in names:
        if name in rooms:
            if not stays and name not in broken and not any(d.name.team == name for d in live):
                raise _idle(name, f"{project().rooms}/{name}/raw.py")
            continue
        asked = named(name)
        if not (follows(asked) or asked.is_captured):
            raise _idle(name, asked.declared)
        found.append(asked)
    if not names and not live and not broken and not stays:
        raise _idle("the project", f"{project().rooms}/")
    return list({d.name: d for d in (*live, *found)}.values())


def _broken(names: list[str]) -> dict[str, WatermainError]:
    return of_rooms_that_load([name for name in names or teams() if name in teams()])[1]


def _idle(name: str, declared: str) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(
        f"`{name}` has nothing to capture without end, nothing that follows a stream",
        declared=declared,
        next=f"name a room among {', '.join(teams())}, or a raw dataset",
    )
