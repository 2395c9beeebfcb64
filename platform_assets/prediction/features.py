"""What team prediction tells of airports, carriers, aircraft, routes."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import ibis
import pyarrow as pa

from platform_assets.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    Feature,
    FeatureSet,
    Online,
    Slo,
    between,
    feature_table,
    needs,
)

OWNER = "team:prediction"
INSTANT = pa.timestamp("us", "UTC")
NEW_YORK = Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=5))
TRAINED_ON = (date(2013, 1, 2), date(2013, 1, 31))  # what `python -m demo train` learns from
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
                columns=(*by, "departed_at", "delay_minutes", "known_at"),
                before=window,
            )
        },
        feature=Feature(
            entity=tuple(c.name for c in entity),
            known_at="known_at",
            trained_on=TRAINED_ON,
            max_age=max_age,
            online=Online(ttl=max_age + timedelta(days=1)),
        ),
        contract=Contract(
            grain=grain,
            key=(*(c.name for c in entity), "departed_at"),
            event_time="departed_at",
            columns=(*entity, DEPARTED, *DELAYS, KNOWN),
        ),
        checks=(between("departures", low=1), between("late_share", low=0, high=1)),
        cadence=NEW_YORK,
        slo=SLO,
        owner=OWNER,
    )


def _rolling(departures: ibis.Table, by: tuple[str, ...], hours: int) -> ibis.Table:
    """Sum up the departures of each entity in the hours up to each of them."""
    named = departures.drop_null(by)
    window = ibis.range_window(
        group_by=by, order_by=named.departed_at, preceding=ibis.interval(hours=hours), following=0
    )
    late = (named.delay_minutes > 15).cast("float64")
    return named.select(
        *by,
        "departed_at",
        mean_delay_minutes=named.delay_minutes.mean().over(window),
        late_share=late.mean().over(window),
        departures=named.count().over(window),
        known_at=named.known_at.max().over(window),
    ).distinct()


@_delays(
    "airport_delay",
    "one row per airport and departure from it",
    {"origin": Column("airport", pa.string(), "three-character airport code")},
    hours=3,
    max_age=timedelta(hours=6),
)
def airport_delay(departures: ibis.Table) -> ibis.Table:
    """Say how late departures from an airport were in the last three hours."""
    return _rolling(departures.rename(airport="origin"), ("airport",), 3)


@_delays(
    "carrier_delay",
    "one row per carrier and departure of it",
    {"carrier": Column("carrier", pa.string(), "two-character airline code")},
    hours=6,
    max_age=timedelta(hours=12),
)
def carrier_delay(departures: ibis.Table) -> ibis.Table:
    """Say how late a carrier's departures were in the last six hours."""
    return _rolling(departures, ("carrier",), 6)


@_delays(
    "aircraft_delay",
    "one row per aircraft and departure of it",
    {"tail_number": Column("tail_number", pa.string(), "registration of the aircraft")},
    hours=24,
    max_age=timedelta(hours=36),
)
def aircraft_delay(departures: ibis.Table) -> ibis.Table:
    """Say how late an aircraft's departures were in the last day."""
    return _rolling(departures, ("tail_number",), 24)


@_delays(
    "route_delay",
    "one row per route and departure on it",
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
            columns=("kind", "airport", "happened_at", "phase_minutes", "heard_after_seconds"),
            before=timedelta(hours=1),
        )
    },
    feature=Feature(
        entity=("airport",),
        known_at="known_at",
        trained_on=TRAINED_ON,
        max_age=timedelta(hours=3),
        online=Online(ttl=timedelta(days=2)),
    ),
    contract=Contract(
        grain="one row per airport and take-off from it",
        key=("airport", "took_off_at"),
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
    cadence=NEW_YORK,
    slo=SLO,
    owner=OWNER,
)
def congestion(movements: ibis.Table) -> ibis.Table:
    """Say how many aircraft took off from an airport in the last hour, how long they taxied."""
    off = movements.filter((movements.kind == "take_off") & movements.airport.notnull())
    window = ibis.range_window(
        group_by="airport", order_by=off.happened_at, preceding=ibis.interval(hours=1), following=0
    )
    heard = off.happened_at + off.heard_after_seconds.as_interval("s")
    return off.select(
        "airport",
        took_off_at=off.happened_at,
        take_offs=off.count().over(window),
        mean_taxi_minutes=off.phase_minutes.mean().over(window),
        known_at=heard.max().over(window),
    ).distinct()


@feature_table(
    "prediction.features.weather",
    inputs={
        "observations": needs(
            "weather.curated.observations",
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
        max_age=timedelta(hours=3),
        online=Online(ttl=timedelta(days=2)),
    ),
    contract=Contract(
        grain="one row per airport and hour observed",
        key=("airport", "observed_at"),
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
def weather(observations: ibis.Table) -> ibis.Table:
    """Take over what was observed at an airport, from the moment it came out."""
    return observations.select(
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
