"""The command line of the demo's outside world: `python -m demo`."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import NoReturn

import psycopg
import typer

from demo import services
from demo.calendar import local_day
from demo.contacts import ensure_contacts
from demo.drop import drop_files, drop_folder, drop_weekly, ensure_drop, monday_of
from demo.live import follow_today
from demo.load import load
from demo.operations import DATABASE, count_flights, open_operations, operations_server
from demo.options import Common, DropOptions, LiveOptions, taking
from demo.pace import stop_asked
from demo.replay import Replay
from demo.screen import HourlyLines, report
from demo.training import train
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


app.command()(load)
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
