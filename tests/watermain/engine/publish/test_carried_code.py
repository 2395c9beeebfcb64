"""Partitions that an earlier release published are not published again for the same code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ibis
import pytest

from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import (
    COLUMNS,
    DAYS,
    days,
    declare,
    events,
    published,
    sold,
)
from watermain.declare import Dataset, dataset, latest_per_key
from watermain.engine.capture.ingest import capture
from watermain.engine.code.former_code import former_code_version
from watermain.engine.publish import decision
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.lake import ledger
from watermain.lake.lake import Lake

LIMIT = 0
THIS = __name__


def above(events: ibis.Table) -> ibis.Table:
    """Keep what is above the limit, which an earlier release did not see."""
    return latest_per_key(events.filter(events.amount >= LIMIT), "id").select("id", "at", "amount")


sales = declare(above)
copies: Dataset = dataset(
    "shop.curated.copies",
    inputs={"sales": "shop.curated.sales"},
    contract=sales.contract,
    owner="team:shop",
    cadence=DAYS,
)(lambda sales: sales.select(*(c.name for c in COLUMNS)))
KNOWN = {d.name: d for d in (events, sales, copies)}


def job(lake: Lake, **words: Any) -> Job:
    return Job(lake=lake, find=KNOWN.__getitem__, **words)


def carried(lake: Lake) -> list[tuple[Any, ...]]:
    """What the ledger remembers of former versions."""
    with lake.get_connection() as connection:
        return connection.execute(
            f"select dataset, former from {ledger.CARRIED} order by 1"
        ).fetchall()


def versions(lake: Lake, of: Dataset) -> dict[str, str]:
    with lake.get_connection() as connection:
        return ledger.versions(connection, of.name)


@pytest.fixture
def old(lake: Lake) -> Lake:
    """A lake as an earlier release left it: three days, two datasets, its own versions."""
    capture(events, job(lake), source=Feed(changes([sold(n, 1 + n % 3, n) for n in range(9)])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decision, "code_version", former_code_version)
        for made in (sales, copies):
            assert len(published(publish(made, days(1, 3), job(lake)))) == 3
    with lake.get_connection() as connection:
        connection.execute(f"delete from {ledger.CARRIED}")
    return lake


def test_what_an_earlier_release_published_stands(old: Lake) -> None:
    """Its versions stay in the ledger, so that nothing downstream is stale either."""
    before = [versions(old, d) for d in (sales, copies)]
    for made in (sales, copies):
        done = publish(made, days(1, 3), job(old))
        assert published(done) == []
        assert {o.partition: o.data_version for o in done.outcomes} == versions(old, made)
    assert [versions(old, d) for d in (sales, copies)] == before
    assert carried(old) == [(str(d.name), former_code_version(d)) for d in (copies, sales)]


def test_it_stands_for_ever(old: Lake) -> None:
    """The second look says the same, and writes nothing."""
    publish(sales, days(1, 3), job(old))
    first = publish(sales, days(1, 3), job(old))
    again = publish(sales, days(1, 3), job(old))
    assert published(again) == []
    assert again.output_snapshot == first.output_snapshot


def test_the_next_constant_is_seen(old: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A former version is believed once."""
    publish(sales, days(1, 1), job(old))
    monkeypatch.setattr(f"{THIS}.LIMIT", 5)
    done = publish(sales, days(1, 3), job(old))
    assert published(done) == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert sum(o.rows_out for o in done.outcomes) == 4
    assert published(publish(copies, days(1, 3), job(old))) == published(done)
    monkeypatch.undo()
    assert len(published(publish(sales, days(1, 3), job(old)))) == 3


def test_a_partition_whose_input_changed_is_published_alone(old: Lake) -> None:
    """The others stand as the earlier release made them."""
    late = [sold(1, 2, 100, _op="u")]
    capture(events, job(old), source=Feed(changes(late, start="1", end="2")))
    assert published(publish(sales, days(1, 3), job(old))) == ["2013-01-02"]
    assert published(publish(copies, days(1, 3), job(old))) == ["2013-01-02"]
    assert published(publish(sales, days(1, 3), job(old))) == []


def test_what_stood_between_two_that_are_stale_is_told_by_its_new_version(old: Lake) -> None:
    """A range is published whole."""
    late = [sold(0, 1, 100, _op="u"), sold(2, 3, 100, _op="u")]
    capture(events, job(old), source=Feed(changes(late, start="1", end="2")))
    before = versions(old, sales)
    assert len(published(publish(sales, days(1, 3), job(old)))) == 3
    assert not set(before.values()) & set(versions(old, sales).values())
    assert published(publish(sales, days(1, 3), job(old))) == []


def test_code_that_changed_with_the_upgrade_is_published(old: Lake) -> None:
    """Its former version is not what the ledger holds."""
    other = replace(sales, body=lambda events: events.select("id", "at", "amount").limit(2))
    assert len(published(publish(other, days(1, 3), job(old)))) == 3
    assert carried(old) == []


def test_a_new_lake_carries_nothing(lake: Lake) -> None:
    """Nothing in it was made by an earlier release."""
    capture(events, job(lake), source=Feed(changes([sold(1, 1, 1)])))
    assert published(publish(sales, days(1, 1), job(lake))) == ["2013-01-01"]
    assert published(publish(sales, days(1, 1), job(lake))) == []
    assert carried(lake) == []
