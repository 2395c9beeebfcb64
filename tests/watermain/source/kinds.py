"""Each kind of source over a real outside system, seen alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg
import pyarrow as pa

from watermain.declare.outside.source import Postgres
from watermain.source.postgres.postgres import PostgresSource
from watermain.source.protocol import Batch, Limit, Shape, Source

COLUMNS = ("id", "day", "note")
SHAPE = Shape(
    dataset="operations.raw.things",
    columns=COLUMNS,
    key=("id",),
    types=(pa.string(),) * len(COLUMNS),
    partition_by="day",
    declared="rooms/things.py:7",
)
SLOT = "watermain_operations_raw_things"
ANY = Limit()


def thing(number: int, note: str | None = "x", day: str | None = "2013-01-01") -> dict:
    """One row as the outside world holds it."""
    return {"id": str(number), "day": day, "note": note}


@dataclass(frozen=True)
class Seen:
    """A batch with its rows, kept after the batch is gone."""

    shard: str
    start: str
    end: str
    reset: bool
    batch_id: str
    content_hash: str
    rows: pa.Table
    rejected: list[dict]
    unknown_columns: tuple[str, ...]

    @staticmethod
    def of(batch: Batch) -> Seen:
        return Seen(
            batch.shard,
            batch.start,
            batch.end,
            batch.reset,
            batch.batch_id,
            batch.content_hash,
            batch.reader().read_all(),
            batch.rejected.to_pylist(),
            batch.unknown_columns,
        )


@dataclass
class Ledger:
    """Keep positions the way the lake does: the rows first, then the word to the source."""

    positions: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    def capture(
        self, source: Source, limit: Limit = ANY, *, acknowledge: bool = True
    ) -> list[Seen]:
        """Commit every batch that waits."""
        fresh = []
        for batch in source.batches(after=dict(self.positions), limit=limit):
            assert batch.start == self.positions.get(batch.shard, "")
            fresh.append(Seen.of(batch))
            self.seen.append(fresh[-1])
            self.positions[batch.shard] = batch.end
            if acknowledge:
                source.acknowledge({batch.shard: batch.end})
        return fresh

    def rows(self, *columns: str) -> list[tuple]:
        """Every row captured so far, in order."""
        return rows_of(self.seen, *columns)


def peek(source: Source, ledger: Ledger, limit: Limit = ANY) -> list[Seen]:
    """Read what waits without committing any of it."""
    return [Seen.of(batch) for batch in source.batches(after=dict(ledger.positions), limit=limit)]


def rows_of(seen: list[Seen], *columns: str) -> list[tuple]:
    """The chosen columns of all rows, in order."""
    names = columns or COLUMNS
    return [tuple(row[n] for n in names) for each in seen for row in each.rows.to_pylist()]


class Kind(Protocol):
    """An outside system of one kind; `together` where rows added together stay together."""

    together: bool

    def add(self, rows: list[dict]) -> None:
        """Bring rows into being together."""
        ...

    def open(self) -> Source:
        """Open the source anew, as a new process would."""
        ...


class PostgresKind:
    """One table in a database of its own."""

    together = True

    def __init__(self, dsn: str, scratch: Path) -> None:
        self.dsn, self.scratch = dsn, scratch
        self.run(
            "create table public.things (id int primary key, day text, note text, extra int)",
            "alter table public.things replica identity full",
            "alter table public.things alter note set storage external",
            "create table public.others (id int, note text)",
            "create publication watermain for table public.things, public.others",
        )

    def run(self, *statements: str) -> None:
        """Run statements, each its own transaction."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def one(self, query: str) -> object:
        """The single value of a query."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
            return None if row is None else row[0]

    def add(self, rows: list[dict]) -> None:
        names = ", ".join(COLUMNS)
        with (
            psycopg.connect(self.dsn) as connection,
            connection.cursor() as cursor,
            cursor.copy(f"copy public.things ({names}) from stdin") as copy,
        ):
            for row in rows:
                copy.write_row(tuple(row[name] for name in COLUMNS))

    def open(self, shape: Shape = SHAPE, **words: str) -> PostgresSource:
        word = Postgres(connection="db", **{"table": "public.things", **words})
        return PostgresSource(word, shape, dsn=lambda: self.dsn, scratch=self.scratch)

    def slots(self) -> dict[str, str]:
        """Each slot with the position confirmed to it."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return dict(
                connection.execute(
                    "select slot_name, confirmed_flush_lsn::text from pg_replication_slots"
                    " where database = current_database()"
                ).fetchall()
            )

    def drop_slots(self) -> None:
        """Let the server forget what was captured."""
        self.run(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
            " where database = current_database()"
        )


def replayed(seen: list[Seen]) -> dict[str, tuple]:
    """The table that results when every captured change is applied in order."""
    state: dict[str, tuple] = {}
    for each in seen:
        if each.reset:
            state.clear()
        for row in each.rows.to_pylist():
            if row["_op"] == "t":
                state.clear()
            elif row["_op"] == "d":
                assert state.pop(row["id"]) == (row["day"], row["note"])
            else:
                assert (row["_op"] == "u") == (row["id"] in state), row
                state[row["id"]] = (row["day"], row["note"])
    return state


def held(kind: PostgresKind) -> dict[str, tuple]:
    """The table as the server holds it."""
    with psycopg.connect(kind.dsn) as connection:
        rows = connection.execute("select id::text, day, note from public.things").fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


def started(kind: PostgresKind, ledger: Ledger, *rows: dict) -> Ledger:
    """A ledger that holds the snapshot of the table with these rows."""
    kind.add(list(rows))
    (first,) = ledger.capture(kind.open())
    assert first.reset
    return Ledger(ledger.positions)
