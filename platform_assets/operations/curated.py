"""What team operations knows to be true."""

from datetime import timedelta

import ibis
import pyarrow as pa

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Quarantine,
    Sensitivity,
    Slo,
    accepted_values,
    between,
    dataset,
    expression,
    first_message,
    latest_delivery,
    latest_per_key,
    matches,
    needs,
    not_null,
    row_count,
    told_changes,
    unique,
    utc_from_local,
)

OWNER = "team:operations"
MOVEMENTS = ("gate_out", "take_off", "landing", "gate_in")
STREAMED = Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=5))
RARELY = Daily(zone="America/New_York", late_for=timedelta(days=7), every=timedelta(seconds=30))
FASTEST_MPH = 700  # over ground, with the jet stream behind
EARTH_RADIUS_MILES = 3958.8
STATES = ("scheduled", "departed", "arrived", "cancelled", "diverted")


@dataset(
    "operations.curated.flights",
    inputs={"changes": "operations.raw.flights"},
    contract=Contract(
        grain="one row per flight leg",
        key=("flight_id",),
        event_time="scheduled_departure_at",
        columns=(
            Column("flight_id", pa.string(), "the flight leg, stable across corrections"),
            Column("carrier", pa.string(), "two-character airline code", nullable=False),
            Column("flight_number", pa.int32(), "number of the flight"),
            Column("tail_number", pa.string(), "registration of the aircraft"),
            Column("origin", pa.string(), "airport of departure", nullable=False),
            Column("destination", pa.string(), "airport of destination", nullable=False),
            Column("scheduled_departure_at", pa.timestamp("us", "UTC"), "as in the timetable"),
            Column("departed_at", pa.timestamp("us", "UTC"), "gate out; null until then"),
            Column("departure_delay_minutes", pa.int32(), "early is negative", unit="minutes"),
            Column("arrival_delay_minutes", pa.int32(), "early is negative", unit="minutes"),
            Column("air_time_minutes", pa.int32(), "time in the air", unit="minutes"),
            Column("distance_miles", pa.int32(), "between the airports", unit="miles"),
            Column("status", pa.string(), "scheduled, departed, arrived, cancelled, diverted"),
            Column("recorded_on", pa.date32(), "the day of 2013 whose flight is replayed"),
        ),
        version="1.1.0",
    ),
    checks=(
        accepted_values("origin", ("EWR", "JFK", "LGA")),
        accepted_values("status", STATES),
        matches("carrier", "[A-Z0-9]{2}"),
        between("distance_miles", low=1, high=10_000),
        between("departure_delay_minutes", low=-120, high=2880, severity="warn"),
    ),
    cadence=Daily(zone="America/New_York", late_for=timedelta(days=7)),
    slo=Slo(ready_within=timedelta(hours=1)),
    owner=OWNER,
)
def flights(changes: ibis.Table) -> ibis.Table:
    """Keep the latest state of each flight, its New York times turned into UTC instants."""
    latest = latest_per_key(changes, "flight_id")
    scheduled = utc_from_local(latest.scheduled_departure, "America/New_York")
    timed = latest.mutate(scheduled_departure_at=scheduled)
    delay = timed.departure_delay_minutes.as_interval("m")
    return timed.select(
        "flight_id",
        "carrier",
        "scheduled_departure_at",
        "departure_delay_minutes",
        "arrival_delay_minutes",
        "air_time_minutes",
        "distance_miles",
        "status",
        "recorded_on",
        "origin",
        flight_number=timed.flight,
        tail_number=timed.tailnum,
        destination=timed.dest,
        departed_at=timed.scheduled_departure_at + delay,
    )


@dataset(
    "operations.curated.timetable",
    inputs={"changes": "operations.raw.flights"},
    contract=Contract(
        grain="one row per flight leg and telling of its timetable",
        key=("flight_id", "known_at"),
        event_time="scheduled_departure_at",
        columns=(
            Column("flight_id", pa.string(), "the flight leg, stable across corrections"),
            Column("origin", pa.string(), "airport of departure", nullable=False),
            Column("destination", pa.string(), "airport of destination", nullable=False),
            Column("scheduled_departure_at", pa.timestamp("us", "UTC"), "as the telling has it"),
            Column("known_at", pa.timestamp("us", "UTC"), "when the database said so"),
            Column("superseded_at", pa.timestamp("us", "UTC"), "by another telling; null if not"),
        ),
    ),
    cadence=RARELY,
    slo=Slo(ready_within=timedelta(minutes=15)),
    owner=OWNER,
)
def timetable(changes: ibis.Table) -> ibis.Table:
    """Keep each telling of a flight's timetable, its New York times turned into UTC instants."""
    told = told_changes(
        changes, "flight_id", ("origin", "dest", "scheduled_departure"), at="updated_at"
    )
    return told.select(
        "flight_id",
        "origin",
        "known_at",
        "superseded_at",
        destination=told.dest,
        scheduled_departure_at=utc_from_local(told.scheduled_departure, "America/New_York"),
    )


