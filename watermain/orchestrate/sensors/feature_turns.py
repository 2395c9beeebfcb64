"""Which feature tables are to be checked next, by what was published of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from watermain.declare.dataset import Dataset
from watermain.lake import ledger
from watermain.lake.lake import Lake

AGAIN_SECONDS = 15 * 60  # what nobody publishes grows stale by itself


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Where the ledger was read up to, which tables are due, when each was checked last.

    Units: `checked` is in seconds since 1970.
    """

    since: int | None = None
    due: tuple[str, ...] = ()
    checked: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> Turns:
        """What a cursor holds."""
        if not cursor:
            return cls()
        said = json.loads(cursor)
        return cls(since=said["since"], due=tuple(said["due"]), checked=said["checked"])

    def cursor(self) -> str:
        """The turns as a cursor."""
        return json.dumps({"since": self.since, "due": self.due, "checked": self.checked})

    def after(self, name: str, now: datetime) -> Turns:
        """The turns once a table was checked."""
        return Turns(
            since=self.since,
            due=tuple(n for n in self.due if n != name),
            checked={**self.checked, name: now.timestamp()},
        )


def next_turns(lake: Lake, datasets: Sequence[Dataset], turns: Turns, now: datetime) -> Turns:
    """Add the tables that were published since, and those that were not checked for long.

    Guarantees: one small query where nothing was published; a table of which nothing ever was is
    not due. The longest unchecked comes first.
    """
    names = {str(d.name) for d in datasets}
    with lake.get_connection() as connection:
        present = lake.snapshot(connection)
        fresh = _published(connection, names, turns.since, present)
    old = {n for n, at in turns.checked.items() if now.timestamp() - at >= AGAIN_SECONDS}
    due = names & {*turns.due, *fresh, *old}
    order = sorted(due, key=lambda n: (turns.checked.get(n, 0.0), n))
    known = {n: at for n, at in turns.checked.items() if n in names}
    return Turns(since=present, due=tuple(order), checked=known)


def _published(
    connection: duckdb.DuckDBPyConnection, names: set[str], since: int | None, present: int
) -> set[str]:
    """The tables of which something was published after a snapshot, or ever."""
    if since is not None and since >= present:
        return set()
    try:
        return _asked(connection, names, since, present)
    except duckdb.InvalidInputException as error:
        if "No snapshot found" not in str(error):
            raise
        return _asked(connection, names, None, present)


def _asked(
    connection: duckdb.DuckDBPyConnection, names: set[str], since: int | None, present: int
) -> set[str]:
    whole = f"{ledger.PUBLISHES} at (version => {present})"
    kept = whole if since is None else ledger.inserted(ledger.PUBLISHES, since, present)
    rows = connection.execute(f"select distinct dataset from {kept}").fetchall()
    return names & {str(row[0]) for row in rows}
