"""A feature table is checked once after what was published of it, by whomever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import duckdb
import pytest

from tests.watermain.engine.weather_features import NOON, NOW, conditions, give
from watermain.declare import Dataset, Feature
from watermain.declare.errors import TransientError
from watermain.engine.capture.stream import PREFIX
from watermain.lake.lake import Lake
from watermain.orchestrate.feature_check import evaluations
from watermain.orchestrate.sensors import features as sensors
from watermain.orchestrate.sensors.feature_turns import AGAIN_SECONDS, Turns, next_turns
from watermain.orchestrate.sensors.told import TELL_EVERY

WIND, RAIN = (
    conditions([("JFK", NOON, 1.0), ("EWR", NOON + timedelta(days=1), 2.0)], name=name)
    for name in ("wind", "rain")
)
BOTH = [WIND, RAIN]
FIRST, SECOND = str(RAIN.name), str(WIND.name)


def turned(lake: Lake, turns: Turns, now: datetime = NOW, checked: bool = True) -> Turns:
    """What is due, and then done."""
    found = next_turns(lake, BOTH, Turns.read(turns.cursor()), now)
    if checked:
        for name in found.due:
            found = found.after(name, now)
    return found


def due(lake: Lake, turns: Turns, now: datetime = NOW) -> tuple[str, ...]:
    """The tables that are due."""
    return next_turns(lake, BOTH, turns, now).due


def test_table_that_nobody_published_is_not_due(lake: Lake) -> None:
    """Neither at first nor after any time."""
    turns = turned(lake, Turns())
    assert turns.checked == {}
    assert due(lake, turns, NOW + timedelta(days=9)) == ()


def test_table_is_due_once_after_a_publish(lake: Lake) -> None:
    """However many partitions it was of; another table's publish is not its own."""
    give(lake, WIND)
    turns = turned(lake, Turns())
    assert turns.checked.keys() == {SECOND}
    assert due(lake, turns) == ()
    give(lake, RAIN)
    assert due(lake, turns) == (FIRST,)
    turns = turned(lake, turns)
    give(lake, WIND, "2013-01-02", "2013-01-02")
    assert due(lake, turns) == (SECOND,)


def test_table_of_a_stream_is_due_as_often_as_dagster_is_told(lake: Lake) -> None:
    """At once the first time; a run's publish in between is not made to wait."""
    every = TELL_EVERY.total_seconds()
    give(lake, WIND, run=f"{PREFIX}1")
    turns = turned(lake, Turns())
    assert turns.checked.keys() == {SECOND}
    give(lake, WIND, "2013-01-02", "2013-01-02", run=f"{PREFIX}1")
    turns = turned(lake, turns, NOW + timedelta(seconds=60))
    assert (turns.due, turns.waiting) == ((), (SECOND,))
    assert turns.checked[SECOND] == NOW.timestamp()
    assert due(lake, turns, NOW + timedelta(seconds=every - 1)) == ()
    assert due(lake, turns, NOW + timedelta(seconds=every)) == (SECOND,)
    give(lake, WIND, "2013-01-03", "2013-01-03")
    turns = turned(lake, turns, NOW + timedelta(seconds=120))
    assert (turns.checked[SECOND], turns.waiting) == (NOW.timestamp() + 120, ())


def test_table_is_due_again_when_nothing_comes(lake: Lake) -> None:
    """For it grows stale by itself; the longest unchecked comes first."""
    give(lake, WIND)
    give(lake, RAIN)
    assert due(lake, Turns()) == (FIRST, SECOND)
    turns = turned(lake, Turns())
    turns = replace(turns, checked={FIRST: NOW.timestamp(), SECOND: NOW.timestamp() - 60})
    assert due(lake, turns, NOW + timedelta(seconds=AGAIN_SECONDS - 61)) == ()
    assert due(lake, turns, NOW + timedelta(seconds=AGAIN_SECONDS - 30)) == (SECOND,)
    assert due(lake, turns, NOW + timedelta(seconds=AGAIN_SECONDS)) == (SECOND, FIRST)


