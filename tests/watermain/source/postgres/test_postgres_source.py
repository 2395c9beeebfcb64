"""What the capture of a PostgreSQL table promises beyond what every source does."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from tests.watermain.source.kinds import (
    Ledger,
    PostgresKind,
    held,
    replayed,
    started,
    thing,
)
from watermain.source.protocol import Limit, Shape


def test_snapshot_joins_the_stream_while_writers_write(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    kind, rounds = postgres_kind, 150
    kind.run("insert into things select g, 'd', 'n' from generate_series(1, 20000) g")

    def write(lane: int) -> None:
        with psycopg.connect(kind.dsn, autocommit=True) as connection:
            for turn in range(rounds):
                key = 100_000 * (lane + 1) + turn
                connection.execute("insert into things values (%s, 'new', 'n')", [key])
                connection.execute(
                    "update things set note = note || '.' where id = %s", [1 + turn * 7]
                )
                connection.execute("delete from things where id = %s", [19_000 + turn * 2 + lane])

    writers = [threading.Thread(target=write, args=[lane]) for lane in range(2)]
    for writer in writers:
        writer.start()
    captures = 0
    while any(writer.is_alive() for writer in writers) or captures < 2:
        ledger.capture(kind.open(), Limit(rows=50))
        captures += 1
    for writer in writers:
        writer.join()
    ledger.capture(kind.open())
    assert replayed(ledger.seen) == held(kind)
    assert [each.reset for each in ledger.seen].count(True) == 1


def test_changes_are_kept_with_operation_and_order(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger, thing(1, "a"))
    postgres_kind.run(
        "insert into things values (2, 'd', 'b')",
        "update things set note = 'c' where id = 1",
        "delete from things where id = 2",
    )
    ledger.capture(postgres_kind.open())
    assert ledger.rows("_op", "id", "note", "_seq") == [
        ("i", "2", "b", 1),
        ("u", "1", "c", 1),
        ("d", "2", "b", 1),
    ]


def test_snapshot_rows_order_before_every_change(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    postgres_kind.add([thing(1), thing(2)])
    ledger.capture(postgres_kind.open())
    postgres_kind.run("insert into things values (3), (4)", "delete from things")
    ledger.capture(postgres_kind.open(), Limit(rows=1))
    order = ledger.rows("_lsn", "_seq")
    assert order == sorted(set(order))
    assert [row[0] for row in ledger.rows("_op")] == ["r", "r", "i", "i", "d", "d", "d", "d"]
    commits = ledger.rows("_commit_at")
    assert commits == sorted(commits)
    assert str(commits[0][0].tzinfo) == "UTC"


def test_truncate_is_one_row_without_values(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    ledger = started(postgres_kind, ledger, thing(1))
    postgres_kind.run("begin; insert into things values (2); truncate things, others; commit")
    postgres_kind.run("truncate others")
    ledger.capture(postgres_kind.open())
    assert ledger.rows("_op", "id", "note", "_seq") == [
        ("i", "2", None, 1),
        ("t", None, None, 2),
    ]


def test_changes_of_other_tables_are_left_out(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    ledger = started(postgres_kind, ledger)
    postgres_kind.run(
        "begin; insert into others values (9); insert into things values (1);"
        " insert into others values (9); commit",
        "insert into others values (9)",
    )
    ledger.capture(postgres_kind.open())
    assert ledger.rows("id", "_seq") == [("1", 1)]
    assert ledger.capture(postgres_kind.open()) == []


@pytest.mark.parametrize(
    ("update", "after"),
    [
        ("id = 9", ("9", "2013-01-01", "x")),
        ("day = '2013-01-02'", ("1", "2013-01-02", "x")),
        ("day = null, note = 'y'", ("1", None, "y")),
    ],
)
def test_update_that_moves_a_row_is_a_delete_before_an_insert(
    postgres_kind: PostgresKind, ledger: Ledger, update: str, after: tuple
) -> None:
    ledger = started(postgres_kind, ledger, thing(1), thing(2))
    postgres_kind.run(f"begin; update things set {update} where id = 1; delete from things; commit")
    ledger.capture(postgres_kind.open())
    rows = ledger.rows("_op", "id", "day", "note", "_seq")
    assert rows[:2] == [("d", "1", "2013-01-01", "x", 1), ("i", *after, 2)]
    assert [row[4] for row in rows] == [1, 2, 3, 4]


def test_update_that_touches_neither_key_nor_partition_is_one_row(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger, thing(1, day=None))
    postgres_kind.run("update things set note = null, extra = 4, day = null, id = 1")
    ledger.capture(postgres_kind.open())
    assert ledger.rows("_op", "id", "day", "note") == [("u", "1", None, None)]


@pytest.mark.parametrize("update", ["extra = 1", "id = 9", "day = 'other'"])
def test_unchanged_large_value_is_kept_and_never_null(
    postgres_kind: PostgresKind, ledger: Ledger, update: str
) -> None:
    large = "toast" * 20_000
    ledger = started(postgres_kind, ledger, thing(1, large), thing(2, "small"))
    postgres_kind.run(f"update things set {update} where id = 1")
    ledger.capture(postgres_kind.open())
    assert {row[0] for row in ledger.rows("note")} == {large}


def test_transaction_is_never_split(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    ledger = started(postgres_kind, ledger)
    for first, count in ((0, 10_000), (20_000, 3), (30_000, 700), (40_000, 1)):
        postgres_kind.run(
            f"insert into things select {first} + g from generate_series(1, {count}) g"
        )
    seen = ledger.capture(postgres_kind.open(), Limit(rows=2, bytes=10))
    assert [each.rows.num_rows for each in seen] == [10_000, 3, 700, 1]
    assert [len(set(each.rows["_xid"].to_pylist())) for each in seen] == [1, 1, 1, 1]
    assert seen[0].rows["_seq"].to_pylist() == list(range(1, 10_001))


def test_large_transaction_arrives_whole_through_a_file(
    postgres_kind: PostgresKind, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watermain.source.spill.MEMORY_BYTES", 200_000)
    monkeypatch.setattr("watermain.source.postgres.changes._CHUNK_BYTES", 50_000)
    ledger = started(postgres_kind, ledger)
    postgres_kind.run("insert into things select g, 'd', 'n' from generate_series(1, 20000) g")
    (batch,) = postgres_kind.open().batches(after=ledger.positions, limit=Limit(rows=1))
    assert isinstance(batch.rows, Path)
    (seen,) = ledger.capture(postgres_kind.open(), Limit(rows=1))
    assert seen.rows["id"].to_pylist() == [str(n) for n in range(1, 20_001)]
    assert seen.rows["_seq"].to_pylist() == list(range(1, 20_001))


def test_interleaved_transactions_come_whole_in_commit_order(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger)
    dsn = postgres_kind.dsn
    with psycopg.connect(dsn) as early, psycopg.connect(dsn) as late, psycopg.connect(dsn) as none:
        for turn in range(3):
            early.execute("insert into things values (%s, 'early')", [turn])
            late.execute("insert into things values (%s, 'late')", [10 + turn])
            none.execute("insert into things values (%s, 'none')", [20 + turn])
        late.commit()
        early.commit()
        none.rollback()
    (seen,) = ledger.capture(postgres_kind.open())
    assert seen.rows["day"].to_pylist() == ["late"] * 3 + ["early"] * 3
    assert seen.rows["_seq"].to_pylist() == [1, 2, 3, 1, 2, 3]


def test_rolled_back_savepoint_leaves_no_row(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    ledger = started(postgres_kind, ledger)
    postgres_kind.run(
        "begin; insert into things values (1); savepoint s; insert into things values (2);"
        " rollback to s; insert into things values (3); commit"
    )
    ledger.capture(postgres_kind.open())
    assert ledger.rows("id") == [("1",), ("3",)]


def test_open_transaction_is_waited_for_by_nobody(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger)
    with psycopg.connect(postgres_kind.dsn) as slow:
        slow.execute("insert into things values (1)")
        postgres_kind.add([thing(2)])
        ledger.capture(postgres_kind.open())
        assert ledger.rows("id") == [("2",)]
        slow.commit()
    ledger.capture(postgres_kind.open())
    assert ledger.rows("id") == [("2",), ("1",)]


def test_null_stays_apart_from_empty_in_snapshot_as_in_stream(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    rows = [thing(1, None), thing(2, ""), thing(3, '""'), thing(4, "NULL"), thing(5, "\\N")]
    postgres_kind.add(rows)
    ledger.capture(postgres_kind.open())
    postgres_kind.run("update things set extra = 1")
    ledger.capture(postgres_kind.open())
    notes = [(row["id"], row["note"]) for row in rows]
    assert ledger.rows("id", "note") == [*notes, *notes]


TYPED = {
    "big": ("bigint", "-9223372036854775808", "-9223372036854775808"),
    "exact": ("numeric(38,18)", "12345678901234567890.000000000000000001", None),
    "nan": ("numeric", "NaN", None),
    "float": ("float8", "0.1", None),
    "third": ("float8", "0.3333333333333333", None),
    "huge": ("float8", "1.7976931348623157e+308", None),
    "flag": ("boolean", "true", "t"),
    "day": ("date", "2013-11-03", None),
    "first": ("date", "0001-01-01", None),
    "at": ("timestamptz", "2013-11-03 01:30:00-05", "2013-11-03 06:30:00+00"),
    "wall": ("timestamp", "9999-12-31 23:59:59.999999", None),
    "clock": ("time", "23:59:59.5", None),
    "span": ("interval", "1 day 02:03:04", None),
    "raw": ("bytea", "\\x00ff", None),
    "doc": ("jsonb", '{"a": 1.10}', None),
    "id": ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", None),
}


def test_values_have_one_text_whatever_the_database_prefers(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    columns = ", ".join(f'"{name}" {kind}' for name, (kind, _, _) in TYPED.items())
    values = ", ".join(f"'{text}'" for _, text, _ in TYPED.values())
    wanted = tuple(shown or text for _, text, shown in TYPED.values())
    postgres_kind.run(
        f"create table typed ({columns})",
        "alter table typed replica identity full",
        "alter publication watermain add table typed",
        f"insert into typed values ({values})",
    )
    for setting in (
        "datestyle to 'SQL, DMY'",
        "timezone to 'America/New_York'",
        "extra_float_digits to -5",
        "bytea_output to 'escape'",
        "intervalstyle to 'iso_8601'",
    ):
        postgres_kind.run(f"alter database source set {setting}")
    shape = Shape(dataset="operations.raw.typed", columns=tuple(TYPED))
    ledger.capture(postgres_kind.open(shape, table="public.typed"))
    postgres_kind.run("update typed set flag = flag")
    ledger.capture(postgres_kind.open(shape, table="public.typed"))
    assert ledger.rows(*TYPED) == [wanted, wanted]
