"""Which feature tables are to be checked next, by what was published of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.capture.stream import PREFIX
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.orchestrate.sensors.told import TELL_EVERY

AGAIN_SECONDS = 15 * 60  # what nobody publishes grows stale by itself


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Where the ledger was read up to, which tables are due, when each was checked last.

    Shapes: of the tables that are `waiting`, a stream published something since.
    Units: `checked` is in seconds since 1970.
    """

    since: int | None = None
    due: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    checked: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None) -> Turns:
        """What a cursor holds."""
        if not cursor:
            return cls()
        said = json.loads(cursor)
        due, waiting = tuple(said["due"]), tuple(said["waiting"])
        return cls(since=said["since"], due=due, waiting=waiting, checked=said["checked"])

    def cursor(self) -> str:
        """The turns as a cursor."""
        return json.dumps(asdict(self))

    def after(self, name: str, now: datetime) -> Turns:
        """The turns once a table was checked."""
        left = tuple(n for n in self.due if n != name)
        return replace(self, due=left, checked={**self.checked, name: now.timestamp()})


def next_turns(lake: Lake, datasets: Sequence[Dataset], turns: Turns, now: datetime) -> Turns:
    """Add the tables that were published since, and those that were not checked for long.

    Guarantees: one small query where nothing was published; a table of which nothing ever was is
    not due. What a run published is due at once; what a stream goes on publishing is due as often
    as Dagster is told of it. The longest unchecked comes first.
    """
    names = {str(d.name) for d in datasets}
    with lake.get_connection() as connection:
        present = lake.snapshot(connection)
        by_runs, by_streams = _published(connection, names, turns.since, present)
    ages = {n: now.timestamp() - turns.checked.get(n, 0.0) for n in names}
    waiting = names & {*turns.waiting, *by_streams}
    ripe = {n for n in waiting if ages[n] >= TELL_EVERY.total_seconds()}
    old = {n for n in names & turns.checked.keys() if ages[n] >= AGAIN_SECONDS}
    due = names & {*turns.due, *by_runs, *ripe, *old}
    return Turns(
        since=present,
        due=tuple(sorted(due, key=lambda n: (-ages[n], n))),
        waiting=tuple(sorted(waiting - due)),
        checked={n: at for n, at in turns.checked.items() if n in names},
    )


def _published(
    connection: duckdb.DuckDBPyConnection, names: set[str], since: int | None, present: int
) -> tuple[set[str], set[str]]:
    """The tables of which runs, then those of which streams published after a snapshot, or ever."""
    if since is not None and since >= present:
        return set(), set()
    try:
        return _asked(connection, names, since, present)
    except duckdb.InvalidInputException as error:
        if "No snapshot found" not in str(error):
            raise
        return _asked(connection, names, None, present)


def _asked(
    connection: duckdb.DuckDBPyConnection, names: set[str], since: int | None, present: int
) -> tuple[set[str], set[str]]:
    whole = f"{ledger.PUBLISHES} at (version => {present})"
    kept = whole if since is None else ledger.inserted(ledger.PUBLISHES, since, present)
    asked = f"select distinct dataset, starts_with(run_id, '{PREFIX}') from {kept}"
    rows = [(str(n), streamed) for n, streamed in connection.execute(asked).fetchall()]
    return (
        {n for n, streamed in rows if n in names and not streamed},
        {n for n, streamed in rows if n in names and streamed},
    )
