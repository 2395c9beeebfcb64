"""What team operations captures from outside."""

from datetime import timedelta

import pyarrow as pa

from watermain.declare import Column, Contract, Daily, Files, Kafka, Postgres, Sensitivity, Slo, raw

OWNER = "team:operations"
NEW_YORK = Daily(zone="America/New_York", late_for=timedelta(days=7))

flights = raw(
    "operations.raw.flights",
    description="Captured by logical replication; the latest change of a flight is its state.",
    source=Postgres(connection="operations_db", table="public.flights"),
    contract=Contract(
        grain="one row per change of a flight leg in the operations database",
        key=("flight_id",),
        event_time="scheduled_departure",
        columns=(
            Column("flight_id", pa.string(), "the flight leg, stable across corrections"),
            Column("carrier", pa.string(), "two-character airline code"),
            Column("flight", pa.int32(), "flight number"),
            Column("tailnum", pa.string(), "registration of the aircraft"),
            Column("origin", pa.string(), "airport of departure"),
            Column("dest", pa.string(), "airport of destination"),
            Column("scheduled_departure", pa.timestamp("us"), "New York wall clock"),
            Column("scheduled_arrival_hhmm", pa.int32(), "wall clock at the destination, hhmm"),
            Column("departure_delay_minutes", pa.int32(), "early is negative", unit="minutes"),
            Column("arrival_delay_minutes", pa.int32(), "early is negative", unit="minutes"),
            Column("air_time_minutes", pa.int32(), "time in the air", unit="minutes"),
            Column("distance_miles", pa.int32(), "between the airports", unit="miles"),
            Column("status", pa.string(), "scheduled, departed, arrived, cancelled, diverted"),
            Column("updated_at", pa.timestamp("us", "UTC"), "when the source changed the row"),
            Column("recorded_on", pa.date32(), "the day of 2013 whose flight is replayed"),
        ),
        version="1.1.0",
    ),
    cadence=NEW_YORK,
    slo=Slo(ready_within=timedelta(minutes=15)),
    owner=OWNER,
)

airline_contacts = raw(
    "operations.raw.airline_contacts",
    source=Postgres(connection="operations_db", table="public.airline_contacts"),
    contract=Contract(
        grain="one row per change of an airline's billing contact",
        key=("contact_id",),
        columns=(
            Column("contact_id", pa.int32(), "the contact"),
            Column("carrier", pa.string(), "two-character airline code"),
            Column("name", pa.string(), "a person", sensitivity=Sensitivity.PERSONAL),
            Column("email", pa.string(), "where bills go", sensitivity=Sensitivity.PERSONAL),
            Column("phone", pa.string(), "who to call", sensitivity=Sensitivity.PERSONAL),
        ),
    ),
    owner=OWNER,
)

airlines = raw(
    "operations.raw.airlines",
    source=Files(connection="partner_drop", pattern="airlines*.csv", format="csv"),
    contract=Contract(
        grain="one row per airline in each delivery",
        key=("carrier",),
        columns=(
            Column("carrier", pa.string(), "two-character airline code"),
            Column("name", pa.string(), "the airline"),
        ),
    ),
    owner=OWNER,
)

airports = raw(
    "operations.raw.airports",
    source=Files(connection="partner_drop", pattern="airports*.csv", format="csv"),
    contract=Contract(
        grain="one row per airport in each delivery",
        key=("faa",),
        columns=(
            Column("faa", pa.string(), "three-character airport code"),
            Column("name", pa.string(), "the airport"),
            Column("lat", pa.float64(), "latitude", unit="degrees"),
            Column("lon", pa.float64(), "longitude", unit="degrees"),
            Column("alt", pa.int32(), "above the sea", unit="feet"),
            Column("tzone", pa.string(), "IANA time zone"),
        ),
    ),
    owner=OWNER,
)

planes = raw(
    "operations.raw.planes",
    source=Files(connection="partner_drop", pattern="planes*.parquet", format="parquet"),
    contract=Contract(
        grain="one row per aircraft in each delivery",
        key=("tailnum",),
        columns=(
            Column("tailnum", pa.string(), "registration of the aircraft"),
            Column("year", pa.int32(), "year of manufacture"),
            Column("type", pa.string(), "kind of aircraft"),
            Column("manufacturer", pa.string(), "who built it"),
            Column("model", pa.string(), "the model"),
            Column("engines", pa.int32(), "number of engines"),
            Column("seats", pa.int32(), "number of seats"),
            Column("speed", pa.int32(), "cruising speed", unit="miles per hour"),
            Column("engine", pa.string(), "kind of engine"),
        ),
    ),
    owner=OWNER,
)

movements = raw(
    "operations.raw.movements",
    description="What aircraft report, as it arrives: some late, some twice, some out of order.",
    source=Kafka(connection="movement_bus", topic="movements", recreated="continue"),
    contract=Contract(
        grain="one row per message about a movement of an aircraft",
        key=("event_id",),
        event_time="happened_at",
        columns=(
            Column("event_id", pa.string(), "the movement; a message sent again has the same"),
            Column("flight_id", pa.string(), "the flight leg, stable across corrections"),
            Column("carrier", pa.string(), "two-character airline code"),
            Column("tail_number", pa.string(), "registration of the aircraft"),
            Column("kind", pa.string(), "gate_out, take_off, landing, gate_in"),
            Column("airport", pa.string(), "where; null where a diverted flight came down"),
            Column("happened_at", pa.timestamp("us", "UTC"), "when the aircraft moved"),
            Column("phase_began_at", pa.timestamp("us", "UTC"), "the movement before; null first"),
        ),
    ),
    cadence=NEW_YORK,
    slo=Slo(ready_within=timedelta(minutes=5)),
    owner=OWNER,
)
