"""A feature table brought from the lake into an online store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from watermain.ahead import made_ahead
from watermain.clock import micros
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownDatasetError
from watermain.declare.feature_ref import feature_of
from watermain.engine.feature.online_change import Snapshots, corrections_sql, find_changes
from watermain.engine.feature.online_row import entries_sql, newest_sql, rows_sql
from watermain.engine.publish.damage import refusal
from watermain.failpoint import failpoint
from watermain.lake.lake import Lake
from watermain.lake.rest.inventory import inventory
from watermain.lake.rest.verification import damaged, verify
from watermain.online.protocol import CORRECTIONS, ENTRIES, Cursor, OnlineStore
from watermain.trace.identity import point
from watermain.trace.span import OpenSpan
from watermain.trace.tracing import begin, operation
from watermain.trace.walk import origins

ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What a push did: up to where, how many rows were written and how many corrected.

    `is_whole` when every row was read, and not only what changed.
    """

    cursor: Cursor
    written: int
    corrected: int
    is_whole: bool


def push(
    dataset: Dataset,
    lake: Lake,
    store: OnlineStore,
    now: datetime,
    *,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Pushed:
    """Bring the store up to the lake's present snapshot: of each entity the newest row.

    A row counts when it has happened and is known at `now`; one that lies ahead waits for a push
    of its time. What was retracted is corrected, by the row that is newest without it.
    Guarantees: one pusher at a time; a push that was cut off is finished first, from the snapshot
    that it read; where snapshots have expired, or the table was made anew, everything is compared.
    Guarantees: no row comes from a new data file that is not as it was written.
    Raises: UnreachableSystemError; LostRowsError, when the store was flushed meanwhile;
    or DamagedDataError.
    """
    feature_of(dataset)
    with operation("push") as span, _pusher(dataset, lake, store, rows_at_once) as pusher:
        if span is not None:
            pusher.traced(span)
        done = pusher.run(micros(now))
        if span is not None:
            span.tell(written=done.written, corrected=done.corrected, snapshot=done.cursor.snapshot)
        return done


def rebuild(dataset: Dataset, lake: Lake, store: OnlineStore, now: datetime) -> Pushed:
    """Empty the table in the store, and fill it from the lake."""
    feature_of(dataset)
    with _pusher(dataset, lake, store, ROWS_AT_ONCE) as pusher:
        store.drop(str(dataset.name))
        return pusher.run(micros(now))


def lease_of(dataset: Dataset) -> str:
    """The lease under which a table is pushed."""
    return f"online:{dataset.name}"


@contextmanager
def _pusher(
    dataset: Dataset, lake: Lake, store: OnlineStore, rows_at_once: int
) -> Iterator[_Pusher]:
    with lake.fence.lease(lease_of(dataset)), lake.get_connection() as connection:
        yield _Pusher(
            dataset=dataset, lake=lake, store=store, connection=connection, rows=rows_at_once
        )


@dataclass(kw_only=True)
class _Pusher:
    """One push under its lease."""

    dataset: Dataset
    lake: Lake
    store: OnlineStore
    connection: duckdb.DuckDBPyConnection
    rows: int
    written: int = 0
    corrected: int = 0
    is_whole: bool = False

    @property
    def table(self) -> str:
        """The table's name in the store."""
        return str(self.dataset.name)

    @property
    def ttl(self) -> timedelta | None:
        """How long after its event time a row lasts."""
        online = feature_of(self.dataset).online
        return None if online is None else online.ttl

    def traced(self, span: OpenSpan) -> None:
        """Say what the push is about, and link it to what was published since the last."""
        present, cursor = self.lake.snapshot(self.connection), self.store.cursor(self.table)
        found = origins(self.connection, [self.dataset.name], cursor.snapshot if cursor else 0)
        span.tell(dataset=self.table)
        span.link(found.points, found.total, "publishes")
        begin(span, point("push", self.table, present, attempt=span.began))

    def run(self, now_us: int) -> Pushed:
        """Finish what was cut off, and then go on to the present."""
        snapshots = Snapshots(dataset=self.dataset, lake=self.lake, connection=self.connection)
        present = self.lake.snapshot(self.connection)
        if not snapshots.exists():
            raise self._unpublished(present)
        cursor, begun = self.store.cursor(self.table), self.store.begun(self.table)
        is_known = cursor is None or snapshots.has(cursor.snapshot)
        if is_known and begun is not None and snapshots.has(begun.snapshot):
            self._go(cursor, begun)
            cursor, begun = begun, None
        is_known = is_known and begun is None
        since = cursor.until_us if cursor is not None else now_us
        aim = Cursor(present, max(now_us, since))
        if not is_known:
            self._all(cursor, aim, sweep=True)
        elif cursor != aim:
            self._go(cursor, aim)
        return Pushed(
            cursor=aim, written=self.written, corrected=self.corrected, is_whole=self.is_whole
        )

    def _go(self, cursor: Cursor | None, aim: Cursor) -> None:
        """Go from one cursor to another, both in the lake."""
        if cursor is None:
            self._all(cursor, aim, sweep=False)
            return
        if not self._prove_news(cursor.snapshot, aim.snapshot):
            self._all(cursor, aim, sweep=True)
            return
        find_changes(self.connection, self.dataset, cursor, aim)
        self.store.begin(self.table, aim, cursor)
        self._correct(corrections_sql(self.dataset))
        self._put(entries_sql(self.dataset, "select * from online_newest"), aim)

    def _all(self, cursor: Cursor | None, aim: Cursor, *, sweep: bool) -> None:
        """Write every entity; with `sweep`, hold what the store has against the lake first."""
        self.is_whole = True
        self._prove(0, aim.snapshot)
        rows = newest_sql(self.dataset, rows_sql(self.dataset, aim.snapshot, aim.until_us))
        entries = entries_sql(self.dataset, rows)
        self.store.begin(self.table, aim, cursor)
        if sweep:
            hold(self.connection, "online_held", self.store.scan(self.table))
            self._correct(
                "select h.key, h.event_us as seen_us, l.event_us, l.value from online_held as h"
                f" left join ({entries}) as l using (key)"
                " where l.key is null or l.event_us < h.event_us"
            )
        self._put(entries, aim)

    def _prove_news(self, since: int, until: int) -> bool:
        """See that what came is as it was written; say whether what it is compared with is, too."""
        self._prove(since, until)
        gone = [
            f
            for f in inventory(self.lake, [self.dataset.name], snapshot=since)
            if f.ended is not None and f.ended <= until
        ]
        return not damaged(verify(self.lake, self.connection, gone))

    def _prove(self, since: int, until: int) -> None:
        """See that the files that came after a snapshot and up to another are as they were written.

        Raises: DamagedDataError.
        """
        held = inventory(self.lake, [self.dataset.name], snapshot=until)
        came = [f for f in held if f.begun > since]
        broken = damaged(verify(self.lake, self.connection, came))
        if broken:
            data = "the online store is as it was"
            raise refusal(self.lake, self.dataset, broken, files=len(came), at=until, data=data)

    def _correct(self, sql: str) -> None:
        for batch in self._batches(sql, CORRECTIONS):
            self.corrected += self.store.correct(self.table, batch, self.ttl)
        failpoint("online.after_correct")

    def _put(self, sql: str, aim: Cursor) -> None:
        for batch in self._batches(sql, ENTRIES):
            self.written += self.store.put(self.table, batch, None, self.ttl)
        failpoint("online.after_put_before_cursor")
        self.store.put(self.table, ENTRIES.empty_table(), aim, self.ttl)

    def _batches(self, sql: str, schema: pa.Schema) -> Iterator[pa.Table]:
        reader = self.connection.execute(sql).to_arrow_reader(self.rows)
        for batch in made_ahead(reader):
            yield pa.Table.from_batches([batch]).cast(schema)

    def _unpublished(self, present: int) -> UnknownDatasetError:
        return UnknownDatasetError(
            f"{self.table}: nothing of it is published yet in snapshot {present}",
            declared=self.dataset.declared,
            data="the online store is as it was",
            next=f"watermain materialize {self.table} --with-upstream",
        )


def hold(connection: duckdb.DuckDBPyConnection, name: str, batches: Iterator[pa.Table]) -> None:
    """Keep entries of a store in a temporary table, each key once."""
    connection.execute(
        f"create or replace temp table {name}_seen (key blob, event_us bigint, value blob)"
    )
    for batch in batches:
        connection.register("online_batch", batch)
        connection.execute(f"insert into {name}_seen select * from online_batch")
        connection.unregister("online_batch")
    connection.execute(
        f"create or replace temp table {name} as select key, max(event_us) as event_us,"
        f" arg_max(value, event_us) as value from {name}_seen group by key"
    )
    connection.execute(f"drop table {name}_seen")
