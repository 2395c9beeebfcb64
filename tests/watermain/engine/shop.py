"""A shop whose sales a test may publish as it likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Sensitivity,
    between,
    dataset,
)
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake, table

DAYS = Daily(start=date(2013, 1, 1))
COLUMNS = (
    Column("id", pa.string(), "the sale"),
    Column("at", pa.timestamp("us"), "when"),
    Column("amount", pa.int64(), "how much", unit="USD"),
    Column("buyer", pa.string(), "who", sensitivity=Sensitivity.PERSONAL),
)
Row = tuple[str, int, int]


def sales(rows: Sequence[Row], *, more: tuple[Column, ...] = (), name: str = "sales") -> Dataset:
    """A dataset of sales, each an id, a day of January, an amount; `more` columns are null."""
    columns = (*COLUMNS, *more)

    def body() -> pa.Table:
        given: list[dict[str, Any]] = [
            {"id": i, "at": datetime(2013, 1, day, 12), "amount": amount, "buyer": f"b{i}"}
            for i, day, amount in rows
        ]
        return pa.Table.from_pylist(given, schema=pa.schema([(c.name, c.type) for c in columns]))

    made: Dataset = dataset(
        f"shop.curated.{name}",
        contract=Contract(grain="one row per sale", key=("id",), event_time="at", columns=columns),
        owner="team:shop",
        cadence=DAYS,
        checks=(between("amount", low=0),),
    )(body)
    return made


def job(lake: Lake, *datasets: Dataset) -> Job:
    """A job that knows these datasets; it computes whatever it is asked for."""
    return Job(
        lake=lake, find={d.name: d for d in datasets}.__getitem__, run_id="test", rebuild=True
    )


def give(
    lake: Lake, made: Dataset, first: str = "2013-01-01", last: str = "2013-01-03"
) -> Publication:
    """Publish a few days of January."""
    span = Span(DAYS, first, last)
    days = {int(key[-2:]) for key in span.keys}

    def body() -> pa.Table:
        rows = made()
        return rows.filter(pa.array([at.day in days for at in rows["at"].to_pylist()], pa.bool_()))

    cut = replace(made, body=body)
    done = publish(cut, span, job(lake, cut))
    done.refuse_blocked()
    return done


def read(lake: Lake, name: str = "shop.curated.sales") -> list[tuple[Any, ...]]:
    """What readers see: id, amount."""
    with lake.get_connection() as connection:
        return connection.execute(
            f"select id, amount from {table(DatasetName.parse(name))} order by id"
        ).fetchall()
