"""The newest week is held against weeks that were like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Dataset, Feature, feature_table
from watermain.engine.feature.feature_drift import SHIFTED
from watermain.engine.feature.present_drift import LEAST, Judged, present_drift

FIRST = datetime(2013, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Value = Callable[[datetime], float]


@feature_table(
    "shop.features.delay",
    feature=Feature(entity=("airport",), trained_on=(date(2013, 1, 1), date(2013, 1, 28))),
    contract=Contract(
        grain="one row per airport",
        key=("airport", "at"),
        event_time="at",
        columns=(
            Column("airport", pa.string(), "where"),
            Column("at", pa.timestamp("us", "UTC"), "when"),
            Column("delay", pa.float64(), "of departures", unit="minutes"),
        ),
    ),
    owner="team:shop",
)
def delay() -> pa.Table:
    """Hold what a test gives."""
    raise NotImplementedError


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine with the empty table of features."""
    with duckdb.connect() as found:
        found.execute("set timezone = 'UTC'")
        found.execute("attach ':memory:' as lake")
        found.execute("create schema lake.shop_features")
        found.execute(
            "create table lake.shop_features.delay_v1"
            ' (airport varchar, "at" timestamptz, delay double)'
        )
        yield found


def give(
    connection: duckdb.DuckDBPyConnection, first: datetime, last: datetime, value: Value
) -> None:
    """A row every ten minutes from one instant to another."""
    rows, at = [], first
    while at < last:
        rows.append(("JFK", at, value(at)))
        at += 10 * MINUTE
    connection.executemany("insert into lake.shop_features.delay_v1 values (?, ?, ?)", rows)


def judged(connection: duckdb.DuckDBPyConnection, dataset: Dataset = delay) -> Judged:
    """The verdict on the one feature."""
    (found,) = present_drift(connection, dataset)
    return found


def by_hour(at: datetime) -> float:
    """A day like every other: short in the morning, long in the evening."""
    return at.hour * 10 + (at.minute / 10) + at.day % 3


def test_morning_is_held_against_mornings(connection: duckdb.DuckDBPyConnection) -> None:
    """Not against days, whose evenings it cannot be like."""
    give(connection, FIRST, FIRST + timedelta(days=28), by_hour)
    for week in range(2):  # two mornings, years later
        begin = datetime(2026, 11, 29 + week, tzinfo=UTC)
        give(connection, begin, begin + timedelta(hours=17), by_hour)
    found = judged(connection)
    assert found.is_judged
    assert found.drift.trained == 28 * 17 * 6
    assert not found.is_shifted
    assert found.drift.psi < SHIFTED


def test_other_values_at_the_same_hours_are_a_shift(connection: duckdb.DuckDBPyConnection) -> None:
    """Whatever the hour: the check bites."""
    give(connection, FIRST, FIRST + timedelta(days=28), by_hour)
    begin = datetime(2026, 11, 24, tzinfo=UTC)
    give(connection, begin, begin + timedelta(days=7), lambda at: by_hour(at) + 60)
    found = judged(connection)
    assert found.is_shifted
    assert found.drift.psi > found.limit >= SHIFTED


def test_week_no_more_unusual_than_those_of_training_is_ordinary(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """A week of storms was learnt from; another one is no news, a hotter one is."""

    def stormy(at: datetime) -> float:
        return by_hour(at) + (120 if 8 <= at.day <= 14 else 0)

    give(connection, FIRST, FIRST + timedelta(days=28), stormy)
    begin = datetime(2026, 11, 24, tzinfo=UTC)
    give(connection, begin, begin + timedelta(days=7), lambda at: by_hour(at) + 120)
    found = judged(connection)
    assert found.drift.psi > SHIFTED
    assert found.limit == pytest.approx(found.drift.psi, rel=0.2)
    assert not found.is_shifted
    connection.execute(
        "update lake.shop_features.delay_v1 set delay = 500 where \"at\" > '2026-01-01'"
    )
    assert judged(connection).is_shifted


def test_few_rows_are_not_judged(connection: duckdb.DuckDBPyConnection) -> None:
    """However different they are; one row more, and they are."""
    give(connection, FIRST, FIRST + timedelta(days=28), by_hour)
    begin = datetime(2026, 11, 24, tzinfo=UTC)
    give(connection, begin, begin + (LEAST - 1) * 10 * MINUTE, lambda at: 1000.0)
    found = judged(connection)
    assert (found.is_judged, found.is_shifted) == (False, False)
    assert found.drift.psi > 1
    give(connection, begin + (LEAST - 1) * 10 * MINUTE, begin + LEAST * 10 * MINUTE, lambda at: 1.0)
    assert judged(connection).is_shifted


def test_window_without_a_row_judges_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    """As of a table that begins after the days that models learnt from."""
    begin = datetime(2026, 11, 24, tzinfo=UTC)
    give(connection, begin, begin + timedelta(days=7), by_hour)
    found = judged(connection)
    assert (found.drift.trained, found.is_judged, found.is_shifted) == (0, False, False)
