"""`watermain incident`: what went wrong, followed to the check that keeps it away."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from watermain.cli import screen
from watermain.cli.named import named
from watermain.cli.outlet_file import written_to
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.publish.attempt import Attempts
from watermain.engine.rooms.directory import everything
from watermain.lake.catalog import catalog_dsn
from watermain.lake.lake import Lake
from watermain.observe.alert.cause import Lineage
from watermain.observe.incident.book import IncidentBook
from watermain.observe.incident.incident import Incident, repair_times
from watermain.observe.incident.regression import prove
from watermain.observe.incident.suspect import LOOKED_BACK, Suspect, changes, suspects
from watermain.observe.incident.wording import postmortem, span, status, timeline
from watermain.settings import load_settings

app = typer.Typer(
    no_args_is_help=True, help="Follow what went wrong, until a check proves that it stays away."
)
Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
Number = Annotated[int, typer.Argument(help="The incident's number.")]


@app.command("open")
def open_(
    dataset: Annotated[str, typer.Argument(help="Such as operations.curated.flights.")],
    title: Annotated[str, typer.Argument(help="What is wrong, in one sentence.")],
    again: Annotated[
        int | None, typer.Option(help="Open this incident again; its clock goes on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Open an incident by hand, or one again that was closed."""
    found, by, now = named(dataset), getpass.getuser(), datetime.now(UTC)
    book = _book()
    if again is None:
        made = book.open(found.name, title, owner=found.owner, by=by, at=now)
    else:
        before = book.one(again)
        if before.dataset != found.name:
            raise _refused(f"incident {again} is one of {before.dataset}", f"name {before.dataset}")
        made = book.add(again, "reopened", title, by=by, at=now)
    _tell(made, as_json, f"incident {made.number} is open, since {screen.clock(made.began_at)}")


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that are closed, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the incidents that are open, newest first, and how long repairs took."""
    known = _book().listed()
    found = [each for each in known if everything or each.is_open]
    if as_json:
        screen.facts([_facts(each) for each in found])
        return
    columns = ("number", "began", "state", "severity", "dataset", "repair", "what")
    rows = [
        (i.number, screen.clock(i.began_at), i.state, i.severity, i.dataset, _repair(i), i.title)
        for i in found
    ]
    screen.grid(columns, rows, right={"number"})
    if times := sorted(repair_times(known)):
        middle = span(times[len(times) // 2])
        screen.OUT.print(f"{len(times)} repaired, half of them within {middle}", style="dim")


@app.command()
def show(
    number: Number,
    for_readers: Annotated[
        bool, typer.Option("--status", help="Only what whoever relies on it should read.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--postmortem", help="Write the postmortem to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what an incident reaches, what may have caused it, and its timeline."""
    found, lineage, now = _book().one(number), _lineage(), datetime.now(UTC)
    if for_readers:
        screen.OUT.print(status(found, lineage, now), markup=False)
        return
    causes = _suspects(found, lineage)
    if file is not None:
        if file.exists():
            raise _refused(f"{file} is there already", "name another file")
        with written_to(file):
            file.write_text(postmortem(found, lineage, causes, now), encoding="utf-8")
        screen.OUT.print(f"wrote {file}", markup=False)
    elif as_json:
        screen.facts({**_facts(found), "suspects": [_suspect(each) for each in causes]})
    else:
        _show(found, status(found, lineage, now), causes)


@app.command()
def note(
    number: Number,
    text: Annotated[str, typer.Argument(help="What was seen or done.")],
    as_json: Json = False,
) -> None:
    """Add a line to the timeline of an incident."""
    if not text.strip():
        raise _refused("an empty note says nothing", "write what was seen or done")
    made = _book().add(number, "note", text, by=getpass.getuser(), at=datetime.now(UTC))
    _tell(made, as_json, f"noted in incident {number}")


@app.command()
def close(
    number: Number,
    check: Annotated[
        str, typer.Option(help="A check of the dataset that failed then, and passes now.")
    ] = "",
    before: Annotated[
        int | None, typer.Option(help="The snapshot that was wrong; else that of its beginning.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why no check can keep it away.")] = "",
    as_json: Json = False,
) -> None:
    """Close an incident by a check that failed before and passes after, or with a reason."""
    book = _book()
    found = book.one(number)
    if bool(check) is bool(reason.strip()):
        raise _refused(
            f"incident {number} closes by a check or with a reason, one of them",
            'give --check "not_null(\\"id\\")" or --reason "..."',
        )
    why = f"no check: {reason.strip()}"
    if check:
        with Lake.from_settings().get_connection() as connection:
            dataset = named(str(found.dataset))
            why = str(prove(connection, dataset, check, found.began_at, before))
    made = book.add(number, "closed", why, by=getpass.getuser(), at=datetime.now(UTC))
    took = span(made.repair_time or timedelta(0))
    told = f"incident {number} is closed; told as repaired {took} after it began; {why}"
    _tell(made, as_json, told)


def _book() -> IncidentBook:
    return IncidentBook(catalog_dsn(load_settings()))


def _lineage() -> Lineage:
    known = everything()
    return Lineage(
        {name: tuple(each.inputs.values()) for name, each in known.items()},
        {name: each.owner for name, each in known.items()},
    )


def _suspects(found: Incident, lineage: Lineage) -> list[Suspect]:
    names = [found.dataset, *sorted(lineage.above(found.dataset))]
    lake, first = Lake.from_settings(), found.began_at - LOOKED_BACK
    with lake.get_connection() as connection:
        changed = changes(connection, names, first, found.began_at)
    return suspects(found.dataset, found.began_at, changed, Attempts(lake.dsn()).of(names), lineage)


def _show(found: Incident, said: str, causes: Sequence[Suspect]) -> None:
    screen.OUT.print(f"incident {found.number}, {found.state}", style="bold", markup=False)
    screen.OUT.print(said, markup=False)
    screen.OUT.print("suspected causes, the likeliest first", style="bold")
    for each in causes:
        line = f"  {screen.clock(each.at)}  {each.dataset}: {each.what}"
        screen.OUT.print(line, markup=False)
    if not causes:
        screen.OUT.print("  the ledger knows of no change in the three days before", style="dim")
    screen.OUT.print("timeline", style="bold")
    for line in timeline(found):
        screen.OUT.print(f"  {line}", markup=False)


def _repair(found: Incident) -> str:
    return "" if found.repair_time is None else span(found.repair_time)


def _facts(found: Incident) -> dict[str, Any]:
    taken = found.repair_time
    return {
        "number": found.number,
        "dataset": str(found.dataset),
        "title": found.title,
        "state": found.state,
        "severity": found.severity,
        "owner": found.owner,
        "cause_id": found.cause_id,
        "began_at": found.began_at,
        "repaired_at": found.repaired_at,
        "repair_seconds": None if taken is None else taken.total_seconds(),
        "openings": found.openings,
        "timeline": [
            {"at": e.at, "kind": e.kind, "by": e.by, "text": e.text} for e in found.entries
        ],
    }


def _suspect(each: Suspect) -> dict[str, Any]:
    return {"dataset": str(each.dataset), "at": each.at, "what": each.what, "hops": each.hops}


def _tell(made: Incident, as_json: bool, said: str) -> None:
    if as_json:
        screen.facts(_facts(made))
    else:
        screen.OUT.print(said, markup=False)


def _refused(what: str, next: str) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(
        what, declared="the command's arguments", next=next
    )
