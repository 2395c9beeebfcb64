"""`watermain observe`: promises are judged as they become due, broken ones told."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from watermain.cli.platform.exported import export
from watermain.clock import Clock
from watermain.declare.errors import WatermainError
from watermain.engine.promise.book import VerdictBook
from watermain.engine.publish.attempt import Attempts
from watermain.engine.rooms.connections import notifying_anew
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.promises import RoomPromises, promises
from watermain.lake.catalog import catalog_dsn
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.step import maintenance
from watermain.observe.asked import AskedCommits
from watermain.observe.export.gathering import Gathering
from watermain.observe.export.serving import Exporting, serve
from watermain.observe.judging import Judging
from watermain.observe.looking import PromiseLooking
from watermain.observe.planned import Planned
from watermain.observe.rounds import RoundStep, rounds
from watermain.observe.runbook.book import RunbookBook
from watermain.observe.runbook.remedies import Remedying
from watermain.observe.shown import BooksShown
from watermain.observe.telling import AlertTelling
from watermain.observe.watch.access import AccessWatching
from watermain.observe.watch.asked import (
    ASKING,
    CONTRACT_PROMISES,
    CONTRACTS,
    EXPIRY,
    EXPIRY_PROMISES,
    LEDGER,
    LEDGER_PROMISES,
    AskedWatching,
)
from watermain.observe.watch.backlog import BacklogWatching
from watermain.observe.watch.captures import CaptureWatching
from watermain.observe.watch.changes import LatestChanges
from watermain.observe.watch.reader.failing import FailingWatching
from watermain.observe.watch.reader.spending import EVERY as SPENDING
from watermain.observe.watch.reader.spending import SpendingWatching
from watermain.observe.watch.together import SeenTogether
from watermain.observe.watch.watching import EACH_ROUND, Watch
from watermain.settings import load_settings, project

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def observe(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="One round, and then end.")] = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            help="Serve Prometheus metrics on this port of 127.0.0.1; else by the settings.",
            min=1,
            max=65535,
        ),
    ] = None,
) -> None:
    """Judge every promise as it becomes due and tell people, until told to stop.

    `watermain up` starts it.
    """
    if context.invoked_subcommand is not None:
        return
    if once:
        _once(observing())
        return
    stop = threading.Event()
    for order in (signal.SIGTERM, signal.SIGINT):
        signal.signal(order, lambda *_: stop.set())
    port = metrics_port or load_settings().metrics_port
    if port is None:
        rounds(observing(), _tell, stop)
        return
    exporting = Exporting(Gathering())
    end = serve(port, exporting, load_settings().host_names)
    try:
        rounds([*observing(), RoundStep("metrics", exporting, is_beside=True)], _tell, stop)
    finally:
        end()


app.command("export")(export)


def observing() -> list[RoundStep]:
    """The steps of a round, over the books of this platform."""
    book = VerdictBook(_dsn)
    planned = Planned(book, lambda now: maintenance(project().root, now))
    watches = watching()
    looking = SeenTogether(PromiseLooking(book, lambda: Attempts(_dsn()), _known), watches)
    telling = AlertTelling(AlertBook(_dsn), looking, lambda: planned.windows, notifying_anew)
    return [
        RoundStep("maintenance", planned),
        RoundStep("promises", Judging(book, AskedCommits(), _known)),
        *(RoundStep(each.watching.name, each, each.is_beside) for each in watches),
        RoundStep("alerts", telling),
        RoundStep("remedies", Remedying(lambda: RunbookBook(_dsn()), AlertBook(_dsn))),
        RoundStep("books", BooksShown(_dsn), is_beside=True),
    ]


def watching() -> list[Watch]:
    """Whoever watches for what no verdict tells of."""
    lately = LatestChanges(_dsn, _home, lambda: project().root)
    ledger = AskedWatching("ledger", LEDGER, LEDGER_PROMISES, lately.commits)
    ending = AskedWatching("expiry", EXPIRY, EXPIRY_PROMISES, lately.connections)
    contracts = AskedWatching("contracts", CONTRACTS, CONTRACT_PROMISES, lately.contracts)
    return [
        Watch(CaptureWatching(_home, _known), EACH_ROUND),
        Watch(BacklogWatching(_home, _known)),
        Watch(AccessWatching(_dsn), EACH_ROUND),
        Watch(SpendingWatching(_dsn), SPENDING),
        Watch(FailingWatching(_dsn, _known)),
        Watch(ledger, ASKING, is_beside=True),
        Watch(contracts, is_beside=True),
        Watch(ending, is_beside=True),
    ]


def _once(steps: list[RoundStep]) -> None:
    """Run every step; the first trouble is raised when each had its turn."""
    now, trouble = Clock().now(), list[WatermainError]()
    for step in steps:
        try:
            for line in (step.run(now) or "nothing is due").splitlines():
                _tell(f"{step.name}: {line}")
        except WatermainError as error:
            trouble.append(error)
    if trouble:
        raise trouble[0]


def _known() -> RoomPromises:
    return promises(load_settings().home, teams())


def _home() -> Path:
    return load_settings().home


def _dsn() -> str:
    return catalog_dsn(load_settings())


def _tell(text: str) -> None:
    typer.echo(f"{datetime.now(UTC):%F %T} {text}")
