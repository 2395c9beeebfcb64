"""What team harbour knows to be true."""

import time
from datetime import date, timedelta

import ibis
import pyarrow as pa
from watermain import Column, Contract, Daily, Hourly, dataset, latest_delivery

from rooms.harbour.plan import PLAYED, TIMES, TODAY

COLUMNS = (
    Column("sighting_id", pa.string(), "the sighting, stable across corrections"),
    Column("seen_at", pa.timestamp("us", "UTC"), "when it was seen"),
    Column("containers", pa.int64(), "what it carries"),
)
SINCE = date(*TODAY) - timedelta(days=1)  # hours are many
HOURLY, DAILY = Hourly(start=SINCE), Daily(start=SINCE)
LIGHT, PACE = 1000, 1000  # more containers are weighed one by one, so many in a second


def sightings(delivered: ibis.Table) -> ibis.Table:
    """Keep the last delivery of each sighting."""
    return latest_delivery(delivered, "sighting_id")


def weighed(delivered: pa.Table) -> pa.Table:
    """Sum what each sighting was told to carry, and take the longer the more a single one does."""
    wanted = delivered.select([column.name for column in COLUMNS])
    summed = wanted.group_by("sighting_id").aggregate([("seen_at", "min"), ("containers", "sum")])
    heavy = [n for n in summed.column("containers_sum").to_pylist() if n > LIGHT]
    time.sleep(sum(heavy) / PACE)
    return pa.table(
        {
            "sighting_id": summed.column("sighting_id"),
            "seen_at": summed.column("seen_at_min"),
            "containers": summed.column("containers_sum"),
        }
    )


def computed(name, body, cadence):
    """A table that is computed from the raw one of the same name."""
    return dataset(
        f"harbour.curated.{name}",
        inputs={"delivered": f"harbour.raw.{name}"},
        contract=Contract(
            grain="one row per sighting",
            key=("sighting_id",),
            event_time="seen_at",
            version="0.1.0",
            columns=COLUMNS,
        ),
        cadence=cadence,
        owner="team:harbour",
    )(body)


def times(failure):
    """A table for each time that a failure is played, and one where it is not."""
    return range(1, (TIMES if failure in PLAYED else 1) + 1)


for _number in times("F1"):
    globals()[f"late_{_number}"] = computed(f"late_{_number}", sightings, HOURLY)
for _number in times("F4"):
    globals()[f"dear_{_number}"] = computed(f"dear_{_number}", weighed, DAILY)
for _number in times("F8"):
    globals()[f"heavy_{_number}"] = computed(f"heavy_{_number}", weighed, HOURLY)