@dataset(
    "operations.curated.movements",
    inputs={"messages": "operations.raw.movements"},
    contract=Contract(
        grain="one row per movement of an aircraft",
        key=("flight_id", "kind"),
        event_time="happened_at",
        columns=(
            Column("flight_id", pa.string(), "the flight leg, stable across corrections"),
            Column("kind", pa.string(), "gate_out, take_off, landing, gate_in"),
            Column("carrier", pa.string(), "two-character airline code", nullable=False),
            Column("tail_number", pa.string(), "registration of the aircraft"),
            Column("airport", pa.string(), "where; null where a diverted flight came down"),
            Column("happened_at", pa.timestamp("us", "UTC"), "when the aircraft moved"),
            Column("phase_minutes", pa.int32(), "since the movement before", unit="minutes"),
            Column("heard_after_seconds", pa.int32(), "movement to message", unit="seconds"),
            Column("heard_at", pa.timestamp("us", "UTC"), "when the message came", nullable=False),
        ),
        version="1.1.0",
    ),
    checks=(
        accepted_values("kind", MOVEMENTS),
        matches("carrier", "[A-Z0-9]{2}"),
        between("phase_minutes", low=0, high=1440),
        between("heard_after_seconds", low=0, high=86_400, severity="warn"),
        expression("gate_out_begins", "(kind = 'gate_out') = (phase_minutes is null)"),
    ),
    cadence=STREAMED,
    slo=Slo(ready_within=timedelta(minutes=15)),
    owner=OWNER,
)
def movements(messages: ibis.Table) -> ibis.Table:
    """Keep the first message of each movement, on the day it happened, however late it came."""
    first = first_message(messages, "event_id")
    lasted = first.happened_at.epoch_seconds() - first.phase_began_at.epoch_seconds()
    heard = first["_timestamp"].epoch_seconds() - first.happened_at.epoch_seconds()
    return first.select(
        "flight_id",
        "kind",
        "carrier",
        "tail_number",
        "airport",
        "happened_at",
        phase_minutes=(lasted // 60).cast("int32"),
        heard_after_seconds=heard.cast("int32"),
        heard_at=first["_timestamp"],
    )


@dataset(
    "operations.curated.impossible_movements",
    inputs={
        "movements": needs(
            "operations.curated.movements",
            columns=("flight_id", "kind", "tail_number", "airport", "happened_at"),
            before=timedelta(days=1),
        ),
        "airports": needs("operations.curated.airports", columns=("faa", "latitude", "longitude")),
    },
    contract=Contract(
        grain="one row per movement that the aircraft was too far away to make",
        key=("flight_id", "kind"),
        event_time="happened_at",
        columns=(
            Column("flight_id", pa.string(), "the flight leg that claims the aircraft"),
            Column("kind", pa.string(), "gate_out, take_off, landing, gate_in"),
            Column("tail_number", pa.string(), "registration of the aircraft", nullable=False),
            Column("seen_at_airport", pa.string(), "where it moved before", nullable=False),
            Column("airport", pa.string(), "where it moved now", nullable=False),
            Column("happened_at", pa.timestamp("us", "UTC"), "when it moved now"),
            Column("minutes_between", pa.float64(), "from then to now", unit="minutes"),
            Column("miles_between", pa.float64(), "along the great circle", unit="miles"),
            Column("implied_mph", pa.float64(), "over ground", unit="miles per hour"),
        ),
    ),
    checks=(between("implied_mph", low=FASTEST_MPH),),
    cadence=RARELY,
    slo=Slo(ready_within=timedelta(minutes=15)),
    owner=OWNER,
)
def impossible_movements(movements: ibis.Table, airports: ibis.Table) -> ibis.Table:
    """Find aircraft that would have flown faster than any can, from where they were seen last."""
    known = movements.filter(movements.tail_number.notnull() & movements.airport.notnull())
    places = airports.select("faa", "latitude", "longitude")
    placed = known.join(places, known.airport == places.faa)
    last = ibis.window(
        group_by=placed.tail_number, order_by=[placed.happened_at, placed.flight_id, placed.kind]
    )
    pairs = placed.mutate(
        seen_at_airport=placed.airport.lag().over(last),
        seen_at=placed.happened_at.lag().over(last),
        from_latitude=placed.latitude.lag().over(last),
        from_longitude=placed.longitude.lag().over(last),
    )
    moved = pairs.filter(pairs.seen_at_airport != pairs.airport)
    minutes = (moved.happened_at.epoch_seconds() - moved.seen_at.epoch_seconds()) / 60.0
    told = moved.mutate(minutes_between=minutes, miles_between=_miles(moved))
    # times are told by the minute: what took none took one
    fast = told.mutate(
        implied_mph=told.miles_between * 60.0 / ibis.greatest(told.minutes_between, 1.0)
    )
    return fast.filter(fast.implied_mph > FASTEST_MPH).select(
        "flight_id",
        "kind",
        "tail_number",
        "seen_at_airport",
        "airport",
        "happened_at",
        "minutes_between",
        "miles_between",
        "implied_mph",
    )


def _miles(moved: ibis.Table) -> ibis.Value:
    """The great circle between two places, by the haversine."""
    south, north = moved.from_latitude.radians(), moved.latitude.radians()
    west, east = moved.from_longitude.radians(), moved.longitude.radians()
    up, across = ((north - south) / 2).sin(), ((east - west) / 2).sin()
    chord = up * up + south.cos() * north.cos() * across * across
    return 2 * EARTH_RADIUS_MILES * ibis.least(chord, 1.0).sqrt().asin()


@dataset(
    "operations.curated.airlines",
    inputs={"deliveries": "operations.raw.airlines"},
    contract=Contract(
        grain="one row per airline",
        key=("carrier",),
        columns=(
            Column("carrier", pa.string(), "two-character airline code"),
            Column("name", pa.string(), "the airline", nullable=False),
        ),
    ),
    checks=(row_count(low=1),),
    owner=OWNER,
)
def airlines(deliveries: ibis.Table) -> ibis.Table:
    """Keep each airline as the partner last delivered it."""
    return latest_delivery(deliveries, "carrier")


@dataset(
    "operations.curated.airline_contacts",
    inputs={
        "changes": "operations.raw.airline_contacts",
        "airlines": needs(
            "operations.curated.airlines",
            columns={"carrier": pa.string(), "name": pa.string()},
            guarantees=(unique("carrier"), not_null("name")),
        ),
    },
    contract=Contract(
        grain="one row per billing contact of an airline",
        key=("contact_id",),
        columns=(
            Column("contact_id", pa.int32(), "the contact"),
            Column("carrier", pa.string(), "two-character airline code", nullable=False),
            Column("airline", pa.string(), "name of the airline; null when nobody delivered it"),
            Column("name", pa.string(), "a person", sensitivity=Sensitivity.PERSONAL),
            Column("email", pa.string(), "where bills go", sensitivity=Sensitivity.PERSONAL),
            Column("phone", pa.string(), "who to call", sensitivity=Sensitivity.PERSONAL),
        ),
        quarantine=Quarantine(limit=0.1),
    ),
    checks=(matches("email", r"[^@\s]+@[^@\s]+\.[a-z]+", severity="quarantine"),),
    owner=OWNER,
)
def airline_contacts(changes: ibis.Table, airlines: ibis.Table) -> ibis.Table:
    """Keep each contact as the operations database last had it, with the airline's name."""
    latest = latest_per_key(changes, "contact_id")
    named = airlines.select("carrier", airline=airlines.name)
    return latest.left_join(named, "carrier").drop("carrier_right")


@dataset(
    "operations.curated.airports",
    inputs={"deliveries": "operations.raw.airports"},
    contract=Contract(
        grain="one row per airport",
        key=("faa",),
        columns=(
            Column("faa", pa.string(), "three-character airport code"),
            Column("name", pa.string(), "the airport", nullable=False),
            Column("latitude", pa.float64(), "north is positive", unit="degrees"),
            Column("longitude", pa.float64(), "east is positive", unit="degrees"),
            Column("altitude_feet", pa.int32(), "above the sea", unit="feet"),
            Column("tzone", pa.string(), "IANA time zone"),
        ),
    ),
    checks=(between("latitude", low=-90, high=90), between("longitude", low=-180, high=180)),
    owner=OWNER,
)
def airports(deliveries: ibis.Table) -> ibis.Table:
    """Keep each airport as the partner last delivered it."""
    latest = latest_delivery(deliveries, "faa")
    return latest.rename(latitude="lat", longitude="lon", altitude_feet="alt")


@dataset(
    "operations.curated.aircraft",
    inputs={"deliveries": "operations.raw.planes"},
    contract=Contract(
        grain="one row per aircraft",
        key=("tail_number",),
        columns=(
            Column("tail_number", pa.string(), "registration of the aircraft"),
            Column("manufactured_year", pa.int32(), "year of manufacture"),
            Column("type", pa.string(), "kind of aircraft"),
            Column("manufacturer", pa.string(), "who built it"),
            Column("model", pa.string(), "the model"),
            Column("engines", pa.int32(), "number of engines"),
            Column("seats", pa.int32(), "number of seats"),
            Column("speed_mph", pa.int32(), "cruising speed", unit="miles per hour"),
            Column("engine", pa.string(), "kind of engine"),
        ),
    ),
    checks=(between("engines", low=1, high=8), between("seats", low=1, high=900)),
    owner=OWNER,
)
def aircraft(deliveries: ibis.Table) -> ibis.Table:
    """Keep each aircraft as the partner last delivered it."""
    latest = latest_delivery(deliveries, "tailnum")
    return latest.rename(tail_number="tailnum", manufactured_year="year", speed_mph="speed")
