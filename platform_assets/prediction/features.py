"""What team prediction tells of airports, carriers, aircraft, routes."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import ibis
import pyarrow as pa

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    Feature,
    FeatureSet,
    Online,
    Slo,
    as_told,
    between,
    feature_table,
    needs,
)

OWNER = "team:prediction"
INSTANT = pa.timestamp("us", "UTC")
NEW_YORK = Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=30))
AT_ONCE = Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=5))
TRAINED_ON = (2, 31)  # the days of the calendar that `python -m demo train` learns from
SLO = Slo(ready_within=timedelta(minutes=15))
KNOWN = Column("known_at", INSTANT, "when the last fact behind the row was heard", nullable=False)
DEPARTED = Column("departed_at", INSTANT, "the departure that the row counts last")
DELAYS = (
    Column("mean_delay_minutes", pa.float64(), "of the window's departures", unit="minutes"),
    Column("late_share", pa.float64(), "of the window's departures, over 15 minutes late"),
    Column("departures", pa.int64(), "in the window, this one among them", nullable=False),
)


def _delays(
    table: str, grain: str, by: Mapping[str, Column], *, hours: int, max_age: timedelta
) -> Callable[[Callable[..., Any]], Dataset]:
    """Declare what departures of the last hours say of an entity.

    Shapes: `by` gives for each column of the departures the entity's column.
    """
    window, entity = timedelta(hours=hours), tuple(by.values())
    return feature_table(
        f"prediction.features.{table}",
        inputs={
            "departures": needs(
                "prediction.curated.departures",
                columns=(*by, "departed_at", "delay_minutes", "known_at", "superseded_at"),
                before=window,
            )
        },
        feature=Feature(
            entity=tuple(c.name for c in entity),
            known_at="known_at",
            version=2,
            trained_on=TRAINED_ON,
            max_age=max_age,
            online=Online(ttl=max_age + timedelta(days=1)),
        ),
        contract=Contract(
            grain=grain,
            key=(*(c.name for c in entity), "departed_at", "known_at"),
            event_time="departed_at",
            columns=(*entity, DEPARTED, *DELAYS, KNOWN),
        ),
        checks=(between("departures", low=1), between("late_share", low=0, high=1)),
        cadence=NEW_YORK,
        slo=SLO,
        owner=OWNER,
    )


def _rolling(departures: ibis.Table, by: tuple[str, ...], hours: int) -> ibis.Table:
    """Sum up the departures of each entity in the hours up to each of them, telling by telling."""
    told = as_told(
        departures,
        by=by,
        at="departed_at",
        known_at="known_at",
        superseded_at="superseded_at",
        preceding=timedelta(hours=hours),
    )
    return told.group_by(*by, "departed_at", "known_at").aggregate(
        mean_delay_minutes=told.delay_minutes.mean(),
        late_share=(told.delay_minutes > 15).cast("float64").mean(),
        departures=told.count(),
    )


@_delays(
    "airport_delay",
    "one row per airport, departure from it and telling",
    {"origin": Column("airport", pa.string(), "three-character airport code")},
    hours=3,
    max_age=timedelta(hours=6),
)
def airport_delay(departures: ibis.Table) -> ibis.Table:
    """Say how late departures from an airport were in the last three hours."""
    return _rolling(departures.rename(airport="origin"), ("airport",), 3)


@_delays(
    "carrier_delay",
    "one row per carrier, departure of it and telling",
    {"carrier": Column("carrier", pa.string(), "two-character airline code")},
    hours=6,
    max_age=timedelta(hours=12),
)
def carrier_delay(departures: ibis.Table) -> ibis.Table:
    """Say how late a carrier's departures were in the last six hours."""
    return _rolling(departures, ("carrier",), 6)


@_delays(
    "aircraft_delay",
    "one row per aircraft, departure of it and telling",
    {"tail_number": Column("tail_number", pa.string(), "registration of the aircraft")},
    hours=24,
    max_age=timedelta(hours=36),
)
def aircraft_delay(departures: ibis.Table) -> ibis.Table:
    """Say how late an aircraft's departures were in the last day."""
    return _rolling(departures, ("tail_number",), 24)


