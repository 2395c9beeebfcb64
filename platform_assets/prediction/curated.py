"""What team prediction knows of departures, since when it is known."""

from datetime import timedelta

import ibis
import pyarrow as pa

from watermain.declare import Column, Contract, Daily, Migration, Slo, between, dataset, needs

OWNER = "team:prediction"
INSTANT = pa.timestamp("us", "UTC")
NEW_YORK = Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=30))


@dataset(
    "prediction.curated.departures",
    inputs={
        "movements": "operations.curated.movements",
        "timetable": needs(
            "operations.curated.timetable",
            columns={
                "flight_id": pa.string(),
                "scheduled_departure_at": INSTANT,
                "known_at": INSTANT,
                "superseded_at": INSTANT,
            },
            before=timedelta(days=1),
        ),
    },
    contract=Contract(
        grain="one row per flight leg that left the gate and telling of it",
        key=("flight_id", "known_at"),
        event_time="departed_at",
        columns=(
            Column("flight_id", pa.string(), "the flight leg, stable across corrections"),
            Column("origin", pa.string(), "airport of departure", nullable=False),
            Column("destination", pa.string(), "airport of destination", nullable=False),
            Column("carrier", pa.string(), "two-character airline code", nullable=False),
            Column("tail_number", pa.string(), "registration of the aircraft"),
            Column("departed_at", INSTANT, "gate out, as the aircraft told"),
            Column("delay_minutes", pa.float64(), "against the timetable", unit="minutes"),
            Column("known_at", INSTANT, "when movement and timetable were known", nullable=False),
            Column("superseded_at", INSTANT, "by another telling; null if not"),
        ),
        version="2.0.0",
        migrations=(Migration("2.0.0", "of each flight read the row without superseded_at"),),
    ),
    checks=(between("delay_minutes", low=-120, high=2880, severity="warn"),),
    cadence=NEW_YORK,
    slo=Slo(ready_within=timedelta(minutes=15)),
    owner=OWNER,
)
def departures(movements: ibis.Table, timetable: ibis.Table) -> ibis.Table:
    """Hold each gate-out against each telling of its flight's timetable, once both are known."""
    out = movements.filter(movements.kind == "gate_out")
    told = timetable.rename(told_at="known_at")
    both = out.join(told, "flight_id")
    late = both.happened_at.epoch_seconds() - both.scheduled_departure_at.epoch_seconds()
    known = ibis.greatest(both.heard_at, both.told_at)
    # a telling that was over before the movement was heard never was an answer
    held = both.filter(both.superseded_at.isnull() | (both.superseded_at > known))
    return held.select(
        "flight_id",
        "origin",
        "destination",
        "carrier",
        "tail_number",
        "superseded_at",
        departed_at=both.happened_at,
        delay_minutes=late / 60.0,
        known_at=known,
    )
