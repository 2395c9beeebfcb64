"""How long questions took, kept for a while beside the lake's catalog."""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import orjson
import psycopg

from watermain.declare.name import DatasetName
from watermain.lake.catalog import catalog_dsn, unreachable
from watermain.record.brief import PATIENCE, WITHOUT, brief, laid
from watermain.settings import Settings

LOG = logging.getLogger("watermain.query")
MOST_PENDING = 1_000
MOST_ROWS = 1_000_000
AT_ONCE = 1_000  # old rows that go with one write
TABLE = "watermain.query"
DDL = """
create schema if not exists watermain;
create table if not exists watermain.query (
    id bigint generated always as identity primary key, at timestamptz not null,
    who text not null, datasets text[] not null, seconds double precision not null,
    rows bigint not null, shape text not null
);
create index if not exists query_at on watermain.query (at);
"""
# What is too old goes with what is new, so that no other service has to think of it.
_WRITE = f"""
with old as (
    delete from watermain.query where id in (
        (select id from watermain.query where at < %s order by at limit {AT_ONCE})
        union all
        (select id from watermain.query
         where id <= (select max(id) from watermain.query) - {MOST_ROWS}
         order by id limit {AT_ONCE})
    )
)
insert into watermain.query (at, who, datasets, seconds, rows, shape)
select (q->>'at')::timestamptz, q->>'who', array(select jsonb_array_elements_text(q->'datasets')),
    (q->>'seconds')::double precision, (q->>'rows')::bigint, q->>'shape'
from jsonb_array_elements(%s::jsonb) as q
"""


@dataclass(frozen=True, kw_only=True)
class QueryRecord:
    """One question that was answered.

    Shapes: `shape` is a print of the statement without its values, the same for questions that
    differ in them alone; the text is not kept, since it may hold what is personal.
    Units: `seconds` until the last row that was asked for, without what the reader did meanwhile.
    """

    at: datetime
    who: str
    datasets: tuple[str, ...]
    seconds: float
    rows: int
    shape: str


class QueryLog:
    """Keep how long questions took, written by a thread of its own after each answer.

    Guarantees: whoever asks never waits for it. What cannot be written soon is left out, and that
    is said once in a process. Rows older than `kept` go, and so do all but the last MOST_ROWS.
    """

    def __init__(self, dsn: Callable[[], str], kept: timedelta) -> None:
        self._dsn, self._kept = dsn, kept
        self._turn = threading.Lock()
        self._pending: deque[QueryRecord] = deque()
        self._thread: threading.Thread | None = None
        self._is_warned = False
        atexit.register(self.settle)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The log beside the catalog that the settings lead to."""
        return cls(lambda: catalog_dsn(settings), timedelta(days=settings.query_days))

    def add(self, record: QueryRecord) -> None:
        """Have a question written down."""
        if not self._kept:
            return
        with self._turn:
            if len(self._pending) >= MOST_PENDING:
                self._warn(f"{MOST_PENDING} wait")
                return
            self._pending.append(record)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="watermain-query", daemon=True
                )
                self._thread.start()

    def settle(self, patience: timedelta = PATIENCE) -> None:
        """Wait for what is being written, for a moment."""
        with self._turn:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(patience.total_seconds())
            if thread.is_alive():
                self._warn(f"no answer within {patience.total_seconds():g} s")

    def since(self, at: datetime, dataset: DatasetName | None = None) -> list[QueryRecord]:
        """The questions since an instant that read a dataset, or all of them, oldest first.

        Raises: UnreachableSystemError.
        """
        try:
            with psycopg.connect(self._dsn()) as connection, laid(connection, TABLE, DDL):
                rows = connection.execute(
                    "select at, who, datasets, seconds, rows, shape from watermain.query"
                    " where at >= %s and (%s::text is null or %s = any(datasets)) order by at, id",
                    [at, str(dataset) if dataset else None, str(dataset)],
                ).fetchall()
        except psycopg.OperationalError as error:
            raise unreachable(error, data="nothing was read") from error
        return [
            QueryRecord(
                at=when.astimezone(UTC),
                who=who,
                datasets=tuple(datasets),
                seconds=seconds,
                rows=count,
                shape=shape,
            )
            for when, who, datasets, seconds, count, shape in rows
        ]

    def _run(self) -> None:
        """Write what waits, as long as something does."""
        while True:
            with self._turn:
                records = list(self._pending)
                self._pending.clear()
                if not records:
                    self._thread = None
                    return
            try:
                self._write(records)
            except WITHOUT as error:
                self._warn(str(getattr(error, "what", error)).partition("\n")[0][:200])

    def _write(self, records: Sequence[QueryRecord]) -> None:
        """Write records in one round trip, unless the table is not there yet."""
        words = [records[-1].at - self._kept, orjson.dumps([asdict(r) for r in records]).decode()]
        with psycopg.connect(brief(self._dsn()), autocommit=True) as connection:
            try:
                connection.execute(_WRITE, words)
            except psycopg.errors.UndefinedTable:
                with connection.transaction(), laid(connection, TABLE, DDL):
                    connection.execute(_WRITE, words)

    def _warn(self, why: str) -> None:
        if not self._is_warned:
            LOG.warning("how long questions took is not written down: %s", why)
        self._is_warned = True
