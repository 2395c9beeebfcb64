"""Feature tables brought from a real lake into a store."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from tests.faults import crew
from tests.watermain.engine.shop import sales
from tests.watermain.engine.weather_features import DAY, HOUR, NOON, NOW, TABLE, conditions, give
from tests.watermain.online.kinds import scanned
from watermain.clock import FixedClock
from watermain.declare import Column, Dataset
from watermain.declare.errors import (
    LostRowsError,
    UnknownDatasetError,
    UnknownFeatureError,
)
from watermain.engine.feature.online import Pushed, push, rebuild
from watermain.engine.feature.parity import Parity, parity
from watermain.engine.publish.publication import Job
from watermain.engine.publish.restore import rollback
from watermain.lake.lake import Lake, table
from watermain.online.opening import open_store
from watermain.online.protocol import ENTRIES, Cursor, OnlineStore
from watermain.online.sqlite import SqliteStore
from watermain.settings import load_settings

FAILPOINTS = ("online.after_put_before_cursor", "online.after_correct")


@pytest.fixture
def store(home: Path) -> Iterator[SqliteStore]:
    """An empty store at NOW."""
    with SqliteStore(home / "online.sqlite", FixedClock(NOW)) as store:
        yield store


def online(store: OnlineStore) -> dict[str, tuple[float, float]]:
    """Of each airport the hours of its row since NOON with its wind."""
    start = (NOON.timestamp()) * 10**6
    return {
        orjson.loads(key)[0]: ((at - start) / 3600 / 10**6, orjson.loads(value)["wind"])
        for key, (at, value) in scanned(store, TABLE).items()
    }


def facts(done: Pushed) -> tuple[int, int, bool]:
    """How many were written, how many corrected, whether all were read."""
    return done.written, done.corrected, done.is_whole


def same(made: Dataset, lake: Lake, store: OnlineStore) -> Parity:
    """Prove full parity; give it."""
    found = parity(made, lake, store, NOW)
    assert (found.mismatches, found.is_cut_off) == (0, False), found
    return found


def test_first_push_writes_the_newest_row_of_each(lake: Lake, store: SqliteStore) -> None:
    """A second one has nothing to do; the store is where the lake is."""
    made = conditions([("JFK", NOON, 1.0), ("JFK", NOON + HOUR, 2.0), ("EWR", NOON, 3.5)])
    give(lake, made)
    done = push(made, lake, store, NOW)
    assert facts(done) == (2, 0, True)
    assert online(store) == {"JFK": (1, 2.0), "EWR": (0, 3.5)}
    assert done.cursor == store.cursor(TABLE)
    assert facts(push(made, lake, store, NOW)) == (0, 0, False)
    assert same(made, lake, store).compared == 2


def test_push_writes_what_changed_only(lake: Lake, store: SqliteStore) -> None:
    """A new row, a changed one; partitions that nobody published are not read again."""
    rows = [(f"A{n:03}", NOON + n % 3 * DAY - DAY / 2, 1.0) for n in range(300)]
    give(lake, conditions(rows))
    push(conditions(), lake, store, NOW)
    made = conditions([*rows, ("NEW", NOON + HOUR, 2.0), ("A000", NOON + HOUR, 3.0)])
    give(lake, made, "2013-01-01", "2013-01-02")
    assert facts(push(made, lake, store, NOW)) == (2, 0, False)
    made = conditions([*rows[:-1], (*rows[-1][:2], 9.0), ("NEW", NOON + HOUR, 2.0)])
    give(lake, made, "2013-01-02", "2013-01-03")
    assert facts(push(made, lake, store, NOW)) == (1, 0, False)
    assert online(store)["A299"] == (36, 9.0)
    assert same(conditions(), lake, store).compared == 301


def test_value_known_later_replaces_at_the_same_event_time(lake: Lake, store: SqliteStore) -> None:
    """What is known last counts; a change of what was known before it does not."""
    made = conditions([("JFK", NOON, 1.0), ("JFK", NOON, 2.0, NOON + 2 * HOUR)])
    give(lake, made)
    push(made, lake, store, NOW)
    assert online(store) == {"JFK": (0, 2.0)}
    made = conditions([("JFK", NOON, 7.0), ("JFK", NOON, 2.0, NOON + 2 * HOUR)])
    give(lake, made)
    push(made, lake, store, NOW)
    assert online(store) == {"JFK": (0, 2.0)}
    made = conditions([("JFK", NOON, 7.0), ("JFK", NOON, 3.0, NOON + 3 * HOUR)])
    give(lake, made)
    push(made, lake, store, NOW)
    assert online(store) == {"JFK": (0, 3.0)}
    same(made, lake, store)


def test_row_ahead_of_time_waits_for_it(lake: Lake, store: SqliteStore) -> None:
    """So does one that is not known yet; no publish is needed for its time to come."""
    made = conditions(
        [("JFK", NOON, 1.0), ("JFK", NOON + DAY, 2.0), ("EWR", NOON, 4.0, NOON + DAY)]
    )
    give(lake, made)
    push(made, lake, store, NOON + HOUR)
    assert online(store) == {"JFK": (0, 1.0)}
    assert facts(push(made, lake, store, NOON + 2 * HOUR)) == (0, 0, False)
    assert facts(push(made, lake, store, NOON + DAY)) == (2, 0, False)
    assert online(store) == {"JFK": (24, 2.0), "EWR": (0, 4.0)}
    push(made, lake, store, NOON)  # a clock that is behind takes nothing back
    assert online(store) == {"JFK": (24, 2.0), "EWR": (0, 4.0)}
    same(made, lake, store)


def test_retracted_row_is_corrected(lake: Lake, store: SqliteStore) -> None:
    """By the newest that is left, of whatever partition; by nothing where none is left."""
    kept = [("JFK", NOON, 1.0), ("EWR", NOON, 3.5)]
    give(lake, conditions([*kept, ("JFK", NOON + DAY, 2.0), ("LGA", NOON + DAY, 4.0)]))
    push(conditions(), lake, store, NOW)
    give(lake, conditions(kept))
    done = push(conditions(), lake, store, NOW)
    assert (done.corrected, done.is_whole) == (2, False)
    assert online(store) == {"JFK": (0, 1.0), "EWR": (0, 3.5)}
    same(conditions(), lake, store)


def test_rolled_back_table_is_followed(lake: Lake, store: SqliteStore) -> None:
    """Rows of a mistaken publish go as retracted ones do."""
    made = conditions([("JFK", NOON, 1.0)])
    give(lake, made)
    with lake.get_connection() as connection:
        good = lake.snapshot(connection)
    push(made, lake, store, NOW)
    give(lake, conditions([("JFK", NOON + HOUR, 9.0), ("EWR", NOON, 9.0)]))
    push(made, lake, store, NOW)
    assert online(store) == {"JFK": (1, 9.0), "EWR": (0, 9.0)}
    with lake.get_connection() as connection:  # as other code would have named it
        connection.execute(
            "update lake.upkeep_raw.publishes set data_version = 'mistaken'"
            " where epoch = (select max(epoch) from lake.upkeep_raw.publishes)"
        )
    rollback(made, good, Job(lake=lake, find={made.name: made}.__getitem__))
    assert facts(push(made, lake, store, NOW))[1:] == (2, False)
    assert online(store) == {"JFK": (0, 1.0)}
    same(made, lake, store)


def test_table_made_anew_is_compared_whole(lake: Lake, store: SqliteStore) -> None:
    """Entities that it no longer has are removed, older rows take their place back."""
    give(lake, conditions([("JFK", NOON + HOUR, 2.0), ("EWR", NOON, 3.5), ("LGA", NOON, 4.0)]))
    push(conditions(), lake, store, NOW)
    with lake.get_connection() as connection:
        connection.execute(f"drop table {table(conditions().name)}")
        connection.execute("delete from lake.upkeep_raw.publishes")
    made = conditions([("JFK", NOON, 1.0), ("LGA", NOON, 4.0)])
    give(lake, made)
    assert facts(push(made, lake, store, NOW)) == (2, 2, True)
    assert online(store) == {"JFK": (0, 1.0), "LGA": (0, 4.0)}
    same(made, lake, store)


def test_changed_columns_are_compared_whole(lake: Lake, store: SqliteStore) -> None:
    """A column that the contract gained is in every value afterwards."""
    made = conditions([("JFK", NOON, 1.0)])
    give(lake, made)
    push(made, lake, store, NOW)
    with lake.get_connection() as connection:
        connection.execute(f"alter table {table(made.name)} add column gust double")
    wider = (*made.contract.columns, Column("gust", pa.float64(), "how strong at most"))
    made = replace(made, contract=replace(made.contract, columns=wider))
    assert facts(push(made, lake, store, NOW)) == (1, 0, True)
    (value,) = (value for _, value in scanned(store, TABLE).values())
    assert value == b'{"wind":1.0,"fee":null,"gust":null}'


def test_expired_snapshot_is_compared_whole(lake: Lake, store: SqliteStore) -> None:
    """What was retracted meanwhile is found all the same."""
    give(lake, conditions([("JFK", NOON + HOUR, 2.0), ("EWR", NOON, 3.5)]))
    done = push(conditions(), lake, store, NOW)
    give(lake, conditions([("JFK", NOON, 1.0)]))
    with lake.get_connection() as connection:
        old = done.cursor.snapshot
        connection.execute(f"call ducklake_expire_snapshots('lake', versions => [{old}])")
    assert facts(push(conditions(), lake, store, NOW)) == (1, 2, True)
    assert online(store) == {"JFK": (0, 1.0)}
    same(conditions(), lake, store)


def test_flushed_store_is_filled_by_the_next_push(lake: Lake, store: SqliteStore) -> None:
    """As if there had never been one."""
    made = conditions([("JFK", NOON, 1.0)])
    give(lake, made)
    push(made, lake, store, NOW)
    store.drop(TABLE)
    assert parity(made, lake, store, NOW).missing == 1
    assert facts(push(made, lake, store, NOW)) == (1, 0, True)
    same(made, lake, store)


def test_rebuild_empties_the_table_first(lake: Lake, store: SqliteStore) -> None:
    """Whatever stood in it by mistake is gone."""
    made = conditions([("JFK", NOON, 1.0)])
    give(lake, made)
    push(made, lake, store, NOW)
    stray = [[b'["ZZZ",1]'], [2**50], [b"{}"]]
    rows = pa.Table.from_arrays([pa.array(each) for each in stray], schema=ENTRIES)
    store.put(TABLE, rows, None)
    found = parity(made, lake, store, NOW)
    assert (found.extra, found.samples) == (1, ('extra ["ZZZ",1]',))
    assert facts(rebuild(made, lake, store, NOW)) == (1, 0, True)
    same(made, lake, store)


def test_unpartitioned_table_is_pushed(lake: Lake, store: SqliteStore) -> None:
    """It is one partition, compared whole by the engine, written where it differs."""
    rows = [("JFK", NOON, 1.0), ("EWR", NOON, 3.5)]
    give(lake, conditions(rows, cadence=None))
    push(conditions(cadence=None), lake, store, NOW)
    made = conditions([rows[0], ("LGA", NOON, 4.0)], cadence=None)
    give(lake, made)
    assert facts(push(made, lake, store, NOW)) == (1, 1, False)
    assert online(store) == {"JFK": (0, 1.0), "LGA": (0, 4.0)}
    same(made, lake, store)


def test_push_refuses_what_it_cannot_push(lake: Lake, store: SqliteStore) -> None:
    """No feature table; nothing published yet."""
    with pytest.raises(UnknownFeatureError, match="sales is no feature table"):
        push(sales([]), lake, store, NOW)
    with pytest.raises(UnknownDatasetError, match="wind_v2: nothing of it is published yet"):
        push(conditions(), lake, store, NOW)
    assert store.cursor(TABLE) is None


def test_store_flushed_during_a_push_is_filled_again(lake: Lake, home: Path) -> None:
    """The push ends with an error, the cursor nowhere; the next one writes everything."""
    made = conditions([(f"A{n}", NOON, 1.0) for n in range(10)])
    give(lake, made)

    class Flushed(SqliteStore):
        def put(self, table: str, entries, cursor, ttl=None) -> int:  # type: ignore[no-untyped-def]
            if cursor is not None:
                with SqliteStore(self.path) as other:
                    other.drop(table)
            return super().put(table, entries, cursor, ttl)

    with Flushed(home / "online.sqlite") as store, pytest.raises(LostRowsError):
        push(made, lake, store, NOW)
    with SqliteStore(home / "online.sqlite") as store:
        assert store.cursor(TABLE) is None
        assert facts(push(made, lake, store, NOW)) == (10, 0, True)
        same(made, lake, store)


def test_store_flushed_before_a_push_begins_is_filled_again(lake: Lake, home: Path) -> None:
    """What has changed since a cursor is not all that a store needs that lost it."""
    give(lake, conditions([("JFK", NOON, 1.0), ("EWR", NOON, 3.5)]))

    class Flushed(SqliteStore):
        def begun(self, table: str) -> Cursor | None:
            found = super().begun(table)
            with SqliteStore(self.path) as other:
                other.drop(table)
            return found

    with SqliteStore(home / "online.sqlite") as store:
        push(conditions(), lake, store, NOW)
    made = conditions([("JFK", NOON, 1.0), ("EWR", NOON, 4.5)])
    give(lake, made)
    with Flushed(home / "online.sqlite") as store, pytest.raises(LostRowsError):
        push(made, lake, store, NOW)
    with SqliteStore(home / "online.sqlite") as store:
        assert store.cursor(TABLE) is None
        assert facts(push(made, lake, store, NOW)) == (2, 0, True)
        same(made, lake, store)


def pushes() -> None:
    """Push from the lake of the settings into their store."""
    with open_store(load_settings()) as store:
        push(conditions(), Lake.from_settings(), store, NOW, rows_at_once=7)


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_killed_push_is_made_good_by_the_next(
    lake: Lake, store: SqliteStore, failpoint: str
) -> None:
    """Also when the lake took back meanwhile what only the dead push had seen."""
    chance = random.Random(2013)
    first = [(f"A{n}", NOON, chance.random()) for n in range(20)]
    give(lake, conditions(first))
    push(conditions(), lake, store, NOW)
    before = store.cursor(TABLE)
    seen_by_the_dead = [(f"B{n}", NOON + HOUR, chance.random()) for n in range(10)]
    give(lake, conditions([*first[:10], *seen_by_the_dead, ("A0", NOON + HOUR, 9.0)]))
    crew.dies(pushes, at=failpoint)
    assert store.cursor(TABLE) == before
    aim = store.begun(TABLE)
    assert isinstance(aim, Cursor)
    assert parity(conditions(), lake, store, NOW).is_cut_off
    give(lake, conditions([*first[5:15], *seen_by_the_dead[:3]]))
    done = push(conditions(), lake, store, NOW)
    assert done.cursor.snapshot > aim.snapshot
    assert set(online(store)) == {*(f"A{n}" for n in range(5, 15)), "B0", "B1", "B2"}
    same(conditions(), lake, store)


def test_killed_first_push_leaves_nothing_behind(lake: Lake, store: SqliteStore) -> None:
    """What it wrote, then the lake took back, is found though there never was a cursor."""
    give(lake, conditions([("JFK", NOON, 1.0), ("EWR", NOON, 3.5)]))
    crew.dies(pushes, at="online.after_put_before_cursor")
    assert (set(online(store)), store.cursor(TABLE)) == ({"JFK", "EWR"}, None)
    give(lake, conditions([("JFK", NOON - HOUR, 1.0)]))
    push(conditions(), lake, store, NOW)
    assert online(store) == {"JFK": (-1, 1.0)}
    same(conditions(), lake, store)
