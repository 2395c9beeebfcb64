"""What team customs captures: tables whose contracts change."""

from datetime import timedelta

import pyarrow as pa
from watermain import Column, Contract, Daily, Files, raw

from rooms.customs.plan import BROKEN, KNOWN, PLAYED, TIMES

COLUMNS = (
    Column("paper_id", pa.string(), "the paper"),
    Column("stamped_at", pa.timestamp("us", "UTC"), "when it was stamped"),
    Column("duty", pa.int64(), "what is to be paid", unit="EUR"),
)


FLAG = Column("flag", pa.string(), "under which flag the ship sails")
OFTEN = timedelta(seconds=5)


def papers(name, columns):
    """A table of files that a partner drops."""
    return raw(
        f"customs.raw.{name}",
        source=Files(
            connection="drop",
            pattern=f"{name}-*.csv",
            format="csv",
            settle_for=timedelta(seconds=1),
            look_every=OFTEN,
        ),
        contract=Contract(
            grain="one row per paper",
            key=("paper_id",),
            event_time="stamped_at",
            version="1.0.0",
            columns=columns,
        ),
        cadence=Daily(),
        owner="team:customs",
    )


def times(failure):
    """A table for each time that a failure is played, and one where it is not."""
    return range(1, (TIMES if failure in PLAYED else 1) + 1)


for _number in times("F2"):  # the source shows one more
    globals()[f"drifted_{_number}"] = papers(
        f"drifted_{_number}", (*COLUMNS, FLAG) if _number in KNOWN else COLUMNS
    )
for _number in times("F9"):  # it was released, and loses a column
    globals()[f"agreed_{_number}"] = papers(
        f"agreed_{_number}", COLUMNS[:-1] if _number in BROKEN else COLUMNS
    )
