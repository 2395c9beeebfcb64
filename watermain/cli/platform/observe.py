"""`watermain observe`: promises are judged as they become due."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from typing import Annotated

import typer

from watermain.clock import Clock
from watermain.engine.promise.book import VerdictBook
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.promises import RoomPromises, promises
from watermain.lake.catalog import catalog_dsn
from watermain.observe.asked import AskedCommits
from watermain.observe.judging import Judging
from watermain.observe.rounds import RoundStep, rounds
from watermain.settings import load_settings


def observe(
    once: Annotated[bool, typer.Option("--once", help="One round, and then end.")] = False,
) -> None:
    """Judge every promise as it becomes due, until told to stop; `watermain up` starts it."""
    steps = [RoundStep("promises", judging())]
    if once:
        for step in steps:
            _tell(f"{step.name}: {step.run(Clock().now()) or 'nothing is due'}")
        return
    stop = threading.Event()
    for order in (signal.SIGTERM, signal.SIGINT):
        signal.signal(order, lambda *_: stop.set())
    rounds(steps, _tell, stop)


def judging() -> Judging:
    """The step that judges, with the book of this platform."""
    return Judging(VerdictBook(lambda: catalog_dsn(load_settings())), AskedCommits(), _known)


def _known() -> RoomPromises:
    return promises(load_settings().home, teams())


def _tell(text: str) -> None:
    typer.echo(f"{datetime.now(UTC):%F %T} {text}")
