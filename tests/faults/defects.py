"""Mistakes planted into a worker, to see whether the oracle finds them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import duckdb
import psycopg
import pyarrow as pa

from watermain.engine.capture import ingest, replay, typing_rules
from watermain.engine.publish import restore
from watermain.lake import checkpoint, ledger, unsettled
from watermain.lake.fence import Lease
from watermain.lake.lake import Lake
from watermain.lake.unsettled import Unsettled
from watermain.lake.written import Written
from watermain.settings import load_settings
from watermain.source.kafka.kafka import KafkaSource
from watermain.source.mqtt.sequences import Sequences
from watermain.source.postgres import pgoutput
from watermain.source.postgres.postgres import PostgresSource
from watermain.source.rest import rest_client
from watermain.source.rest.rest import RestSource
from watermain.source.rest.rest_memory import instant_text
from watermain.source.text.json_text import Number
from watermain.source.webhook import webhook


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

    def earlier(connection: duckdb.DuckDBPyConnection, stream: Any) -> dict[str, checkpoint.End]:
        rows = connection.execute(
            f"select shard, arg_max(from_position, (epoch, committed_at)) from {ledger.BATCHES}"
            " where stream = ? and from_position <> '' group by shard",
            [str(stream)],
        ).fetchall()
        return {shard: checkpoint.End(at, None, None, None) for shard, at in rows}

    checkpoint.ends = earlier
    ledger.contiguous = lambda *_: None


def no_epoch_check() -> None:
    """Commit without asking whose turn it is."""
    with psycopg.connect(load_settings().postgres or "") as connection:
        connection.execute("drop trigger watermain_fence on ducklake_snapshot_changes")


def no_transaction() -> None:
    """Let readers see each statement of a publish."""

    @contextmanager
    def open_to_all(
        self: Lake,
        connection: duckdb.DuckDBPyConnection,
        lease: Lease,
        message: str,
        *others: Lease,
        retired: Sequence[int] = (),
    ) -> Iterator[Written]:
        yield Written(self.folder, (), 0.0)

    Lake.transaction = open_to_all  # type: ignore[method-assign,assignment]


def cleanup_on_unknown() -> None:
    """Believe that a commit failed when its answer is lost; its files are gone."""
    Unsettled.restore = lambda _: None  # type: ignore[method-assign]
    unsettled._restore = lambda *_: None


def offset_off_by_one() -> None:
    """Begin one message behind the offset that the ledger names."""
    parsed = KafkaSource._parsed

    def beyond(self: KafkaSource, position: str) -> tuple[int | None, str]:
        offset, topic = parsed(self, position)
        return (None if offset is None else offset + 1), topic

    KafkaSource._parsed = beyond  # type: ignore[method-assign]


def dropped_rejects() -> None:
    """Let what does not fit its type vanish."""
    ingest._Landing._quarantine = lambda *_: None  # type: ignore[method-assign]


def dropped_late_rows() -> None:
    """Ask for each window alone, never reaching back."""

    def asked(self: RestSource, low: Any, high: Any) -> dict[str, str]:
        words = self.word.window
        return {words.since: instant_text(low), words.until: instant_text(high)}

    RestSource._asked = asked  # type: ignore[method-assign]


def dedupe_across_shards() -> None:
    """Know messages by their numbers alone, whoever numbered them."""
    add = Sequences.add
    Sequences.add = lambda self, _, number: add(self, "all", number)  # type: ignore[method-assign]


def half_transaction() -> None:
    """Give a batch before the last change of its transaction has come."""
    batches = PostgresSource.batches

    def half(self: PostgresSource, **words: Any) -> Iterator[Any]:
        for batch in batches(self, **words):
            short = isinstance(batch.rows, pa.Table) and batch.row_count > 1
            yield replace(batch, rows=batch.rows[:-1]) if short else batch

    PostgresSource.batches = half  # type: ignore[method-assign]


def unchanged_toast_to_null() -> None:
    """Take a large value that an update left as it was for a null."""
    tuples = pgoutput._Tuples._tuple

    def forgetful(self: Any, at: Any) -> Any:
        found, end = tuples(self, at)
        for slices in found.values():
            slices.kind[slices.kind == pgoutput._UNCHANGED] = pgoutput._NULL
        return found, end

    pgoutput._Tuples._tuple = forgetful  # type: ignore[method-assign]


def float_json() -> None:
    """Read the numbers of JSON as binary ones."""

    def rounded(body: bytes) -> object:
        return json.loads(body, parse_float=lambda text: Number(repr(float(text))))

    rest_client.parsed = rounded
    webhook.parsed = rounded


def naive_time() -> None:
    """Forget the zone of an instant."""
    typed = typing_rules.typed

    def naive(column: str, kind: Any, engine_type: str) -> str:
        if "TIME ZONE" in engine_type:
            return f"try_cast(left({column}, 19) as timestamp)::{engine_type}"
        return typed(column, kind, engine_type)

    typing_rules.typed = naive


def verdicts_after_the_commit() -> None:
    """Mark replayed rows only after the transaction that publishes them."""
    decide, failpoint = replay.decide, replay.failpoint
    owed: list[tuple[Any, ...]] = []

    def later(name: str) -> None:
        failpoint(name)
        if name == "replay.after_commit":
            decide(*owed.pop())

    replay.decide = lambda *words: owed.append(words) or 0  # type: ignore[func-returns-value]
    replay.failpoint = later


def promotion_in_pieces() -> None:
    """Promote the datasets of a branch one after another, each in its own transaction."""
    promoted = restore._promoted

    def pieces(connection: Any, job: Any, datasets: Any, built: Any, leases: Any) -> list[Any]:
        each = zip(datasets.items(), leases, strict=True)
        return [
            done
            for (name, dataset), lease in each
            for done in promoted(connection, job, {name: dataset}, built, [lease])
        ]

    restore._promoted = pieces


def rows_aside_left_behind() -> None:
    """Promote or roll back partitions without the rows that were put aside beside them."""
    restore._keep_beside = lambda *_, **__: None


PLANTS: dict[str, Callable[[], None]] = {
    plant.__name__: plant
    for plant in (
        acknowledge_before_commit,
        ledger_outside_the_transaction,
        skip_a_batch,
        repeat_a_batch,
        no_epoch_check,
        no_transaction,
        cleanup_on_unknown,
        offset_off_by_one,
        dropped_rejects,
        dropped_late_rows,
        dedupe_across_shards,
        half_transaction,
        unchanged_toast_to_null,
        float_json,
        naive_time,
        verdicts_after_the_commit,
        promotion_in_pieces,
        rows_aside_left_behind,
    )
}
