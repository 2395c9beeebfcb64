"""`watermain alert`: what people are told of broken promises."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.outlet_file import written_to
from watermain.declare.connection.notifier import NotifierConnection
from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.engine.rooms.connections import notifying
from watermain.lake.catalog import catalog_dsn
from watermain.observe.alert.alert import Alert
from watermain.observe.alert.apprise_way import rota_text
from watermain.observe.alert.book import AlertBook, Posted
from watermain.observe.alert.calendar import holes, shifts
from watermain.observe.alert.calendar import rotation as turns
from watermain.observe.alert.step import heartbeat, notifiers, ways
from watermain.observe.alert.stored import alert_facts
from watermain.settings import load_settings, project

app = typer.Typer(
    no_args_is_help=True, help="See what people are told of, take it on, try the ways to them."
)
Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
HOURS = 4
AHEAD = timedelta(days=28)


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the alerts that are open, and what could not be told."""
    book = _book()
    found, stuck = book.listed(everything=everything), book.undelivered(datetime.now(UTC))
    if as_json:
        told = [_stuck(post) for post in stuck]
        screen.facts({"alerts": [alert_facts(a) for a in found], "undelivered": told})
        return
    columns = ("began", "severity", "state", "cause", "reaches", "told")
    screen.grid(columns, [_line(alert) for alert in found], right={"reaches"})
    for post in stuck:
        screen.OUT.print(f"not delivered to {post.notifier}: {post.telling.title}: {post.why}",
                         style="red", markup=False)  # fmt: skip


@app.command()
def ack(
    cause: Annotated[str, typer.Argument(help="The cause, or how it begins.")],
    until: Annotated[
        str | None, typer.Option(help="Until when, in UTC, such as 2026-12-01T08:00.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take an alert on: nobody else is told of it for four hours, or until another time."""
    by, now = getpass.getuser(), datetime.now(UTC)
    ends = _instant(until) if until else now + timedelta(hours=HOURS)
    if ends <= now:
        raise _refused(f"{ends:%Y-%m-%d %H:%M} UTC is over", "give a time that is to come")
    words = {"state": "acknowledged", "acknowledged_by": by, "acknowledged_until": ends}
    alert = _book().changed(cause, **words)
    if as_json:
        screen.facts(alert_facts(alert))
    else:
        screen.OUT.print(f"{alert.cause_id} is with {by} until {screen.clock(ends)}", markup=False)


@app.command("try")
def try_(
    notifier: Annotated[str, typer.Argument(help="A notifier of resources/notifiers.py.")],
) -> None:
    """Send a sign of life to a notifier, the way that an alert goes."""
    known, now = notifiers(notifying()), datetime.now(UTC)
    if notifier not in known:
        right = f"use one of {quoted(known)}" if known else "declare it in resources/notifiers.py"
        raise _refused(f"nobody declares the notifier `{notifier}`", right)
    told = heartbeat(notifier, timedelta(minutes=5), now)
    way = ways({notifier: known[notifier]}, load_settings(), project().root)[notifier]
    way.send(Posted(telling=told, notifier=notifier), now)
    screen.OUT.print(f"{notifier} took it", markup=False)


@app.command()
def rota(
    notifier: Annotated[str, typer.Argument(help="A notifier that has a rota.")],
    as_json: Json = False,
) -> None:
    """Tell who is on call in the next four weeks. Ends with 1 where nobody is for a while."""
    word = notifying().get(notifier)
    if not isinstance(word, NotifierConnection) or not word.rota:
        raise _refused(f"the notifier `{notifier}` has no rota", "name a calendar in its `rota`")
    path, now = project().root / word.rota, datetime.now(UTC)
    found = shifts(rota_text(path), now, now + AHEAD, declared=str(path))
    lacking = holes(found, now, now + AHEAD)
    if as_json:
        told: Sequence[Any] = [(s.begins_at, s.ends_at, s.person) for s in found]
        screen.facts({"shifts": told, "holes": lacking})
    else:
        rows = [(screen.clock(s.begins_at), screen.clock(s.ends_at), s.person) for s in found]
        rows += [(screen.clock(first), screen.clock(last), "NOBODY") for first, last in lacking]
        screen.grid(("from", "to", "who"), sorted(rows))
    if lacking:
        raise typer.Exit(1)


@app.command()
def rotation(
    people: Annotated[list[str], typer.Argument(help="Who takes turns, in their order.")],
    begins: Annotated[str, typer.Option("--from", help="When the first begins, in UTC.")],
    file: Annotated[Path, typer.Option("--to", help="The calendar to write.")],
    hours: Annotated[int, typer.Option(min=1, help="How long each is on call.")] = 168,
) -> None:
    """Write a rota as a calendar, in which people take turns for good."""
    if file.exists():
        raise _refused(f"{file} is there already", "name another file, or edit that one")
    with written_to(file):
        file.write_text(turns(people, _instant(begins), timedelta(hours=hours)), encoding="utf-8")
    screen.OUT.print(f"wrote {file}", markup=False)


def _book() -> AlertBook:
    return AlertBook(catalog_dsn(load_settings()))


def _line(alert: Alert) -> tuple[object, ...]:
    who = f" by {alert.acknowledged_by}" if alert.state == "acknowledged" else ""
    held = f", held by {alert.held_by}" if alert.held_by else ""
    first = alert.signals[0].told if alert.signals else ""
    state = f"{alert.state}{who}{held}"
    began = screen.clock(alert.began_at)
    return began, alert.severity, state, alert.cause_id, len(alert.affected), first


def _stuck(post: Posted) -> dict[str, object]:
    told = post.telling
    return {"id": told.id, "notifier": post.notifier, "tries": post.tries, "why": post.why}


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(f"`{text}` is no time", "write 2026-12-01T08:00, in UTC") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _refused(what: str, next: str) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(
        what, declared="the command's arguments", next=next
    )
