"""`watermain adopt`: a table of somebody else's, as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from watermain.cli import screen
from watermain.cli.adopt import server, telling
from watermain.cli.adopt.declaration import Declared
from watermain.cli.adopt.loading import capture_waiting, declared, register
from watermain.cli.adopt.outside import Elsewhere, outside
from watermain.cli.adopt.target import Target, targets
from watermain.cli.scaffold import changed, finish
from watermain.cli.spread import spread
from watermain.declare.dataset import Dataset
from watermain.engine.adopt.kind.parquet_folder import PATTERN
from watermain.engine.adopt.proposal import Proposal, Wishes
from watermain.engine.adopt.quote import quote
from watermain.settings import project


@dataclass(frozen=True, kw_only=True)
class Wished:
    """What is said of the table instead of being proposed."""

    table: Annotated[
        list[str] | None, typer.Option(help="One table of several, such as public.orders.")
    ] = None
    key: Annotated[str, typer.Option(help="The columns that name a row: a,b.")] = ""
    event_time: Annotated[str, typer.Option(help="The column of event times.")] = ""
    cadence: Annotated[str, typer.Option(help="hourly, daily, monthly or none.")] = ""
    leave_out: Annotated[
        list[str] | None, typer.Option(help="A column, or a folder's name, to do without.")
    ] = None

    @property
    def wishes(self) -> Wishes:
        """The same as the engine takes it."""
        return Wishes(
            key=tuple(part.strip() for part in self.key.split(",") if part.strip()),
            event_time=self.event_time,
            cadence=self.cadence,
            without=tuple(self.leave_out or ()),
        )


@dataclass(frozen=True, kw_only=True)
class How:
    """How far an adoption goes, and how."""

    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the quote, make nothing.")] = (
        False
    )
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy files that could be registered as they are.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False

    def goes_on(self) -> bool:
        """Whether it is done; asked, unless it was said."""
        if self.dry_run:
            return False
        return self.yes or typer.confirm("adopt it?", default=False)


@spread
def adopt(
    source: Annotated[
        str, typer.Argument(help="A folder, a DuckDB file, or connection/schema of PostgreSQL.")
    ],
    *,
    into: Annotated[str, typer.Option(help="A room, or a dataset such as billing.raw.tariffs.")],
    wished: Wished,
    how: How,
) -> None:
    """Declare tables that stand elsewhere, and bring their history into the lake.

    Run again, it goes on where it was interrupted, and takes what came since.
    """
    if (named := server.named(source)) is not None:
        server.adopt(named, into, wished.wishes, wished.table or [], how.goes_on)
        return
    with outside(source) as there:
        for target in targets(into, there.tables(), wished.table or []):
            _adopt(there, target, wished.wishes, how)


def _adopt(there: Elsewhere, target: Target, wishes: Wishes, how: How) -> None:
    """One table, from the look at it to the hand-over."""
    before = target.declared
    if before is None:
        found = there.proposal(target.table, wishes)
    else:
        found = there.again(target.table, before)
    told = quote(found.pieces, found.cadence)
    name = str(target.name)
    if how.as_json:
        screen.facts(telling.facts(name, found.contract, found.cadence, told))
    else:
        of = f"{found.standing.kind} at {found.standing.place}"
        telling.promise(name, found.contract, found.cadence, found.notes, of)
        telling.quoted(told)
    if not how.goes_on():
        return
    if before is None:
        _write(there, target, found)
    dataset = declared(target.name)
    registered = register(dataset, found.pieces, copies=how.copy)
    captured = capture_waiting(dataset) if there.is_watched else {}
    telling.done(name, registered, captured, _goes_on(there, dataset))


def _write(there: Elsewhere, target: Target, found: Proposal) -> None:
    """Declare the table; where no folder of it is watched, a drop folder takes what comes."""
    address = there.place
    if not there.is_watched:
        address = project().root / "inbox" / target.name.table
        address.mkdir(parents=True, exist_ok=True)
    made = Declared(
        name=target.name,
        kind="files",
        connection=connection_of(address, target.name.table),
        words={"pattern": PATTERN, "format": "parquet"},
        contract=found.contract,
        cadence=found.cadence,
        address=shown(address),
    )
    finish(made.write() + changed(f"dataset-{target.name}", f"New dataset `{target.name}`."))


def connection_of(address: Path, table: str) -> str:
    """The name of the connection to a folder."""
    word = re.sub(r"[^a-z0-9]+", "_", address.name.lower()).strip("_0123456789") or table
    return word if word == table else f"{word}_{table}"


def shown(address: Path) -> str:
    """A folder as a connection names it: from the project where it lies within."""
    root = project().root
    inside = address.is_relative_to(root)
    return f"./{address.relative_to(root)}" if inside else str(address)


def _goes_on(there: Elsewhere, dataset: Dataset) -> str:
    if there.is_watched:
        return f"files that come to {there.place} are captured from now on: watermain up"
    folder = project().root / "inbox" / dataset.name.table
    again = f"watermain adopt {there.place} --into {dataset.name}"
    if there.database is not None:
        return f"drop what comes from now on as Parquet into {folder}"
    return f"`{again}` takes what the table gained; or drop Parquet into {folder}"
