"""What team customs captures: a table for each time that a contract breaks."""

from datetime import timedelta

import pyarrow as pa
from watermain import Column, Contract, Daily, Files, raw

from rooms.customs.plan import BROKEN, TIMES

COLUMNS = (
    Column("paper_id", pa.string(), "the paper"),
    Column("stamped_at", pa.timestamp("us", "UTC"), "when it was stamped"),
    Column("duty", pa.int64(), "what is to be paid", unit="EUR"),
)


def agreed(number):
    """F9: a contract that was released, and that may lose a column without a new version."""
    return raw(
        f"customs.raw.agreed_{number}",
        source=Files(
            connection="drop",
            pattern=f"agreed_{number}-*.csv",
            format="csv",
            look_every=timedelta(minutes=1),
        ),
        contract=Contract(
            grain="one row per paper",
            key=("paper_id",),
            event_time="stamped_at",
            version="1.0.0",
            columns=COLUMNS[:-1] if number in BROKEN else COLUMNS,
        ),
        cadence=Daily(),
        owner="team:customs",
    )


for _number in range(1, TIMES + 1):
    globals()[f"agreed_{_number}"] = agreed(_number)
