"""What team harbour knows to be true."""

import ibis
import pyarrow as pa
from watermain import Column, Contract, Hourly, dataset, latest_delivery

from rooms.harbour.plan import TIMES


def sightings(delivered: ibis.Table) -> ibis.Table:
    """Keep the last delivery of each sighting."""
    return latest_delivery(delivered, "sighting_id")


def seen(number):
    """What is computed from a table that comes late."""
    return dataset(
        f"harbour.curated.late_{number}",
        inputs={"delivered": f"harbour.raw.late_{number}"},
        contract=Contract(
            grain="one row per sighting, as it was delivered last",
            key=("sighting_id",),
            event_time="seen_at",
            version="0.1.0",
            columns=(
                Column("sighting_id", pa.string(), "the sighting, stable across corrections"),
                Column("seen_at", pa.timestamp("us", "UTC"), "when it was seen"),
                Column("containers", pa.int64(), "what it carries"),
            ),
        ),
        cadence=Hourly(),
        owner="team:harbour",
    )(sightings)


for _number in range(1, TIMES + 1):
    globals()[f"late_{_number}"] = seen(_number)
