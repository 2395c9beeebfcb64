"""Columns that sources showed beyond the contracts, each written down when it was seen first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import duckdb

from watermain.declare.name import DatasetName
from watermain.lake.ledger import DRIFT


class Drifted(NamedTuple):
    """One column beyond a contract: what became of it and which batch showed it."""

    dataset: str
    column_name: str
    outcome: Literal["evolved", "diverted", "renamed"]
    type: str
    shard: str
    position: str
    batch_id: str
    rows: int
    contract_version: str
    run_id: str
    seen_at: datetime


def remember_drift(connection: duckdb.DuckDBPyConnection, rows: Sequence[Drifted]) -> None:
    """Write columns down, in the caller's transaction."""
    if rows:
        marks = ", ".join("?" for _ in Drifted._fields)
        names = ", ".join(Drifted._fields)
        connection.executemany(f"insert into {DRIFT} ({names}) values ({marks})", rows)


def columns_seen_beyond(
    connection: duckdb.DuckDBPyConnection, name: DatasetName
) -> dict[str, set[str]]:
    """The columns written down for a dataset, by what became of them."""
    found: dict[str, set[str]] = {"evolved": set(), "diverted": set(), "renamed": set()}
    for column, outcome in connection.execute(
        f"select distinct column_name, outcome from {DRIFT} where dataset = ?", [str(name)]
    ).fetchall():
        found[outcome].add(column)
    return found
