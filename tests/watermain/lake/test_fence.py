"""Leases move from a dead holder at once, from a silent one after its time."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from watermain.declare.errors import LostLeaseError, UnreachableSystemError
from watermain.lake.fence import Fence
from watermain.lake.lake import Lake

NAME = "shop.curated.sales"


def test_lease_counts_its_holders(lake: Lake) -> None:
    """Each holder has a later epoch; another dataset counts for itself."""
    with lake.fence.lease(NAME) as first:
        assert first.epoch == 1
    with lake.fence.lease(NAME) as second, lake.fence.lease("shop.curated.others") as other:
        assert (second.epoch, other.epoch) == (2, 1)


def test_lease_is_not_given_while_another_renews_it(lake: Lake) -> None:
    """Who does not want to wait longer is told, in four lines."""
    with (
        lake.fence.lease(NAME),
        pytest.raises(LostLeaseError, match=NAME) as told,
        lake.fence.lease(NAME, wait_seconds=0.2),
    ):
        pass
    assert len(str(told.value).splitlines()) == 4


def test_lease_is_handed_on_when_its_holder_lets_go(lake: Lake) -> None:
    """A waiting writer goes on at once."""
    epochs: list[int] = []

    def wait() -> None:
        with lake.fence.lease(NAME) as lease:
            epochs.append(lease.epoch)

    with lake.fence.lease(NAME):
        waiting = threading.Thread(target=wait)
        waiting.start()
    waiting.join()
    assert epochs == [2]


def test_lease_of_a_dead_connection_is_free(lake: Lake) -> None:
    """The holder's connection is its life."""
    with lake.fence.lease(NAME):
        with psycopg.connect(lake.catalog, autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(holder_pid) from watermain.lease")
        with lake.fence.lease(NAME) as other:
            assert other.epoch == 2


def test_commit_is_refused_under_an_older_epoch(lake: Lake) -> None:
    """The catalog itself says no; nothing of the transaction stays."""
    with lake.fence.lease(NAME) as lease, lake.get_connection() as connection:
        with psycopg.connect(lake.catalog) as other:
            other.execute("update watermain.lease set epoch = epoch + 1")
        with (
            pytest.raises(LostLeaseError, match="the lease moved to another writer"),
            lake.transaction(connection, lease, "late"),
        ):
            connection.execute("create table lake.main.late (n int)")
        found = connection.execute(
            "select count(*) from duckdb_tables() where table_name = 'late'"
        ).fetchone()
    assert found == (0,)


def test_fence_tells_of_a_database_that_does_not_answer() -> None:
    """Nobody listens."""
    away = Fence("host=127.0.0.1 port=1 dbname=lake", lease_seconds=5)
    with pytest.raises(UnreachableSystemError, match="does not answer") as told, away.lease(NAME):
        pass
    assert len(str(told.value).splitlines()) == 4


def test_renewal_does_not_disturb_the_holders_own_commit(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction older than the latest renewal commits at the first try."""
    monkeypatch.setenv("WATERMAIN_LEASE_SECONDS", "1")
    with lake.fence.lease(NAME) as lease, lake.get_connection() as connection:
        connection.execute("set ducklake_max_retry_count = 0")
        with lake.transaction(connection, lease, "slow"):
            connection.execute("create table lake.main.slow as select 1 as n")
            time.sleep(1)
        assert connection.execute("select n from lake.main.slow").fetchone() == (1,)


def test_outcome_of_a_commit_is_its_snapshot_or_none(lake: Lake) -> None:
    """A claim that no snapshot bears was never committed."""
    with lake.fence.lease(NAME) as lease, lake.get_connection() as connection:
        with lake.transaction(connection, lease, "make") as _:
            connection.execute("create schema lake.shop_curated")
        row = connection.execute(
            "select snapshot_id, commit_extra_info from lake.snapshots() order by 1 desc limit 1"
        ).fetchone()
        assert row is not None
        assert lake.fence.outcome(NAME, row[1]) == row[0]
        assert lake.fence.outcome(NAME, '{"commit": "another"}') is None
