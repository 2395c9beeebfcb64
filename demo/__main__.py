"""The command line of the demo's outside world: `python -m demo`."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from datetime import datetime
from typing import NoReturn

import psycopg
import typer

from demo import services
from demo.bus import Bus, publish_stretch
from demo.calendar import local_day
from demo.contacts import ensure_contacts
from demo.drop import drop_files, drop_folder, drop_weekly, ensure_drop, monday_of
from demo.live import follow_today, replay_stretch
from demo.operations import DATABASE, count_flights, open_operations, operations_server
from demo.options import (
    Common,
    DropOptions,
    LiveOptions,
    LoadOptions,
    factor,
    instant,
    taking,
)
from demo.pace import FOREVER, Pace, present, stop_asked
from demo.replay import Replay
from demo.screen import HourlyLines, progress_bar, report
from demo.training import train
from demo.weather import Shelf
from watermain.declare.errors import UnreachableSystemError, WatermainError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The outside world of the demo: real New York flights, replayed into real systems.",
)


@app.command()
@taking(Common)
def up(options: Common) -> None:
    """Start the operations database and make its tables."""
    open_operations(options.folder).close()
    server = operations_server(options.folder)
    dsn = server.dsn(DATABASE)
    facts = {"pid": server.running(), "dsn": dsn, "url": server.url(DATABASE)}
    report(facts, f"the operations database is up: {dsn}", as_json=options.as_json)


@app.command()
@taking(Common)
def down(options: Common) -> None:
    """Stop the operations database."""
    operations_server(options.folder).stop()
    report({"pid": None}, "the operations database is down", as_json=options.as_json)


@app.command()
@taking(Common)
def status(options: Common) -> None:
    """Count the flights in the operations database."""
    with closing(open_operations(options.folder)) as connection:
        facts = count_flights(connection)
    sentence = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in facts.items())
    report(facts, sentence, as_json=options.as_json)


@app.command()
@taking(DropOptions)
def drop(options: DropOptions) -> None:
    """Put the partner's files into the drop folder."""
    paths = drop_files(drop_folder(options.folder), half_written=options.half_written)
    names = [str(path) for path in paths]
    half = "the first half of each of " if options.half_written else ""
    report({"files": names}, f"wrote {half}{', '.join(names)}", as_json=options.as_json)


@app.command()
@taking(LoadOptions)
def load(options: LoadOptions) -> None:
    """Replay flights of 2013: filed the day before, and then departed, arrived and corrected.

    A replay that was stopped, even by force, continues where it was.
    """
    days, speed, began = options.days, factor(options.speed), time.monotonic()
    end = instant(options.as_of) or FOREVER
    ensure_drop(drop_folder(options.folder))
    drop_weekly(drop_folder(options.folder), days)
    with closing(open_operations(options.folder)) as connection, stop_asked() as stop:
        ensure_contacts(connection, options.seed)
        replay, complete = Replay(connection, options.seed), True
        if options.final:
            replay.finish({day: day for day in days})
        else:
            with progress_bar() as bar:
                complete = replay_stretch(
                    replay,
                    days,
                    lambda first: Pace(first, end, speed, stop),
                    announce=bar.announce,
                    tell=bar.tell,
                )
        counts = count_flights(connection) | _others(options, connection, end)
    seconds = round(time.monotonic() - began, 1)
    outcome = "all has happened" if complete else "stopped; the same command continues"
    report(
        {**counts, "complete": complete, "seconds": seconds},
        f"{counts['flights']:,} flights in the operations database after {seconds} s; {outcome}",
        as_json=options.as_json,
    )


def _others(options: LoadOptions, connection: psycopg.Connection, end: datetime) -> dict[str, int]:
    """Load the same days onto the weather's shelf, and onto the bus when there is one."""
    days, address = options.days, options.known_address("movement_bus")
    archived = Shelf(services.shelf_of(options.folder)).archive(days, present())
    if address is None:
        return {"weather_days": archived}
    messages = publish_stretch(connection, Bus(address), days, options.seed, end)
    return {"weather_days": archived, "movements": messages}


@app.command()
@taking(LiveOptions)
def live(options: LiveOptions) -> None:
    """Let flights happen today as they did in 2013, and on a Monday as on a Monday."""
    with closing(open_operations(options.folder)) as connection, stop_asked() as stop:
        ensure_contacts(connection, options.seed)
        ensure_drop(drop_folder(options.folder))
        replay = Replay(connection, options.seed)
        pace = options.pace(stop)
        with closing(HourlyLines()) as lines:

            def announce(changes: int) -> None:
                """Hear of each new day; the partner has sent its file on the Monday before."""
                lines.announce(changes)
                drop_weekly(drop_folder(options.folder), [monday_of(local_day(pace.now()))])

            follow_today(connection, replay, pace, announce=announce, tell=lines.tell)
        counts = count_flights(connection)
    sentence = f"stopped with {counts['flights']:,} flights; the same command continues"
    report(counts, sentence, as_json=options.as_json)


app.command()(train)
services.add_to(app)


def main() -> None:
    """Run a command; an error of ours is four lines and exit code 1."""
    try:
        app()
    except psycopg.OperationalError as error:
        _fail(
            UnreachableSystemError(
                f"the operations database went away: {str(error).strip().splitlines()[0]}",
                declared="python -m demo",
                data="every transaction is whole; the one under way is undone",
                next="run the same command again: it continues",
            )
        )
    except WatermainError as error:
        _fail(error)


def _fail(error: WatermainError) -> NoReturn:
    typer.echo(f"{type(error).__name__}: {error}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
