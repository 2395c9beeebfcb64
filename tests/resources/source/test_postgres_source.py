"""What the capture of a PostgreSQL table promises beyond what every source does."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from platform_assets.declare.errors import SourceError, UnreachableSystemError
from resources.source import replication
from resources.source.generation import slot_prefix
from resources.source.postgres import PostgresSource
from resources.source.protocol import Limit, Shape
from tests.resources.source.kinds import (
    SHAPE,
    Ledger,
    PostgresKind,
    Seen,
    peek,
    rows_of,
    thing,
)

SLOT = "watermain_operations_raw_things"


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
    monkeypatch.setattr("resources.source.spill.MEMORY_BYTES", 200_000)
    monkeypatch.setattr("resources.source.changes._CHUNK_BYTES", 50_000)
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


def test_slot_moves_only_when_told(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    ledger = started(postgres_kind, ledger)
    before = postgres_kind.slots()
    postgres_kind.add([thing(1)])
    assert len(peek(postgres_kind.open(), ledger)) == 1
    assert postgres_kind.slots() == before
    ledger.capture(postgres_kind.open(), acknowledge=False)
    assert postgres_kind.slots() == before
    postgres_kind.open().acknowledge(ledger.positions)
    assert list(postgres_kind.slots().values()) == list(ledger.positions.values())


def test_slot_stands_where_the_ledger_does_after_each_capture(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger)
    for number in range(3):
        postgres_kind.add([thing(number)])
        ledger.capture(postgres_kind.open())
        assert list(postgres_kind.slots().values()) == list(ledger.positions.values())


def test_snapshot_that_never_reached_the_lake_is_taken_anew(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    postgres_kind.add([thing(1)])
    (lost,) = peek(postgres_kind.open(), ledger)
    postgres_kind.add([thing(2)])
    ledger.capture(postgres_kind.open())
    (seen,) = ledger.seen
    assert (seen.shard, seen.start, seen.reset) == (lost.shard, "", True)
    assert seen.end != lost.end
    assert ledger.rows("id", "_op") == [("1", "r"), ("2", "r")]
    assert list(postgres_kind.slots()) == [f"{SLOT}_1"]


def test_lost_slot_begins_a_new_generation(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    started(postgres_kind, ledger, thing(1), thing(2))
    postgres_kind.drop_slots()
    postgres_kind.run("delete from things where id = 1", "insert into things values (3)")
    peek(postgres_kind.open(), ledger)
    postgres_kind.run("update things set note = 'late'")
    (second,) = ledger.capture(postgres_kind.open())
    assert second.reset
    assert second.start == ""
    assert second.shard != ledger.seen[0].shard
    assert replayed(ledger.seen) == held(postgres_kind)
    order = [min(each.rows["_lsn"].to_pylist()) for each in ledger.seen]
    assert order == sorted(set(order))
    assert list(postgres_kind.slots()) == [f"{SLOT}_2"]
    postgres_kind.run("insert into things values (4)")
    ledger.capture(postgres_kind.open())
    assert replayed(ledger.seen) == held(postgres_kind)


def test_slot_that_the_server_gave_up_begins_a_new_generation(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    started(postgres_kind, ledger, thing(1))
    postgres_kind.run(
        "alter system set max_slot_wal_keep_size = '1MB'",
        "select pg_reload_conf()",
        *["insert into others values (1)", "select pg_switch_wal()"] * 3,
        "insert into things values (2)",
        "checkpoint",
    )
    postgres_kind.run("alter system reset max_slot_wal_keep_size", "select pg_reload_conf()")
    assert postgres_kind.one("select wal_status from pg_replication_slots") == "lost"
    assert not postgres_kind.open().backlog().is_empty
    (second,) = ledger.capture(postgres_kind.open())
    assert second.reset
    assert replayed(ledger.seen) == held(postgres_kind)
    assert list(postgres_kind.slots()) == [f"{SLOT}_2"]


def test_snapshot_waits_for_a_writer_no_longer_than_a_while(
    postgres_kind: PostgresKind, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(replication._SETTINGS, "lock_timeout", "200ms")
    with psycopg.connect(postgres_kind.dsn) as slow:
        slow.execute("insert into things values (1)")
        with pytest.raises(UnreachableSystemError, match="lock timeout"):
            ledger.capture(postgres_kind.open())
    assert postgres_kind.slots() == {}
    ledger.capture(postgres_kind.open())
    assert ledger.rows("id", "_op") == [("1", "r")]


@pytest.mark.parametrize("act", ["recreate", "advance"])
def test_slot_past_the_ledger_is_refused(
    postgres_kind: PostgresKind, ledger: Ledger, act: str
) -> None:
    started(postgres_kind, ledger, thing(1))
    postgres_kind.run("insert into things values (2)")
    if act == "recreate":
        postgres_kind.drop_slots()
        postgres_kind.run(f"select pg_create_logical_replication_slot('{SLOT}_1', 'pgoutput')")
    else:
        postgres_kind.run(f"select pg_replication_slot_advance('{SLOT}_1', pg_current_wal_lsn())")
    with pytest.raises(
        SourceError, match=f"slot {SLOT}_1 stands at .*, past the ledger's"
    ) as error:
        ledger.capture(postgres_kind.open())
    assert error.value.next.endswith(f"select pg_drop_replication_slot('{SLOT}_1')")
    postgres_kind.run(f"select pg_drop_replication_slot('{SLOT}_1')")
    ledger.capture(postgres_kind.open())
    assert replayed(ledger.seen) == held(postgres_kind)


def test_another_server_is_refused(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    started(postgres_kind, ledger, thing(1))
    elsewhere = {f"{SLOT}/123/1": next(iter(ledger.positions.values()))}
    with pytest.raises(SourceError, match="is not the one"):
        Ledger(elsewhere).capture(postgres_kind.open())
    later = dict.fromkeys(ledger.positions, "FFFFFFFF/0")
    with pytest.raises(SourceError, match="is older than the one"):
        Ledger(later).capture(postgres_kind.open())


def test_idle_table_does_not_pin_the_log(
    postgres_kind: PostgresKind, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resources.source.stream.HEARTBEAT_BYTES", 100_000)
    ledger = started(postgres_kind, ledger, thing(1))
    postgres_kind.run("insert into others select g from generate_series(1, 100) g")
    assert ledger.capture(postgres_kind.open()) == []
    postgres_kind.run(
        "insert into others select g, repeat('x', 100) from generate_series(1, 5000) g"
    )
    (beat,) = ledger.capture(postgres_kind.open())
    assert beat.rows.num_rows == 0
    assert list(postgres_kind.slots().values()) == [beat.end]
    postgres_kind.add([thing(2)])
    ledger.capture(postgres_kind.open())
    assert ledger.rows("id") == [("2",)]


def test_backlog_counts_rows_of_this_table_only(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger)
    postgres_kind.run("insert into others values (1)")
    waiting = postgres_kind.open().backlog()
    assert (waiting.rows, waiting.is_empty) == (0, True)
    assert (waiting.bytes or 0) > 0
    before = postgres_kind.one("select clock_timestamp()")
    postgres_kind.run("insert into things values (1), (2)", "delete from things where id = 1")
    waiting = postgres_kind.open().backlog()
    assert waiting.rows == 3
    assert waiting.oldest is not None
    assert waiting.oldest > before


REFUSALS = {
    "alter table things replica identity default": (
        "does not send old rows",
        "alter table public.things replica identity full",
    ),
    "drop publication watermain": (
        "there is no publication `watermain`",
        'create publication "watermain" for table public.things',
    ),
    "alter publication watermain drop table things": (
        "publication `watermain` does not hold public.things",
        'alter publication "watermain" add table public.things',
    ),
    "alter publication watermain set (publish = 'insert')": (
        "leaves out some kinds of change",
        "alter publication \"watermain\" set (publish = 'insert, update, delete, truncate')",
    ),
    "alter publication watermain set table things where (id > 3)": (
        "publication `watermain` filters the rows of public.things",
        'alter publication "watermain" set table public.things',
    ),
    "alter table things drop column note": (
        "public.things has no column `note`; it has id, day, extra",
        "correct the declared columns",
    ),
    "drop table things": ("there is no table public.things", "create it, or correct `table=`"),
}


@pytest.mark.parametrize("statement", REFUSALS)
def test_setup_that_would_lose_changes_is_refused(
    postgres_kind: PostgresKind, ledger: Ledger, statement: str
) -> None:
    postgres_kind.run(statement)
    what, cure = REFUSALS[statement]
    with pytest.raises(SourceError) as verified:
        postgres_kind.open().verify()
    assert what in verified.value.what
    assert verified.value.next == cure
    assert verified.value.declared.startswith("rooms/things.py:7")
    assert len(str(verified.value).splitlines()) == 4
    with pytest.raises(SourceError) as captured:
        ledger.capture(postgres_kind.open())
    assert str(captured.value) == str(verified.value)
    assert postgres_kind.slots() == {}


def test_role_without_rights_is_refused(postgres_kind: PostgresKind) -> None:
    postgres_kind.run(
        "drop role if exists reader",
        "create role reader login",
    )
    kind = PostgresKind.__new__(PostgresKind)
    kind.dsn, kind.scratch = postgres_kind.dsn + " user=reader", postgres_kind.scratch
    with pytest.raises(SourceError, match="role `reader` may not replicate"):
        kind.open().verify()
    postgres_kind.run("alter role reader replication")
    with pytest.raises(SourceError, match="column `day`, `id`, `note` may not be read"):
        kind.open().verify()
    postgres_kind.run("grant select on public.things to reader")
    kind.open().verify()
    postgres_kind.run("drop owned by reader", "drop role reader")


def test_unreachable_server_is_named_without_its_secret(
    postgres_kind: PostgresKind, tmp_path: Path
) -> None:
    word = postgres_kind.open().word
    for dsn in (f"host={tmp_path} user=u password=sesame", "postgresql://u:sesame@127.0.0.1:1/x"):
        source = PostgresSource(word, SHAPE, dsn=lambda d=dsn: d, scratch=tmp_path)
        with pytest.raises(UnreachableSystemError) as error:
            source.verify()
        assert "sesame" not in str(error.value)
        assert error.value.__cause__ is None
    source = PostgresSource(word, SHAPE, dsn=lambda: "sesame", scratch=tmp_path)
    with pytest.raises(SourceError, match="cannot be parsed") as refused:
        source.verify()
    assert "sesame" not in str(refused.value)


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


def test_cut_connection_is_an_error_that_passes(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger)
    for number in range(3):
        postgres_kind.run(
            f"insert into things select {number * 10_000} + g, 'd', repeat('x', 1000)"
            " from generate_series(1, 5000) g"
        )
    source = postgres_kind.open()

    def capture_while_cut() -> None:
        for batch in source.batches(after=dict(ledger.positions), limit=Limit(rows=1)):
            ledger.seen.append(Seen.of(batch))
            ledger.positions[batch.shard] = batch.end
            postgres_kind.run(
                "select pg_terminate_backend(active_pid) from pg_replication_slots where active"
            )
            source.acknowledge({batch.shard: batch.end})

    with pytest.raises(UnreachableSystemError):
        capture_while_cut()
    ledger.capture(postgres_kind.open())
    ids = [int(row[0]) for row in ledger.rows("id")]
    assert ids == [turn * 10_000 + n for turn in range(3) for n in range(1, 5001)]


def test_killed_reader_leaves_nothing_behind(postgres_kind: PostgresKind, ledger: Ledger) -> None:
    ledger = started(postgres_kind, ledger)
    postgres_kind.run("insert into things select g, 'd', 'n' from generate_series(1, 3000) g")
    scratch = postgres_kind.scratch
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from resources.source import spill\n"
        "from resources.source.protocol import Limit\n"
        "from tests.resources.source.kinds import PostgresKind\n"
        "spill.MEMORY_BYTES = 1000\n"
        "kind = PostgresKind.__new__(PostgresKind)\n"
        "kind.dsn, kind.scratch = sys.argv[1], Path(sys.argv[2])\n"
        "for batch in kind.open().batches(after=eval(sys.argv[3]), limit=Limit()):\n"
        "    print(batch.rows, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", program, postgres_kind.dsn, str(scratch), repr(ledger.positions)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    left = Path(reader.stdout.readline().strip())
    assert left.exists()
    reader.send_signal(signal.SIGKILL)
    reader.communicate()
    ledger.capture(postgres_kind.open())
    assert len(ledger.rows("id")) == 3000
    assert not left.exists()


def test_time_that_is_up_ends_the_call_between_transactions(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger)
    for number in range(5):
        postgres_kind.run(f"insert into things values ({number}), ({number + 10})")
    for _ in range(5):
        assert len(ledger.capture(postgres_kind.open(), Limit(seconds=0))) <= 1
    ledger.capture(postgres_kind.open())
    assert [int(row[0]) % 10 for row in ledger.rows("id")] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_slot_names_fit_and_stay_apart() -> None:
    assert slot_prefix("watermain", "operations.raw.flights") == "watermain_operations_raw_flights"
    long = [slot_prefix("watermain", f"operations.raw.{'x' * 60}{n}") for n in range(2)]
    assert len(set(long)) == 2
    assert all(len(name) + len("_99999999") <= 63 for name in long)
    assert len({a for pair in pairwise(long) for a in pair}) == 2
