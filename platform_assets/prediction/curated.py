"""What team prediction knows of departures, since when it is known."""

from datetime import timedelta

import ibis
import pyarrow as pa

from platform_assets.declare import Column, Contract, Daily, Slo, between, dataset, needs

OWNER = "team:prediction"
INSTANT = pa.timestamp("us", "UTC")
NEW_YORK = Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=5))


@dataset(
    "prediction.curated.departures",
    inputs={
        "movements": "operations.curated.movements",
        "flights": needs(
            "operations.curated.flights",
            columns={"flight_id": pa.string(), "scheduled_departure_at": INSTANT},
            before=timedelta(days=1),
        ),
    },
    contract=Contract(
        grain="one row per flight leg that left the gate",
        key=("flight_id",),
        event_time="departed_at",
        columns=(
            Column("flight_id", pa.string(), "the flight leg, stable across corrections"),
            Column("origin", pa.string(), "airport of departure", nullable=False),
            Column("destination", pa.string(), "airport of destination", nullable=False),
            Column("carrier", pa.string(), "two-character airline code", nullable=False),
            Column("tail_number", pa.string(), "registration of the aircraft"),
            Column("departed_at", INSTANT, "gate out, as the aircraft told"),
            Column("delay_minutes", pa.float64(), "against the timetable", unit="minutes"),
            Column("known_at", INSTANT, "when the movement was heard", nullable=False),
        ),
    ),
    checks=(between("delay_minutes", low=-120, high=2880, severity="warn"),),
    cadence=NEW_YORK,
    slo=Slo(ready_within=timedelta(minutes=15)),
    owner=OWNER,
)
def departures(movements: ibis.Table, flights: ibis.Table) -> ibis.Table:
    """Hold each gate-out against the timetable of its flight, from the moment it was heard."""
    out = movements.filter(movements.kind == "gate_out")
    timetable = flights.select("flight_id", "origin", "destination", "scheduled_departure_at")
    both = out.join(timetable, "flight_id")
    late = both.happened_at.epoch_seconds() - both.scheduled_departure_at.epoch_seconds()
    return both.select(
        "flight_id",
        "origin",
        "destination",
        "carrier",
        "tail_number",
        departed_at=both.happened_at,
        delay_minutes=late / 60.0,
        known_at=both.happened_at + both.heard_after_seconds.as_interval("s"),
    )
