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
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake
from watermain.testing import TrialLake

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


class House(TrialLake):
    """A lake whose curated datasets hold what a test gives; whatever is built is built anew."""

    def __init__(self, lake: Lake, known: Mapping[str, Dataset]) -> None:
        super().__init__(lake)
        self.know(*CURATED, *known.values())

    @property
    def job(self) -> Job:
        return replace(super().job, rebuild=True)

    def give(self, name: str, rows: pa.Table, span: Span | None = None) -> None:
        """Publish rows as a curated dataset."""
        dataset = self.find(DatasetName.parse(name))
        self.given(dataset, rows, *(span.keys if span else ()))

    def read(self, name: str) -> pa.Table:
        """The visible rows of a dataset."""
        return self.rows(self.find(DatasetName.parse(name))).table

    def build(self, mart: str, first: str | None = None, last: str | None = None) -> None:
        """Publish a mart."""
        self.publish(self.known[DatasetName("operations", "marts", mart)], first, last)


def legs(*changes: Mapping[str, Any]) -> pa.Table:
    """Flight legs, each told by how it differs from an ordinary one."""
    rows = [{**LEG, "flight_id": str(n), **change} for n, change in enumerate(changes)]
    return pa.Table.from_pylist(rows, schema=curated.flights.contract.schema)


def airlines() -> pa.Table:
    """Every airline of 2013."""
    return pa.Table.from_pandas(pd.read_csv(source_file("airlines.csv")), preserve_index=False)
