"""Rows of a table written again as they were."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime

import duckdb

from watermain.declare.errors import ChangedRowsError

REWRITES = "lake.upkeep_raw.rewrites"
_DDL = f"""create table if not exists {REWRITES} (
    dataset varchar, reason varchar, rows bigint, content_hash varchar, files_before bigint,
    files_after bigint, snapshot_before bigint, epoch bigint, rewritten_at timestamptz)"""


@dataclass(frozen=True)
class Content:
    """How many rows a relation holds, and a hash that knows each of them but not their order."""

    rows: int
    hash: str


@dataclass(frozen=True)
class Rewrite:
    """What was written again, why, and from how many files into how many.

    Guarantees: `rows` and `content_hash` were read before, and then once more from the new files.
    """

    dataset: str
    reason: str
    rows: int
    content_hash: str
    files_before: int
    files_after: int
    snapshot_before: int
    epoch: int
    rewritten_at: datetime


def content(connection: duckdb.DuckDBPyConnection, relation: str) -> Content:
    """Count the rows of a relation, and hash them by the engine's own equality."""
    row = connection.execute(
        f"select count(*), coalesce(sum(hash(r)::hugeint), 0)::varchar from {relation} as r"
    ).fetchone()
    assert row is not None
    return Content(int(row[0]), str(row[1]))


def prove(dataset: str, before: Content, after: Content) -> None:
    """Compare what was read before with what the new files hold.

    Raises: ChangedRowsError.
    """
    if before != after:
        raise ChangedRowsError(
            f"{dataset}: {before.rows} rows with hash {before.hash} would have become"
            f" {after.rows} with hash {after.hash}",
            declared="watermain/lake/rest/rewrite.py",
            data="unchanged; readers see the rows as they were",
            next=f"watermain explain {dataset}",
        )


def ready(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table where there is none.

    Guarantees: it is not made inside of a transaction that writes other rows of the ledger, which
    the catalog could not commit.
    """
    connection.execute(_DDL)


def record(connection: duckdb.DuckDBPyConnection, done: Rewrite) -> None:
    """Write it down inside the caller's transaction, before which the ledger was made `ready`."""
    marks = ", ".join("?" for _ in astuple(done))
    connection.execute(f"insert into {REWRITES} values ({marks})", list(astuple(done)))


def recorded(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[Rewrite]:
    """What was written again of a dataset, the oldest first."""
    ready(connection)
    rows = connection.execute(
        f"select * from {REWRITES} where dataset = ? order by rewritten_at, epoch", [dataset]
    ).fetchall()
    return [Rewrite(*row) for row in rows]
