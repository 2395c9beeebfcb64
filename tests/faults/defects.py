"""Mistakes planted into a worker, to see whether the oracle finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import psycopg

from platform_assets.build import ingest
from resources import ledger
from resources.fence import Lease
from resources.lake import Lake, Written
from resources.settings import load_settings
from resources.source.postgres import PostgresSource


def acknowledge_before_commit() -> None:
    """Tell the source that a batch is safe as soon as it is read."""
    batches = PostgresSource.batches

    def eager(self: PostgresSource, **words: Any) -> Iterator[Any]:
        for batch in batches(self, **words):
            self.acknowledge({batch.shard: batch.end})
            yield batch

    PostgresSource.batches = eager  # type: ignore[method-assign]


def ledger_outside_the_transaction() -> None:
    """Write a batch's ledger row only after its rows are committed."""
    commit, record = ingest._Landing.commit, ingest._Landing._record

    def late(self: Any, batch: Any, began: float) -> None:
        commit(self, batch, began)
        record(self, batch, 0, [], began)

    ingest._Landing._record = lambda *_: None  # type: ignore[method-assign,assignment]
    ingest._Landing.commit = late  # type: ignore[method-assign]


def skip_a_batch() -> None:
    """Begin after the first batch that is due: `>` where `>=` is meant."""
    batches = PostgresSource.batches

    def short(self: PostgresSource, *, after: Any, limit: Any) -> Iterator[Any]:
        given = batches(self, after=after, limit=limit)
        if after:
            next(given, None)
        yield from given

    PostgresSource.batches = short  # type: ignore[method-assign]
    ledger.contiguous = lambda *_: None


def repeat_a_batch() -> None:
    """Begin with the batch that was committed last: `>=` where `>` is meant."""

    def earlier(connection: duckdb.DuckDBPyConnection, stream: Any) -> dict[str, str]:
        rows = connection.execute(
            f"select shard, arg_max(from_position, (epoch, committed_at)) from {ledger.BATCHES}"
            " where stream = ? and from_position <> '' group by shard",
            [str(stream)],
        ).fetchall()
        return dict(rows)

    ledger.positions = earlier
    ledger.contiguous = lambda *_: None


def no_epoch_check() -> None:
    """Commit without asking whose turn it is."""
    with psycopg.connect(load_settings().postgres or "") as connection:
        connection.execute("drop trigger watermain_fence on ducklake_snapshot_changes")


def no_transaction() -> None:
    """Let readers see each statement of a publish."""

    @contextmanager
    def open_to_all(
        self: Lake, connection: duckdb.DuckDBPyConnection, lease: Lease, message: str
    ) -> Iterator[Written]:
        yield Written(self.folder, "", 0.0)

    Lake.transaction = open_to_all  # type: ignore[method-assign,assignment]


PLANTS: dict[str, Callable[[], None]] = {
    plant.__name__: plant
    for plant in (
        acknowledge_before_commit,
        ledger_outside_the_transaction,
        skip_a_batch,
        repeat_a_batch,
        no_epoch_check,
        no_transaction,
    )
}
