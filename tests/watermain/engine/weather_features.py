"""Features of airports whose rows a test may publish, retract as it likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from watermain.declare import Column, Contract, Daily, Dataset, Sensitivity
from watermain.declare.feature import Feature, Online
from watermain.declare.feature_table import feature_table
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake

DAYS = Daily(start=date(2013, 1, 1))
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = NOON + 2 * DAY
TABLE = "weather.features.wind_v2"
COLUMNS = (
    Column("airport", pa.string(), "where"),
    Column("runway", pa.int64(), "which runway"),
    Column("at", pa.timestamp("us", "UTC"), "when"),
    Column("known_at", pa.timestamp("us", "UTC"), "since when that is known", nullable=False),
    Column("wind", pa.float64(), "how strong", unit="knots"),
    Column("fee", pa.decimal128(12, 2), "what it costs", unit="USD"),
)
Row = tuple[str, datetime, float]


def conditions(
    rows: Sequence[Row | tuple[Any, ...]] = (),
    *,
    ttl: timedelta | None = None,
    sensitivity: Sensitivity = Sensitivity.PUBLIC,
    cadence: Daily | None = DAYS,
    name: str = "wind",
) -> Dataset:
    """Wind at runway 1 of airports: each row an airport, an instant, a strength.

    A fourth value is the instant since when it is known, else that is its event time.
    """
    columns = (replace(COLUMNS[0], sensitivity=sensitivity), *COLUMNS[1:])
    given = [
        {
            "airport": airport,
            "runway": 1,
            "at": at,
            "known_at": more[0] if more else at,
            "wind": wind,
            "fee": None,
        }
        for airport, at, wind, *more in rows
    ]
    table = pa.Table.from_pylist(given, schema=pa.schema([(c.name, c.type) for c in columns]))

    def body() -> pa.Table:
        return table

    return feature_table(
        f"weather.features.{name}",
        feature=Feature(
            entity=("airport", "runway"), known_at="known_at", version=2, online=Online(ttl=ttl)
        ),
        contract=Contract(
            grain="one row per runway and report",
            key=("airport", "runway", "at", "known_at"),
            event_time="at",
            columns=columns,
        ),
        owner="team:weather",
        cadence=cadence,
    )(body)


def give(
    lake: Lake,
    made: Dataset,
    first: str = "2013-01-01",
    last: str = "2013-01-03",
    *,
    run: str = "run",
) -> None:
    """Publish days of January as the rows of a dataset; what they held before is replaced."""
    job = Job(lake=lake, find={made.name: made}.__getitem__, run_id=run, rebuild=True)
    if made.cadence is None:
        publish(made, None, job).refuse_blocked()
        return
    span = Span(made.cadence, first, last)

    def body() -> pa.Table:
        rows = made()
        days = set(span.keys)
        keep = [at.strftime("%Y-%m-%d") in days for at in rows["at"].to_pylist()]
        return rows.filter(pa.array(keep, pa.bool_()))

    publish(replace(made, body=body), span, job).refuse_blocked()
