"""What team harbour captures: a table for each time that a failure is provoked."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from watermain import (
    AtMost,
    Bearer,
    Column,
    Contract,
    Daily,
    Files,
    Hourly,
    Increment,
    Rest,
    Slo,
    Urgency,
    raw,
)

from rooms.harbour.plan import DUE_SECONDS, PLAYED, TIMES, TODAY

OFTEN = timedelta(seconds=5)
SETTLED = timedelta(seconds=1)
SINCE = date(*TODAY) - timedelta(days=1)  # hours are many
AWAKE = Urgency(tier=1, page_on_first_miss=True)


def contract(**words):
    """What every table here has."""
    return Contract(
        grain="one row per sighting",
        key=("sighting_id",),
        event_time="seen_at",
        version="0.1.0",
        columns=(
            Column("sighting_id", pa.string(), "the sighting, stable across corrections"),
            Column("seen_at", pa.timestamp("us", "UTC"), "when it was seen"),
            Column("containers", pa.int64(), "what it carries"),
        ),
        **words,
    )


def files(name, *, promised=None, **words):
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
        contract=promised or contract(),
        owner="team:harbour",
        **words,
    )


def late(number):
    """F1: each hour is promised so many seconds after its end."""
    return files(
        f"late_{number}",
        cadence=Hourly(start=SINCE),
        slo=Slo(
            ready_within=timedelta(seconds=DUE_SECONDS[number - 1]),
            objective=AtMost(6, of=672),
            urgency=AWAKE,
            consumers=("the harbour master",),
        ),
    )


def guarded(number):
    """F10: a service that wants a token; somebody is promised it for the day after tomorrow."""
    return raw(
        f"harbour.raw.guarded_{number}",
        source=Rest(
            connection="tides",
            path=f"/v1/tides/{number}",
            records="items",
            window=Increment(
                since="since",
                until="until",
                start=datetime.combine(date(*TODAY), datetime.min.time(), UTC),
                every=timedelta(seconds=10),
                catch_up=timedelta(days=2),
            ),
            auth=Bearer(f"file:./secrets/tides_{number}"),
            look_every=OFTEN,
        ),
        contract=contract(),
        cadence=Hourly(start=date(*TODAY)),
        slo=Slo(ready_within=timedelta(days=2), objective=AtMost(6, of=672), urgency=AWAKE),
        owner="team:harbour",
    )


def times(failure):
    """A table for each time that a failure is played, and one where it is not."""
    return range(1, (TIMES if failure in PLAYED else 1) + 1)


for _number in times("F1"):
    globals()[f"late_{_number}"] = late(_number)
for _number in times("F3"):
    globals()[f"thinned_{_number}"] = files(f"thinned_{_number}", cadence=Daily())
for _number in times("F4"):
    globals()[f"dear_{_number}"] = files(f"dear_{_number}", cadence=Daily(start=SINCE))
for _number in times("F5"):
    globals()[f"doubled_{_number}"] = files(
        f"doubled_{_number}", promised=contract(repeats_within=timedelta(days=2)), cadence=Daily()
    )
for _number in times("F6"):
    globals()[f"piled_{_number}"] = files(f"piled_{_number}", cadence=Daily())
for _number in times("F7"):
    globals()[f"asked_{_number}"] = files(f"asked_{_number}", cadence=Daily())
for _number in times("F8"):
    globals()[f"heavy_{_number}"] = files(f"heavy_{_number}", cadence=Hourly(start=SINCE))
for _number in times("F10"):
    globals()[f"guarded_{_number}"] = guarded(_number)
