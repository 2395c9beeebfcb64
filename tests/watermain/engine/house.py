"""A lake whose curated datasets hold what a test gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from demo.flights import source_file
from platform_assets.operations import curated
from watermain.declare import Daily, Dataset, DatasetName
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake, table

CURATED = [d for d in vars(curated).values() if isinstance(d, Dataset)]
NEW_YORK = Daily(zone="America/New_York")
LEG = {
    "flight_id": "a",
    "carrier": "UA",
    "flight_number": 1,
    "tail_number": "N1",
    "origin": "EWR",
    "destination": "IAH",
    "scheduled_departure_at": datetime(2013, 1, 1, 15, tzinfo=UTC),
    "departed_at": datetime(2013, 1, 1, 15, 2, tzinfo=UTC),
    "departure_delay_minutes": 2,
    "arrival_delay_minutes": 14,
    "air_time_minutes": 227,
    "distance_miles": 1400,
    "status": "arrived",
}


class House:
    """A lake whose curated datasets hold what a test gives."""

    def __init__(self, lake: Lake, known: Mapping[str, Dataset]) -> None:
        self.lake = lake
        self.known = {d.name: d for d in (*CURATED, *known.values())}

    @property
    def job(self) -> Job:
        return Job(lake=self.lake, find=self.known.__getitem__, rebuild=True)

    def give(self, name: str, rows: pa.Table, span: Span | None = None) -> None:
        """Publish rows as a curated dataset."""
        dataset = self.known[DatasetName.parse(name)]
        rows = rows.select(dataset.contract.schema.names).cast(dataset.contract.schema)

        def body() -> pa.Table:
            return rows

        plain = replace(dataset, inputs={}, body=body)
        publish(plain, span, self.job).refuse_blocked()

    def read(self, name: str) -> pa.Table:
        """The visible rows of a dataset."""
        with self.lake.get_connection() as connection:
            found = connection.execute(
                f"select * from {table(DatasetName.parse(name))} order by all"
            )
            return found.to_arrow_table()

    def build(self, mart: str, first: str | None = None, last: str | None = None) -> None:
        """Publish a mart."""
        dataset = self.known[DatasetName("operations", "marts", mart)]
        span = None
        if dataset.cadence is not None and first is not None:
            span = Span(dataset.cadence, first, last or first)
        publish(dataset, span, self.job).refuse_blocked()


def legs(*changes: Mapping[str, Any]) -> pa.Table:
    """Flight legs, each told by how it differs from an ordinary one."""
    rows = [{**LEG, "flight_id": str(n), **change} for n, change in enumerate(changes)]
    return pa.Table.from_pylist(rows, schema=curated.flights.contract.schema)


def airlines() -> pa.Table:
    """Every airline of 2013."""
    return pa.Table.from_pandas(pd.read_csv(source_file("airlines.csv")), preserve_index=False)
