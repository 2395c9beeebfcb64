"""What team weather captures from outside."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from watermain.declare import (
    Bearer,
    ByCursor,
    Column,
    Contract,
    Daily,
    Increment,
    Mqtt,
    Rest,
    Slo,
    raw,
)

OWNER = "team:weather"
DAILY = Daily(late_for=timedelta(days=2))

observations = raw(
    "weather.raw.observations",
    description="Windows run over the time of publication: what is late or corrected comes too.",
    source=Rest(
        connection="weather",
        path="/v1/observations",
        records="data.items",
        total="meta.total",
        pages=ByCursor(parameter="cursor", next="meta.next"),
        window=Increment(
            since="published_since",
            until="published_until",
            start=datetime(2013, 1, 1, tzinfo=UTC),
            every=timedelta(minutes=5),
            overlap=timedelta(minutes=15),
            catch_up=timedelta(days=366),
        ),
        auth=Bearer("file:./secrets/weather"),
        rate=5.0,
    ),
    contract=Contract(
        grain="one row per published version of an airport's hourly observation",
        key=("airport", "observed_at"),
        event_time="observed_at",
        columns=(
            Column("airport", pa.string(), "three-character airport code"),
            Column("observed_at", pa.timestamp("us", "UTC"), "the full hour"),
            Column("temperature_f", pa.float64(), "of the air", unit="degrees Fahrenheit"),
            Column("dew_point_f", pa.float64(), "of the air", unit="degrees Fahrenheit"),
            Column("humidity_percent", pa.float64(), "relative", unit="percent"),
            Column("wind_direction_degrees", pa.int32(), "where from", unit="degrees"),
            Column("wind_speed_mph", pa.float64(), "mean", unit="miles per hour"),
            Column("wind_gust_mph", pa.float64(), "null without gusts", unit="miles per hour"),
            Column("precipitation_inches", pa.float64(), "of the hour", unit="inches"),
            Column("pressure_hpa", pa.float64(), "at sea level", unit="hPa"),
            Column("visibility_miles", pa.float64(), "10 is the most", unit="miles"),
            Column("published_at", pa.timestamp("us", "UTC"), "when the service had it"),
        ),
        drift="evolve",
    ),
    cadence=DAILY,
    slo=Slo(ready_within=timedelta(minutes=30)),
    owner=OWNER,
)

station_telemetry = raw(
    "weather.raw.station_telemetry",
    description="Each instrument numbers its messages; a hole shows in the ledger's position.",
    source=Mqtt(
        connection="field_stations",
        topic="stations/+/telemetry/+",
        device="device",
        sequence="sequence",
    ),
    contract=Contract(
        grain="one row per reading of an instrument",
        key=("device", "sequence"),
        event_time="measured_at",
        columns=(
            Column("device", pa.string(), "the instrument of a field station"),
            Column("sequence", pa.int64(), "its own number of the message"),
            Column("airport", pa.string(), "three-character airport code"),
            Column("instrument", pa.string(), "wind, visibility, pressure"),
            Column("value", pa.float64(), "what it read, in `unit`"),
            Column("unit", pa.string(), "miles per hour, miles, hPa"),
            Column("measured_at", pa.timestamp("us", "UTC"), "when it read"),
        ),
    ),
    cadence=DAILY,
    slo=Slo(ready_within=timedelta(minutes=5)),
    owner=OWNER,
)
