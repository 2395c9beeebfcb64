"""Online values held against a real lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watermain.engine.weather_features import DAY, HOUR, NOON, NOW, TABLE, conditions, give
from tests.watermain.online.kinds import scanned
from watermain.clock import FixedClock
from watermain.declare import Sensitivity
from watermain.engine.feature.online import push
from watermain.engine.feature.parity import parity
from watermain.lake.lake import Lake
from watermain.online.sqlite import SqliteStore


@pytest.fixture
def store(home: Path) -> Iterator[SqliteStore]:
    """An empty store at NOW."""
    with SqliteStore(home / "online.sqlite", FixedClock(NOW)) as store:
        yield store


def test_rows_past_their_time_are_not_missed(lake: Lake, home: Path) -> None:
    """Neither by the store nor by parity, today or a day later."""
    time = FixedClock(NOON + HOUR)
    made = conditions([("JFK", NOON, 1.0), ("EWR", NOON - DAY / 2, 3.5)], ttl=3 * HOUR)
    give(lake, made, "2013-01-01", "2013-01-01")
    with SqliteStore(home / "short.sqlite", time) as store:
        push(made, lake, store, time.now())
        assert set(scanned(store, TABLE)) == {b'["JFK",1]'}
        found = parity(made, lake, store, time.now())
        assert (found.compared, found.mismatches) == (1, 0)
        time.instant += DAY
        assert scanned(store, TABLE) == {}
        found = parity(made, lake, store, time.now())
        assert (found.compared, found.mismatches) == (0, 0)


@pytest.mark.parametrize("sample", [None, 10])
def test_parity_tells_what_is_wrong(lake: Lake, store: SqliteStore, sample: int | None) -> None:
    """Of each sort how many, with a few keys; a sample finds nothing that is extra."""
    names = ("AAA", "BBB", "CCC", "DDD")
    made = conditions([(name, NOON, 1.0) for name in names])
    give(lake, made)
    push(made, lake, store, NOW)
    with store._writing() as connection:
        for change in (
            """delete from online_row where key = cast('["AAA",1]' as blob)""",
            "update online_row set event_us = event_us - 1 where key = cast('[\"BBB\",1]' as blob)",
            "update online_row set value = x'7b7d' where key = cast('[\"CCC\",1]' as blob)",
            """insert into online_row select table_id, cast('["ZZZ",1]' as blob), event_us,
               expires_us, value from online_row where key = cast('["DDD",1]' as blob)""",
        ):
            assert connection.execute(change).rowcount == 1
    found = parity(made, lake, store, NOW, sample)
    assert (found.missing, found.stale, found.different) == (1, 1, 1)
    extra = ('extra ["ZZZ",1]',) if sample is None else ()
    assert found.extra == len(extra)
    assert (found.compared, found.mismatches) == (4 + len(extra), 3 + len(extra))
    assert found.samples == (
        'missing ["AAA",1]',
        'stale ["BBB",1]',
        'different ["CCC",1]',
        *extra,
    )


def test_parity_of_a_sample_asks_so_many(lake: Lake, store: SqliteStore) -> None:
    """No more than there are."""
    made = conditions([(f"A{n:02}", NOON, 1.0) for n in range(20)])
    give(lake, made)
    push(made, lake, store, NOW)
    assert parity(made, lake, store, NOW, 7).compared == 7
    assert parity(made, lake, store, NOW, 50).compared == 20


def test_parity_masks_a_sensitive_entity(lake: Lake, store: SqliteStore) -> None:
    """A passenger's name is nobody's business."""
    made = conditions([("Ann", NOON, 1.0)], sensitivity=Sensitivity.PERSONAL)
    give(lake, made)
    found = parity(made, lake, store, NOW)
    assert (found.cursor, found.missing, found.samples) == (None, 1, ("missing ***",))