@_delays(
    "route_delay",
    "one row per route, departure on it and telling",
    {
        "origin": Column("origin", pa.string(), "airport of departure"),
        "destination": Column("destination", pa.string(), "airport of destination"),
    },
    hours=7 * 24,
    max_age=timedelta(days=7),
)
def route_delay(departures: ibis.Table) -> ibis.Table:
    """Say how late departures on a route were in the last seven days."""
    return _rolling(departures, ("origin", "destination"), 7 * 24)


@feature_table(
    "prediction.features.congestion",
    inputs={
        "movements": needs(
            "operations.curated.movements",
            columns=("kind", "airport", "happened_at", "phase_minutes", "heard_at"),
            before=timedelta(hours=1),
        )
    },
    feature=Feature(
        entity=("airport",),
        known_at="known_at",
        version=2,
        trained_on=TRAINED_ON,
        max_age=timedelta(hours=3),
        online=Online(ttl=timedelta(days=2)),
    ),
    contract=Contract(
        grain="one row per airport, take-off from it and telling",
        key=("airport", "took_off_at", "known_at"),
        event_time="took_off_at",
        columns=(
            Column("airport", pa.string(), "three-character airport code"),
            Column("took_off_at", INSTANT, "the take-off that the row counts last"),
            Column("take_offs", pa.int64(), "in the last hour, this one among them"),
            Column("mean_taxi_minutes", pa.float64(), "gate to runway", unit="minutes"),
            KNOWN,
        ),
    ),
    checks=(between("take_offs", low=1), between("mean_taxi_minutes", low=0, high=1440)),
    cadence=AT_ONCE,
    slo=SLO,
    owner=OWNER,
)
def congestion(movements: ibis.Table) -> ibis.Table:
    """Say how many aircraft took off from an airport in the last hour, how long they taxied."""
    off = movements.filter(movements.kind == "take_off").select(
        "airport", "phase_minutes", took_off_at=movements.happened_at, known_at=movements.heard_at
    )
    told = as_told(
        off, by=("airport",), at="took_off_at", known_at="known_at", preceding=timedelta(hours=1)
    )
    return told.group_by("airport", "took_off_at", "known_at").aggregate(
        take_offs=told.count(), mean_taxi_minutes=told.phase_minutes.mean()
    )


@feature_table(
    "prediction.features.weather",
    inputs={
        "reports": needs(
            "weather.curated.reports",
            columns=(
                "airport",
                "observed_at",
                "temperature_f",
                "wind_speed_mph",
                "precipitation_inches",
                "visibility_miles",
                "published_at",
            ),
        )
    },
    feature=Feature(
        entity=("airport",),
        known_at="published_at",
        version=2,
        max_age=timedelta(hours=3),
        online=Online(ttl=timedelta(days=2)),
    ),
    contract=Contract(
        grain="one row per airport, hour observed and publication",
        key=("airport", "observed_at", "published_at"),
        event_time="observed_at",
        columns=(
            Column("airport", pa.string(), "three-character airport code"),
            Column("observed_at", INSTANT, "the full hour"),
            Column("temperature_f", pa.float64(), "of the air", unit="degrees Fahrenheit"),
            Column("wind_speed_mph", pa.float64(), "mean", unit="miles per hour"),
            Column("precipitation_inches", pa.float64(), "of the hour", unit="inches"),
            Column("visibility_miles", pa.float64(), "10 is the most", unit="miles"),
            Column("published_at", INSTANT, "when the observation came out", nullable=False),
        ),
    ),
    cadence=Daily(late_for=timedelta(days=2), every=timedelta(seconds=30)),
    slo=Slo(ready_within=timedelta(hours=1)),
    owner=OWNER,
)
def weather(reports: ibis.Table) -> ibis.Table:
    """Take over what was observed at an airport, from the moment it came out."""
    return reports.select(
        "airport",
        "observed_at",
        "temperature_f",
        "wind_speed_mph",
        "precipitation_inches",
        "visibility_miles",
        "published_at",
    )


traveller_alerts = FeatureSet(
    name="traveller_alerts",
    features=("airport_delay", "carrier_delay", "route_delay", "congestion", "weather"),
    owner=OWNER,
    description="What tells a traveller, before the airline does, that a flight will be late.",
)
