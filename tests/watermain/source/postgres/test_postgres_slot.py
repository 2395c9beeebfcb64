"""The slot of a captured PostgreSQL table: kept, lost, refused."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from tests.watermain.source.kinds import (
    SHAPE,
    SLOT,
    Ledger,
    PostgresKind,
    Seen,
    held,
    peek,
    replayed,
    started,
    thing,
)
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.source.postgres import replication
from watermain.source.postgres.generation import slot_prefix
from watermain.source.postgres.postgres import PostgresSource
from watermain.source.protocol import Limit


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


@pytest.mark.parametrize("acknowledged", [True, False])
def test_slot_that_the_server_gave_up_begins_a_new_generation(
    postgres_kind: PostgresKind, ledger: Ledger, acknowledged: bool
) -> None:
    started(postgres_kind, ledger, thing(1))
    postgres_kind.run("insert into things values (5)")
    ledger.capture(postgres_kind.open(), acknowledge=acknowledged)
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
    postgres_kind.open().acknowledge(ledger.positions)
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
    monkeypatch.setattr("watermain.source.postgres.stream.HEARTBEAT_BYTES", 100_000)
    ledger = started(postgres_kind, ledger, thing(1))
    postgres_kind.run("insert into others select g from generate_series(1, 100) g")
    assert ledger.capture(postgres_kind.open()) == []
    postgres_kind.run(
        "insert into others select g, repeat('x', 100) from generate_series(1, 5000) g",
        "select pg_log_standby_snapshot()",
    )
    kept = postgres_kind.open().backlog().bytes
    (beat,) = ledger.capture(postgres_kind.open())
    assert beat.rows.num_rows == 0
    assert list(postgres_kind.slots().values()) == [beat.end]
    # The server lets go of the log a step behind what is confirmed: at the next such record.
    for _ in range(10):
        if (postgres_kind.open().backlog().bytes or 0) < (kept or 0):
            return
        postgres_kind.run(
            "insert into others select g, repeat('x', 100) from generate_series(1, 1000) g",
            "select pg_log_standby_snapshot()",
        )
        ledger.capture(postgres_kind.open())
    pytest.fail(f"the log stays pinned: {postgres_kind.open().backlog()}")
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


def test_backlog_tells_the_log_that_an_open_transaction_holds(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    ledger = started(postgres_kind, ledger)
    with psycopg.connect(postgres_kind.dsn) as slow:
        slow.execute("insert into others values (0)")
        postgres_kind.run(
            "insert into others select g, repeat('x', 100) from generate_series(1, 5000) g",
            "insert into things values (1)",
        )
        ledger.capture(postgres_kind.open())
        waiting = postgres_kind.open().backlog()
        assert (waiting.rows, waiting.is_empty) == (0, True)
        assert (waiting.bytes or 0) > 500_000


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
        'alter publication "watermain" drop table public.things;'
        ' alter publication "watermain" add table public.things',
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
        "from watermain.source import spill\n"
        "from watermain.source.protocol import Limit\n"
        "from tests.watermain.source.kinds import PostgresKind\n"
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
