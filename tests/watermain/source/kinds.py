"""Each kind of source over a real outside system, seen alike."""

from __future__ import annotations

from pathlib import Path

import psycopg

from watermain.declare.outside.source import Postgres
from watermain.source.postgres.postgres import PostgresSource
from watermain.source.protocol import Shape
from watermain.testing.source_kind import *  # noqa: F403  (what every kind is asked)
from watermain.testing.source_kind import COLUMNS, SHAPE, Ledger, Seen

SLOT = "watermain_operations_raw_things"


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
