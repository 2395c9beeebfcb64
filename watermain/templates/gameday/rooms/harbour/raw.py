"""What team harbour captures: a table for each time that a failure is provoked."""

from datetime import timedelta

import pyarrow as pa
from watermain import AtMost, Column, Contract, Files, Hourly, Slo, Urgency, raw

from rooms.harbour.plan import DUE_SECONDS, TIMES

OFTEN = timedelta(seconds=5)
SETTLED = timedelta(seconds=1)
COLUMNS = (
    Column("sighting_id", pa.string(), "the sighting, stable across corrections"),
    Column("seen_at", pa.timestamp("us", "UTC"), "when it was seen"),
    Column("containers", pa.int64(), "what it carries"),
)


def files(name, **words):
    """A table of files that a partner drops."""
    return raw(
        f"harbour.raw.{name}",
        source=Files(
            connection="drop",
            pattern=f"{name}-*.csv",
            format="csv",
            settle_for=SETTLED,
            look_every=OFTEN,
        ),
        contract=Contract(
            grain="one row per sighting",
            key=("sighting_id",),
            event_time="seen_at",
            version="0.1.0",
            columns=COLUMNS,
        ),
        owner="team:harbour",
        **words,
    )


def late(number):
    """A table that promises each hour so many seconds after its end."""
    return files(
        f"late_{number}",
        cadence=Hourly(),
        slo=Slo(
            ready_within=timedelta(seconds=DUE_SECONDS[number - 1]),
            objective=AtMost(6, of=672),
            urgency=Urgency(tier=1, page_on_first_miss=True),
            consumers=("the harbour master",),
        ),
    )


for _number in range(1, TIMES + 1):
    globals()[f"late_{_number}"] = late(_number)
