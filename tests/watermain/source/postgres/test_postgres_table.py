"""A captured PostgreSQL table whose columns, name or identity change."""

from __future__ import annotations

import pytest

from tests.watermain.source.kinds import (
    SLOT,
    Ledger,
    PostgresKind,
    held,
    replayed,
    rows_of,
    started,
    thing,
)
from watermain.declare.errors import SourceError


def test_column_lost_in_mid_stream_stops_after_the_transactions_before(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger)
    postgres_kind.run(
        "insert into things values (1, 'd', 'kept')",
        "alter table things rename note to remark",
        "begin; insert into others values (1); insert into things values (2, 'd', 'lost'); commit",
        "alter table things rename remark to note",
    )
    with pytest.raises(SourceError, match="has no column `note`; it has id, day, remark") as error:
        ledger.capture(postgres_kind.open())
    assert ledger.rows() == [("1", "d", "kept")]
    assert f"select pg_drop_replication_slot('{SLOT}_1')" in error.value.next
    postgres_kind.drop_slots()
    ledger.capture(postgres_kind.open())
    assert replayed(ledger.seen) == held(postgres_kind)


def test_column_added_in_mid_stream_is_named(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    ledger = started(postgres_kind, ledger)
    postgres_kind.run(
        "insert into things values (1)",
        "alter table things add column surprise int default 5",
        "insert into things values (2)",
        "alter table things drop column extra",
        "update things set note = 'n'",
    )
    (seen,) = ledger.capture(postgres_kind.open())
    assert seen.unknown_columns == ("extra", "surprise")
    assert rows_of([seen], "id", "note") == [("1", None), ("2", None), ("1", "n"), ("2", "n")]


def test_change_without_its_old_row_is_refused(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    ledger = started(postgres_kind, ledger, thing(1))
    postgres_kind.run(
        "alter table things replica identity default",
        "update things set note = 'half' where id = 1",
        "alter table things replica identity full",
    )
    with pytest.raises(SourceError, match="sent a change without the whole old row"):
        ledger.capture(postgres_kind.open())


def test_table_whose_name_needs_quotes_is_captured(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    postgres_kind.run(
        'create table "Big Things" (id int primary key, day text, note text)',
        'alter table "Big Things" replica identity full',
        'alter publication watermain add table "Big Things"',
    )
    ledger.capture(postgres_kind.open(table="public.Big Things"))
    postgres_kind.run('insert into "Big Things" values (1)')
    source = postgres_kind.open(table="public.Big Things")
    assert source.backlog().rows == 1
    ledger.capture(source)
    assert ledger.rows("id") == [("1",)]


def test_table_made_anew_is_refused_until_somebody_decides(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    started(postgres_kind, ledger, thing(1))
    postgres_kind.run(
        "drop table things",
        "create table things (id int primary key, day text, note text)",
        "alter table things replica identity full",
        "alter publication watermain add table things",
        "insert into things values (2)",
    )
    with pytest.raises(SourceError, match=r"that one was dropped or renamed") as refused:
        ledger.capture(postgres_kind.open())
    assert refused.value.next.endswith(f"select pg_drop_replication_slot('{SLOT}_1')")
    postgres_kind.drop_slots()
    ledger.capture(postgres_kind.open())
    assert replayed(ledger.seen) == held(postgres_kind)


def test_ledger_from_before_the_table_was_named_goes_on(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    started(postgres_kind, ledger, thing(1))
    ((shard, position),) = ledger.positions.items()
    older = Ledger({shard.rpartition("/")[0]: position})
    postgres_kind.run("insert into things values (2)")
    (seen,) = older.capture(postgres_kind.open())
    assert (seen.shard, seen.reset) == (shard.rpartition("/")[0], False)
    assert older.rows("id") == [("2",)]
