"""Spans as SQL: every row lies in the partition that the calendar says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermain.declare import Cadence, Column, Contract, Daily, Hourly, Monthly
from watermain.engine.table.partition import Span, layout, overlapping

NEW_YORK = Daily(zone="America/New_York")


def contract(kind: pa.DataType) -> Contract:
    """A table with nothing but an event time."""
    return Contract(
        grain="one row per event",
        key=("at",),
        event_time="at",
        columns=(Column("at", kind, "when it happened"),),
    )


INSTANT = contract(pa.timestamp("us", "UTC"))
LOCAL = contract(pa.timestamp("us"))
DATE = contract(pa.date32())


def cut(span: Span, shape: Contract, values: list[str]) -> list[tuple[str, str]]:
    """The rows of the values that the span keeps, each with its key."""
    kind = {
        pa.timestamp("us", "UTC"): "timestamptz",
        pa.timestamp("us"): "timestamp",
        pa.date32(): "date",
    }[shape.columns[0].type]
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f'create table t ("at" {kind})')
        connection.executemany("insert into t values (?)", [[v] for v in values])
        return connection.execute(
            f'select {span.key(shape)}, "at"::varchar from t where {span.filter(shape)} order by 2'
        ).fetchall()


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.lists(st.integers(0, 60 * 24 * 400), min_size=1, max_size=20),
    cadence=st.sampled_from([NEW_YORK, Daily(), Daily(zone="Australia/Lord_Howe"), Hourly()]),
)
def test_span_gives_each_instant_the_key_of_its_cadence(
    minutes: list[int], cadence: Cadence
) -> None:
    """SQL and calendar agree, across every change of the clock."""
    begin = datetime(2013, 1, 3, tzinfo=UTC)
    instants = [begin + timedelta(minutes=m) for m in sorted(set(minutes))]
    first, last = cadence.key_of(instants[0]), cadence.key_of(instants[-1])
    found = cut(Span(cadence, first, last), INSTANT, [str(i) for i in instants])
    assert [key for key, _ in found] == [cadence.key_of(i) for i in instants]


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        (
            "2013-03-10",
            ["2013-03-10 05:00:00+00", "2013-03-11 03:59:00+00"],
            ["2013-03-11 04:00:00+00"],
        ),
        (
            "2013-11-03",
            ["2013-11-03 04:00:00+00", "2013-11-04 04:59:00+00"],
            ["2013-11-04 05:00:00+00"],
        ),
        (
            "2013-07-04",
            ["2013-07-04 04:00:00+00", "2013-07-05 03:59:00+00"],
            ["2013-07-04 03:59:00+00"],
        ),
    ],
)
def test_span_is_as_long_as_the_local_day(key: str, inside: list[str], outside: list[str]) -> None:
    """A day in New York begins at its own midnight."""
    found = cut(Span(NEW_YORK, key, key), INSTANT, inside + outside)
    assert [k for k, _ in found] == [key] * len(inside)


def test_span_reads_wall_clock_times_and_dates_as_they_stand() -> None:
    """A time without a zone is already local."""
    day = Span(NEW_YORK, "2013-03-10", "2013-03-11")
    times = ["2013-03-09 23:59:59", "2013-03-10 00:00:00", "2013-03-11 23:59:59", "2013-03-12"]
    assert [k for k, _ in cut(day, LOCAL, times)] == ["2013-03-10", "2013-03-11"]
    dates = ["2013-03-09", "2013-03-10", "2013-03-11", "2013-03-12"]
    assert [k for k, _ in cut(day, DATE, dates)] == ["2013-03-10", "2013-03-11"]


def test_span_of_months_holds_whole_months() -> None:
    """The first instant of a month belongs to it, the first of the next does not."""
    span = Span(Monthly(zone="America/New_York"), "2013-01-01", "2013-02-01")
    values = ["2013-01-01 05:00:00+00", "2013-02-01 04:59:00+00", "2013-02-28 12:00:00+00"]
    found = cut(span, INSTANT, [*values, "2013-03-01 05:00:00+00"])
    assert [k for k, _ in found] == ["2013-01-01", "2013-01-01", "2013-02-01"]


@pytest.mark.parametrize(
    ("span", "other", "expected"),
    [
        (Span(NEW_YORK, "2013-01-05", "2013-01-06"), NEW_YORK, ("2013-01-05", "2013-01-06")),
        (
            Span(Monthly(zone="America/New_York"), "2013-02-01", "2013-02-01"),
            NEW_YORK,
            ("2013-02-01", "2013-02-28"),
        ),
        (Span(NEW_YORK, "2013-01-05", "2013-01-05"), Daily(), ("2013-01-05", "2013-01-06")),
        (
            Span(Daily(), "2013-01-05", "2013-01-05"),
            Hourly(),
            ("2013-01-05-00:00", "2013-01-05-23:00"),
        ),
        (
            Span(Daily(), "2013-01-05", "2013-01-05"),
            Daily(start=date(2014, 1, 1)),
            ("2014-01-01", "2014-01-01"),
        ),
    ],
)
def test_overlapping_names_the_partitions_that_a_span_reads(
    span: Span, other: Cadence, expected: tuple[str, str]
) -> None:
    """Another calendar's partitions are read whole."""
    assert overlapping(span, other) == expected


def test_layout_keeps_many_partitions_in_one_file() -> None:
    """Files are cut more coarsely than partitions."""
    assert layout(Hourly(), "at") == 'year("at"), month("at"), day("at")'
    assert layout(NEW_YORK, "at") == 'year("at"), month("at")'
    assert layout(Monthly(), "at") == 'year("at")'
