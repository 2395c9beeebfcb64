"""Verdicts, copied into the lake as a dataset of room upkeep."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg

from watermain.declare.errors import UnreachableSystemError, WatermainError
from watermain.lake.catalog import unreachable
from watermain.observe.child import SilentChildError, asked

DATASET = "upkeep.raw.verdicts"
MODULE = "watermain.observe.shown"
PATIENCE = timedelta(minutes=5)
EVERY = timedelta(minutes=5)
MOST = 10_000  # in one commit
OVERLAP = 1_000  # of two that write at once the later number may be visible first
COLUMNS = (
    *("id", "dataset", "partition", "due_at", "state"),
    *("judged_at", "signed_by", "why", "ready_at"),
)
UNTOLD = "no verdict was copied; the next round does"


class VerdictsShown:
    """Have new verdicts copied by a process that ends, every few minutes if there are any.

    Guarantees: what was copied is told by the lake's own table, so that a copy which was lost is
    made again, and one that was made twice adds nothing.
    """

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn, self._shown = dsn, 0
        self._at: datetime | None = None

    def __call__(self, now: datetime) -> str:
        """Copy what is new.

        Raises: UnreachableSystemError.
        """
        if self._at is not None and timedelta(0) <= now - self._at < EVERY:
            return ""
        self._at = now
        newest = self._newest()
        if newest > self._shown:
            _copied()
            self._shown = newest
        return ""

    def _newest(self) -> int:
        try:
            with psycopg.connect(self._dsn()) as connection:
                row = connection.execute("select max(id) from watermain.verdict").fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
        except psycopg.OperationalError as error:
            raise unreachable(error, data=UNTOLD) from error
        return int(row[0] or 0) if row else 0


def _copied() -> None:
    try:
        asked(MODULE, "", PATIENCE)
    except SilentChildError as error:
        said = error.said.splitlines()
        raise UnreachableSystemError(
            f"verdicts could not be copied: {said[0] if said else error}",
            declared=DATASET,
            data=UNTOLD,
            next="watermain doctor",
        ) from error


def copy() -> int:
    """Copy the verdicts that the lake lacks; count them.

    Raises: LostLeaseError or UnreachableSystemError.
    """
    from watermain.lake import ledger
    from watermain.lake.lake import Lake

    lake, count = Lake.from_settings(), 0
    with lake.fence.lease(DATASET) as lease, lake.get_connection() as connection:
        if not connection.execute(
            "select 1 from duckdb_tables() where database_name = 'lake'"
            " and schema_name = 'upkeep_raw' and table_name = 'verdicts'"
        ).fetchall():
            ledger.create(connection)
        while True:
            row = connection.execute(f"select max(id) from {ledger.JUDGED}").fetchone()
            since = max(0, (row[0] if row and row[0] else 0) - OVERLAP)
            known = connection.execute(
                f"select id from {ledger.JUDGED} where id > {since}"
            ).fetchall()
            fresh = _after(lake.dsn(), since, {number for (number,) in known})
            if not fresh:
                return count
            with lake.transaction(connection, lease, f"copy {len(fresh)} verdicts"):
                _insert(connection, fresh)
            count += len(fresh)


def _after(dsn: str, since: int, known: set[int]) -> list[Sequence[Any]]:
    """Verdicts with a higher number that are not known, the lowest first."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            f"select {', '.join(COLUMNS)} from watermain.verdict where id > %s"
            " and not id = any(%s) order by id limit %s",
            [since, sorted(known), MOST],
        ).fetchall()
    return list(rows)


def _insert(connection: Any, rows: Sequence[Sequence[Any]]) -> None:
    import pyarrow as pa

    from watermain.lake.ledger import JUDGED

    values = zip(*rows, strict=True)
    told = pa.table(dict(zip(COLUMNS, map(list, values), strict=True)), schema=_schema())
    connection.register("watermain_verdicts", told)
    connection.execute(f"insert into {JUDGED} by name select * from watermain_verdicts")
    connection.unregister("watermain_verdicts")


def _schema() -> Any:
    import pyarrow as pa

    instants = {"due_at", "judged_at", "ready_at"}
    kinds = {name: pa.timestamp("us", "UTC") for name in instants} | {"id": pa.int64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def main() -> None:
    """Copy once; print how many."""
    try:
        count = copy()
    except WatermainError as error:
        sys.exit(str(error))
    json.dump(count, sys.stdout)


if __name__ == "__main__":
    main()
