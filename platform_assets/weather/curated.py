"""What team weather knows to be true."""

from datetime import timedelta

import ibis
import pyarrow as pa

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Slo,
    accepted_values,
    between,
    dataset,
    expression,
    latest_delivery,
    needs,
)

OWNER = "team:weather"
AIRPORTS = ("EWR", "JFK", "LGA")
INSTANT = "timestamp('UTC', 6)"
DAILY = Daily(late_for=timedelta(days=2))


@dataset(
    "weather.curated.observations",
    inputs={"published": "weather.raw.observations"},
    contract=Contract(
        grain="one row per airport and hour",
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
            Column("published_at", pa.timestamp("us", "UTC"), "when this version came out"),
        ),
    ),
    checks=(
        accepted_values("airport", AIRPORTS),
        between("temperature_f", low=-40, high=130),
        between("wind_direction_degrees", low=0, high=360),
        between("wind_speed_mph", low=0, high=150, severity="warn"),  # one of 2013 reads 1048
        between("pressure_hpa", low=900, high=1100),
        expression("observed_on_the_hour", "observed_at = date_trunc('hour', observed_at)"),
    ),
    cadence=DAILY,
    slo=Slo(ready_within=timedelta(hours=1)),
    owner=OWNER,
)
def observations(published: ibis.Table) -> ibis.Table:
    """Keep each airport's hour as the service last published it."""
    return latest_delivery(published, ("airport", "observed_at"))


@dataset(
    "weather.curated.reports",
    inputs={"published": "weather.raw.observations"},
    contract=Contract(
        grain="one row per airport, hour and publication",
        key=("airport", "observed_at", "published_at"),
        event_time="observed_at",
        columns=tuple(
            Column(c.name, c.type, c.description, unit=c.unit)
            for c in observations.contract.columns
        ),
    ),
    checks=observations.checks,
    cadence=DAILY,
    slo=Slo(ready_within=timedelta(hours=1)),
    owner=OWNER,
)
def reports(published: ibis.Table) -> ibis.Table:
    """Keep each version of an airport's hour, from the one first published to the last."""
    return latest_delivery(published, ("airport", "observed_at", "published_at"))


@dataset(
    "weather.curated.airport_conditions",
    inputs={
        "observations": needs(
            "weather.curated.observations",
            columns=(
                "airport",
                "observed_at",
                "temperature_f",
                "wind_speed_mph",
                "visibility_miles",
                "pressure_hpa",
            ),
            optional=True,
        ),
        "telemetry": needs(
            "weather.raw.station_telemetry",
            columns=("airport", "measured_at", "instrument", "value"),
            optional=True,
        ),
    },
    contract=Contract(
        grain="one row per airport and hour with an observation or a reading",
        key=("airport", "hour_at"),
        event_time="hour_at",
        columns=(
            Column("airport", pa.string(), "three-character airport code"),
            Column("hour_at", pa.timestamp("us", "UTC"), "the hour's beginning"),
            Column("temperature_f", pa.float64(), "observed", unit="degrees Fahrenheit"),
            Column("wind_speed_mph", pa.float64(), "observed", unit="miles per hour"),
            Column("visibility_miles", pa.float64(), "observed", unit="miles"),
            Column("pressure_hpa", pa.float64(), "observed", unit="hPa"),
            Column("readings", pa.int64(), "of the field station in the hour", nullable=False),
            Column("mean_wind_mph", pa.float64(), "of the readings", unit="miles per hour"),
            Column("lowest_visibility_miles", pa.float64(), "of the readings", unit="miles"),
            Column("mean_pressure_hpa", pa.float64(), "of the readings", unit="hPa"),
        ),
    ),
    checks=(
        accepted_values("airport", AIRPORTS),
        between("readings", low=0),
        between("lowest_visibility_miles", low=0),
        between("mean_pressure_hpa", low=900, high=1100),
    ),
    cadence=DAILY,
    slo=Slo(ready_within=timedelta(hours=1)),
    owner=OWNER,
)
def airport_conditions(observations: ibis.Table, telemetry: ibis.Table) -> ibis.Table:
    """Put beside each hour's observation what the field station read during it."""
    read = telemetry.mutate(hour_at=telemetry.measured_at.truncate("h").cast(INSTANT))
    measured = read.group_by("airport", "hour_at").aggregate(
        readings=read.count(),
        mean_wind_mph=read.value.mean(where=read.instrument == "wind"),
        lowest_visibility_miles=read.value.min(where=read.instrument == "visibility"),
        mean_pressure_hpa=read.value.mean(where=read.instrument == "pressure"),
    )
    observed = observations.select(
        "airport",
        "temperature_f",
        "wind_speed_mph",
        "visibility_miles",
        "pressure_hpa",
        hour_at=observations.observed_at,
    )
    both = observed.outer_join(measured, ["airport", "hour_at"])
    return both.mutate(
        airport=ibis.coalesce(both.airport, both.airport_right),
        hour_at=ibis.coalesce(both.hour_at, both.hour_at_right),
        readings=ibis.coalesce(both.readings, 0),
    ).drop("airport_right", "hour_at_right")
