"""The dbt marts, published from the compiled SQL."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa
import pytest

from demo.flights import source_file
from platform_assets.operations import curated
from tests.watermain.engine.house import NEW_YORK, House, airlines, legs
from watermain.declare import DatasetName
from watermain.declare.errors import BrokenContractError
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span


def test_publish_keeps_marts_whole_over_the_days_the_clock_moves(house: House) -> None:
    """The last minute of a 23-hour day, the first of the next, are cut where New York cuts."""
    instants = ["2013-03-10 04:59", "2013-03-10 05:00", "2013-03-11 03:59", "2013-03-11 04:00"]
    given = [{"scheduled_departure_at": datetime.fromisoformat(f"{i}+00:00")} for i in instants]
    house.give(
        "operations.curated.flights", legs(*given), Span(NEW_YORK, "2013-03-09", "2013-03-11")
    )
    house.build("fct_departures", "2013-03-09", "2013-03-11")
    house.build("fct_daily_punctuality", "2013-03-09", "2013-03-11")
    found = house.read("operations.marts.fct_daily_punctuality").to_pylist()
    assert [(str(r["flight_on"]), r["flights"]) for r in found] == [
        ("2013-03-09", 1),
        ("2013-03-10", 2),
        ("2013-03-11", 1),
    ]


def january() -> tuple[pd.DataFrame, pa.Table]:
    """The flights of January 2013: as the file has them, as curated rows."""
    with zipfile.ZipFile(source_file("flights.csv.zip")) as archive:
        frame = pd.read_csv(archive.open("flights.csv"))
    frame = frame[frame["month"] == 1].reset_index(drop=True)
    at = pd.to_datetime(frame[["year", "month", "day", "hour", "minute"]]).dt.tz_localize(
        "America/New_York"
    )
    state = pd.Series("arrived", index=frame.index)
    state[frame["arr_delay"].isna()] = "diverted"
    state[frame["dep_time"].isna()] = "cancelled"
    columns = {
        "flight_id": frame.index.astype(str),
        "carrier": frame["carrier"],
        "flight_number": frame["flight"],
        "tail_number": frame["tailnum"],
        "origin": frame["origin"],
        "destination": frame["dest"],
        "scheduled_departure_at": at.dt.tz_convert("UTC"),
        "departed_at": at.dt.tz_convert("UTC") + pd.to_timedelta(frame["dep_delay"], unit="m"),
        "departure_delay_minutes": frame["dep_delay"],
        "arrival_delay_minutes": frame["arr_delay"],
        "air_time_minutes": frame["air_time"],
        "distance_miles": frame["distance"],
        "status": state,
        "recorded_on": at.dt.date,
    }
    schema = curated.flights.contract.schema
    return frame, pa.Table.from_pandas(pd.DataFrame(columns), schema=schema, preserve_index=False)


@pytest.mark.slow
def test_marts_of_a_real_month_equal_pandas_over_the_file(house: House) -> None:
    """Counts, cancelled, diverted, on time, mean delay: per carrier, to the row."""
    frame, rows = january()
    house.give("operations.curated.flights", rows, Span(NEW_YORK, "2013-01-01", "2013-01-31"))
    house.give("operations.curated.airlines", airlines())
    house.build("fct_departures", "2013-01-01", "2013-01-31")
    house.build("fct_daily_punctuality", "2013-01-01", "2013-01-31")
    house.build("fct_monthly_on_time_report", "2013-01-01")
    frame["cancelled"] = frame["dep_time"].isna()
    frame["diverted"] = ~frame["cancelled"] & frame["arr_delay"].isna()
    frame["on_time"] = frame["arr_delay"] < 15
    for mart, by in (
        ("fct_monthly_on_time_report", ["carrier"]),
        ("fct_daily_punctuality", ["day", "origin", "carrier"]),
    ):
        expected = frame.groupby(by).agg(
            flights=("flight", "size"),
            cancelled=("cancelled", "sum"),
            diverted=("diverted", "sum"),
            on_time=("on_time", "sum"),
            mean_arrival_delay_minutes=("arr_delay", "mean"),
        )
        found = house.read(f"operations.marts.{mart}").to_pandas()
        if "day" in by:
            found["day"] = pd.to_datetime(found["flight_on"]).dt.day
        found = found.set_index(by)[list(expected.columns)].sort_index()
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_index_type=False)
    assert len(house.read("operations.marts.fct_departures")) == 27_004


def test_publish_holds_a_mart_back_when_a_dbt_test_fails(house: House) -> None:
    """A generic test without a word of ours blocks like any other check."""
    span = Span(NEW_YORK, "2013-01-01", "2013-01-02")
    second = datetime(2013, 1, 2, 15, tzinfo=UTC)
    house.give("operations.curated.flights", legs({}, {"scheduled_departure_at": second}), span)
    house.build("fct_departures", "2013-01-01", "2013-01-02")
    mart = house.known[DatasetName.parse("operations.marts.fct_daily_punctuality")]
    assert mart.mart is not None
    where = "case when flight_on = date '2013-01-02' then 9 else 0 end"
    sql = mart.mart.sql.replace("is_on_time) AS", f"is_on_time) + max({where}) AS")
    assert sql != mart.mart.sql
    done = publish(replace(mart, mart=replace(mart.mart, sql=sql)), span, house.job)
    blocked = {(o.partition, f.check) for o in done.outcomes for f in o.findings if f.blocks}
    assert blocked == {("2013-01-02", "punctuality_adds_up")}
    found = house.read("operations.marts.fct_daily_punctuality").to_pylist()
    assert [str(r["flight_on"]) for r in found] == ["2013-01-01"]
    with pytest.raises(BrokenContractError, match="break `punctuality_adds_up`"):
        done.refuse_blocked()


def test_publish_warns_but_publishes_when_a_dbt_test_of_severity_warn_fails(house: House) -> None:
    """An airline nobody delivered is reported, no more."""
    span = Span(NEW_YORK, "2013-01-01", "2013-01-01")
    house.give("operations.curated.flights", legs({"carrier": "ZZ"}), span)
    house.give("operations.curated.airlines", airlines())
    house.build("fct_departures", "2013-01-01")
    report = house.known[DatasetName.parse("operations.marts.fct_monthly_on_time_report")]
    assert report.cadence is not None
    done = publish(report, Span(report.cadence, "2013-01-01", "2013-01-01"), house.job)
    failed = {(f.check, f.severity) for o in done.outcomes for f in o.findings if not f.passed}
    assert failed == {("refers_to_carrier", "warn")}
    assert len(house.read(str(report.name))) == 1
