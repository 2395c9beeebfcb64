"""A room of reports that its readers read beside readings."""

from __future__ import annotations

from datetime import date

import ibis
import pyarrow as pa

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    Files,
    Monthly,
    dataset,
    needs,
    raw,
    unique,
)

INSTANT = pa.timestamp("us", "UTC")
DAYS, MONTHS = Daily(start=date(2026, 1, 1)), Monthly(start=date(2026, 1, 1))
LATER = Daily(start=date(2026, 3, 1))
CONTRACT = Contract(
    grain="one row per event",
    key=("id",),
    event_time="at",
    columns=(Column("id", pa.string(), "the event"), Column("at", INSTANT, "when")),
)
OWNER = "team:field"


def captured(name: str, cadence: Daily) -> Dataset:
    """A dataset that comes from outside, with a check that may fail."""
    return raw(
        f"field.raw.{name}",
        source=Files(connection="drop", pattern=f"{name}*.csv", format="csv"),
        contract=CONTRACT,
        checks=(unique("id"),),
        cadence=cadence,
        owner=OWNER,
    )


reports, readings = captured("reports", DAYS), captured("readings", LATER)


@dataset(
    "field.curated.conditions",
    inputs={
        "reports": "field.raw.reports",
        "readings": needs("field.raw.readings", columns=("id", "at"), optional=True),
    },
    contract=CONTRACT,
    cadence=DAYS,
    owner=OWNER,
)
def conditions(reports: ibis.Table, readings: ibis.Table) -> ibis.Table:
    """Take what was reported, read or not."""
    return reports.left_join(readings.select("id"), "id").select("id", "at")


@dataset(
    "field.curated.either",
    inputs={
        "reports": needs("field.raw.reports", columns=("id", "at"), optional=True),
        "readings": needs("field.raw.readings", columns=("id", "at"), optional=True),
    },
    contract=CONTRACT,
    cadence=DAYS,
    owner=OWNER,
)
def either(reports: ibis.Table, readings: ibis.Table) -> ibis.Table:
    """Take what was reported or read."""
    return reports.select("id", "at").union(readings.select("id", "at"))


@dataset(
    "field.curated.months",
    inputs={"reports": "field.raw.reports"},
    contract=CONTRACT,
    cadence=MONTHS,
    owner=OWNER,
)
def months(reports: ibis.Table) -> ibis.Table:
    """Take the reports of a month."""
    return reports.select("id", "at")


@dataset(
    "field.curated.both",
    inputs={"reports": "field.raw.reports", "readings": "field.raw.readings"},
    contract=CONTRACT,
    cadence=DAYS,
    owner=OWNER,
)
def both(reports: ibis.Table, readings: ibis.Table) -> ibis.Table:
    """Take what was reported and read."""
    return reports.semi_join(readings, "id").select("id", "at")


READERS = (conditions, either, months, both)
KNOWN = {d.name: d for d in (reports, readings, *READERS)}