def test_table_that_was_not_reached_stays_due(lake: Lake) -> None:
    """Through a cursor, too; one that is declared no more is forgotten."""
    give(lake, WIND)
    turns = turned(lake, Turns(), checked=False)
    assert due(lake, Turns.read(turns.cursor())) == (SECOND,)
    assert next_turns(lake, [RAIN], turns.after(SECOND, NOW), NOW).checked == {}


class Room:
    """The sensor of a room beside the instance that hears it."""

    def __init__(self, instance: dg.DagsterInstance, *datasets: Dataset) -> None:
        self.instance = instance
        (self.sensor,) = sensors.feature_check_sensor("weather", datasets)
        self.cursor: str | None = None

    def tick(self) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
        """What one tick finds, by table and check; Dagster is told."""
        context = dg.build_sensor_context(self.instance, self.cursor)
        said = self.sensor.evaluate_tick(context)
        self.cursor = said.cursor or context.cursor
        for event in said.asset_events:
            self.instance.report_runless_asset_event(event)
        return {(e.asset_key.path[-1], e.check_name): e for e in said.asset_events}


@pytest.fixture
def room(lake: Lake) -> Iterator[Room]:
    """A room with both tables."""
    with dg.instance_for_test() as instance:
        yield Room(instance, *BOTH)


def test_sensor_checks_what_was_published_without_a_run(lake: Lake, room: Room) -> None:
    """The store was never filled: parity fails, and says so; old rows of a table without a limit.

    Dagster counts the result as that of the latest materialization.
    """
    assert room.tick() == {}
    give(lake, WIND)
    found = room.tick()
    assert {k: e.passed for k, e in found.items()} == {
        ("wind_v2", "online_parity"): False,
        ("wind_v2", "staleness"): True,
    }
    assert found["wind_v2", "online_parity"].metadata["missing"].value == 2
    assert room.tick() == {}
    key = dg.AssetCheckKey(dg.AssetKey(WIND.name.key), "online_parity")
    latest = room.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert latest.status.value == "FAILED"


def test_sensor_goes_on_after_a_table_that_cannot_be_checked(
    lake: Lake, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose store is held stays due; one whose checks break fails them and is done."""
    give(lake, WIND)
    give(lake, RAIN)
    whole = sensors.evaluations

    def broken(dataset: Dataset, *words: Any) -> list[dg.AssetCheckEvaluation]:
        if dataset is WIND:
            raise TransientError.nothing_happened("held", declared="here", next="wait")
        raise duckdb.BinderException("no such column")

    monkeypatch.setattr(sensors, "evaluations", broken)
    found = room.tick()
    assert {(k, e.passed, e.metadata["error"].value) for k, e in found.items()} == {
        (("rain_v2", label), False, "no such column") for label in ("online_parity", "staleness")
    }
    monkeypatch.setattr(sensors, "evaluations", whole)
    assert {table for table, _ in room.tick()} == {"wind_v2"}


def test_sensor_stops_when_its_time_is_over(
    lake: Lake, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left comes in the next tick."""
    give(lake, WIND)
    give(lake, RAIN)
    monkeypatch.setattr(sensors, "BUDGET_SECONDS", -1.0)
    assert room.tick() == {}
    monkeypatch.setattr(sensors, "BUDGET_SECONDS", 20.0)
    assert {table for table, _ in room.tick()} == {"wind_v2", "rain_v2"}


def test_check_by_hand_of_what_nobody_published_says_so(lake: Lake) -> None:
    """It does not fail, whichever check it is."""
    feature = WIND.feature
    assert isinstance(feature, Feature)
    trained = replace(feature, trained_on=(date(2013, 1, 1), date(2013, 1, 31)))
    found = evaluations(replace(WIND, feature=trained), lake, datetime.now(UTC))
    assert {e.check_name: e.passed for e in found} == {
        "online_parity": True,
        "feature_drift": True,
        "staleness": True,
    }
    assert {e.metadata["reason"].value for e in found} == {
        "nothing was published yet; nothing was checked"
    }
