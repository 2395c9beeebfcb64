"""Old snapshots go; whatever somebody needs reads as before."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.faults import crew
from tests.watermain.engine.crowd import NAME, crowd, listed, on_disk, rows
from tests.watermain.lake.ledger_rows import batch, publish
from watermain.clock import Clock
from watermain.declare.errors import ChangedRowsError
from watermain.declare.name import DatasetName
from watermain.lake import branch as branches
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.lake.rest import expiry as subject
from watermain.lake.rest.expiry import Depth, Expired, expire, release
from watermain.lake.rest.pinned import pin
from watermain.lake.rest.sweep import sweep
from watermain.settings import Settings

WEEK = timedelta(days=7)
TERMS = Depth(old=WEEK, dense=WEEK)
FILES = 4


class LaterClock(Clock):
    """Eight days ahead of whoever asks."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=8)


class LatestClock(Clock):
    """Ten days ahead of whoever asks."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=10)


LATER, LATEST = LaterClock(), LatestClock()


def rewrite(lake: Lake) -> int:
    """Give up every file of the table for one new one; give the snapshot."""
    with lake.get_connection() as connection:
        connection.execute(f"create or replace temp table kept as from {table(NAME)} where n < 25")
        connection.execute("begin")
        connection.execute(f"delete from {table(NAME)}")
        connection.execute(f"insert into {table(NAME)} by name from kept")
        connection.execute("commit")
        connection.execute("drop table kept")
        return lake.snapshot(connection)


def snapshots(lake: Lake) -> list[int]:
    with lake.get_connection() as connection:
        found = connection.execute("select snapshot_id from lake.snapshots() order by 1")
        return [int(row[0]) for row in found.fetchall()]


def waiting(lake: Lake) -> set[str]:
    """The files that the engine itself would delete."""
    with lake.get_connection() as connection:
        found = connection.execute(
            "select path from ducklake_cleanup_old_files('lake', cleanup_all => true,"
            " dry_run => true)"
        )
        return {str(row[0]) for row in found.fetchall()}


def old_age(lake: Lake) -> None:
    """Let every file be older than any grace."""
    for path in on_disk(lake):
        os.utime(path, (0, 0))


def test_young_snapshots_stay(lake: Lake) -> None:
    crowd(lake, FILES)
    before = snapshots(lake)
    assert expire(lake, TERMS) == Expired(oldest=before[0])
    assert snapshots(lake) == before


def test_old_snapshots_go_with_what_they_alone_read(lake: Lake) -> None:
    """The present reads as before; files wait a day, and then the sweep has them."""
    crowd(lake, FILES)
    old, known = on_disk(lake), len(snapshots(lake))
    present = rewrite(lake)
    before, new = rows(lake), on_disk(lake) - old
    gone = expire(lake, TERMS, clock=LATER)
    assert snapshots(lake) == [present]
    assert (gone.snapshots, gone.oldest) == (known, present)
    assert gone.files == len(old)
    assert gone.bytes == sum(path.stat().st_size for path in old)
    assert on_disk(lake) == old | new
    assert waiting(lake) == {str(path) for path in old}
    assert rows(lake) == before
    assert release(lake, clock=LATER) == 0
    old_age(lake)
    assert sweep(lake).files == ()
    assert release(lake, clock=LATEST) == len(old)
    assert len(sweep(lake).files) == len(old)
    assert on_disk(lake) == new
    assert rows(lake) == before
    assert expire(lake, TERMS, clock=LATER) == Expired(oldest=present)


def test_snapshots_that_somebody_needs_stay(lake: Lake) -> None:
    """One that a training set was made from, where a branch began, where a stream reads on."""
    full = crowd(lake, FILES)
    pinned, read = full - 2, {}
    pin(lake, pinned, "a training set", timedelta(days=30))
    pin(lake, full - 3, "a training set of long ago", timedelta(days=-1))
    with psycopg.connect(lake.dsn()) as connection:
        connection.execute(
            "insert into watermain.checkpoint select 'a.raw.b', id, %s, '[]' from watermain.lake",
            [full - 4],
        )
    base = branches.create(lake, "trial").base
    present = rewrite(lake)
    needed = [full - 4, full - 3, pinned, base, present]  # from its checkpoint it reads the next
    for each in needed:
        read[each] = rows(lake, each)
    expire(lake, TERMS, clock=LATER)
    assert snapshots(lake) == sorted(set(needed))
    assert {each: rows(lake, each) for each in needed} == read


def test_files_of_a_branch_are_not_swept(lake: Lake) -> None:
    """The lake gives them up; the branch reads them on."""
    crowd(lake, FILES)
    branches.create(lake, "trial")
    branch = lake.on("trial")
    before, old = rows(branch), on_disk(lake)
    rewrite(lake)
    with psycopg.connect(lake.dsn()) as connection:
        connection.execute("update watermain.branch set base_snapshot = 0")  # a base long gone
    assert expire(lake, TERMS, clock=LATER).files == len(old)
    release(lake, clock=LATEST)
    old_age(lake)
    sweep(lake)
    assert rows(branch) == before
    branches.drop(lake, "trial")
    sweep(lake)
    assert not on_disk(lake) & old


def test_a_pass_is_bounded(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first, and the rest with the next pass."""
    crowd(lake, FILES)
    before = snapshots(lake)
    monkeypatch.setattr(subject, "_GONE", subject._GONE.replace(str(subject.MOST), "3"))
    assert expire(lake, TERMS, clock=LATER).snapshots == 3
    assert snapshots(lake) == before[3:]


def test_what_would_lose_a_file_is_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that took one file too many changes nothing."""
    crowd(lake, FILES)
    rewrite(lake)
    wrong = subject._UNREAD.replace("f.end_snapshot is not null and", "true or")
    monkeypatch.setattr(subject, "_UNREAD", wrong)
    before, known = rows(lake), snapshots(lake)
    with pytest.raises(ChangedRowsError, match=r"files of data with \d+ rows would have become 0"):
        expire(lake, TERMS, clock=LATER)
    assert snapshots(lake) == known
    assert rows(lake) == before
    assert waiting(lake) == set()


def expires() -> None:
    """Expire in the lake of the settings."""
    expire(Lake.from_settings(), TERMS, clock=LATER)


def test_killed_expiry_changed_nothing(lake: Lake) -> None:
    """Done again it ends."""
    crowd(lake, FILES)
    rewrite(lake)
    before, known = rows(lake), snapshots(lake)
    crew.dies(expires, at="expiry.before_commit")
    assert snapshots(lake) == known
    assert rows(lake) == before
    expires()
    assert len(snapshots(lake)) == 1
    assert rows(lake) == before


def test_a_branch_pins_nothing(lake: Lake) -> None:
    """Its snapshots are its own, and none of them is forgotten."""
    crowd(lake, FILES)
    branches.create(lake, "trial")
    pin(lake.on("trial"), 3, "a training set", WEEK)
    with psycopg.connect(lake.dsn()) as connection:
        found = connection.execute("select to_regclass('watermain.pin')").fetchone()
    assert found == (None,)
    assert Path(lake.folder).is_dir()


def spread(lake: Lake, minutes: list[float]) -> list[int]:
    """Let the snapshots lie so many minutes behind us, the oldest first; give their numbers."""
    known = snapshots(lake)[-len(minutes) :]
    with psycopg.connect(lake.dsn()) as connection:
        connection.execute("update ducklake_snapshot set snapshot_time = %s", [HOUR - 9 * WEEK])
        for number, ago in zip(known, minutes, strict=True):
            connection.execute(
                "update ducklake_snapshot set snapshot_time = %s where snapshot_id = %s",
                [HOUR - timedelta(minutes=ago), number],
            )
    return known


HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC)


class NoonClock(Clock):
    """Noon of one day."""

    def now(self) -> datetime:
        return HOUR


THIN = Depth(old=timedelta(days=1), dense=timedelta(hours=2), every=timedelta(hours=1))


def test_of_each_hour_the_last_snapshot_stays(lake: Lake) -> None:
    """The newest two hours stay whole, older hours have their end, and what is older goes."""
    full = crowd(lake, 9)
    before = {each: rows(lake, each) for each in snapshots(lake)[-6:]}
    known = spread(lake, [1500, 301, 299, 250, 245, 170, 130, 110, 1, 0.5])
    assert known[-1] == full
    gone = expire(lake, THIN, clock=NoonClock())
    kept = [known[i] for i in (1, 4, 6, 7, 8, 9)]
    assert snapshots(lake) == kept
    assert gone.oldest == known[1]
    assert {each: rows(lake, each) for each in kept[1:]} == {e: before[e] for e in kept[1:]}
    assert expire(lake, THIN, clock=NoonClock()).snapshots == 0


def test_files_between_kept_snapshots_go(lake: Lake) -> None:
    """What came and went within an hour is read by nobody; what an hour ended with is."""
    crowd(lake, FILES)
    read, states = {path for path, _ in listed(lake)}, []
    for _ in range(3):
        rewrite(lake)
        states.append(on_disk(lake))
    known = spread(lake, [310, 290, 280, 250])
    before = {each: rows(lake, each) for each in (known[0], known[3])}
    gone = expire(lake, THIN, clock=NoonClock())
    assert snapshots(lake) == [known[0], known[3]]
    unread = {str(path) for path in states[1]} - read
    assert waiting(lake) == unread
    assert gone.files == len(unread) >= 4
    assert {each: rows(lake, each) for each in before} == before


def test_a_snapshot_that_is_read_on_from_stays(lake: Lake) -> None:
    """Where an online store stands, whichever minute of its hour that was."""
    crowd(lake, FILES)
    known = spread(lake, [299, 290, 280, 270])
    expire(lake, THIN, needed=[known[1], 10**6], clock=NoonClock())
    assert snapshots(lake) == [known[1], known[3]]


def test_what_is_old_goes_however_dense_it_may_be(lake: Lake) -> None:
    """A term for each commit that is longer than that of the lake says nothing."""
    crowd(lake, FILES)
    known = spread(lake, [299, 290, 280, 1])
    expire(lake, Depth(old=timedelta(hours=1), dense=WEEK), clock=NoonClock())
    assert snapshots(lake) == known[-1:]


def test_terms_of_snapshots_are_settings() -> None:
    named = Settings(snapshot_days=0.5, snapshot_hours=2, snapshot_minutes=30)
    half = timedelta(minutes=30)
    assert Depth.of(named) == Depth(old=24 * half, dense=4 * half, every=half)


def test_who_reads_on_from_a_kept_snapshot_hears_all_since(lake: Lake) -> None:
    """The snapshots between are gone, its neighbour first of all; no row of the ledger is."""
    with lake.get_connection() as connection:
        for number in range(6):
            ledger.append(connection, [publish(f"2013-01-0{number + 1}", "v", number)])
        for number in range(3):
            ledger.append(connection, [batch("0", str(number or ""), str(number + 1))])
        known = snapshots(lake)[-9:]
        spread(lake, [*range(290, 281, -1)])
        expire(lake, THIN, needed=[known[1]], clock=NoonClock())
        assert snapshots(lake) == [known[1], known[-1]]
        connection.execute("call ducklake_flush_inlined_data('lake', schema_name => 'upkeep_raw')")
        name, present = DatasetName.parse("shop.curated.sales"), lake.snapshot(connection)
        heard = ledger.partitions_between(connection, name, known[1], present)
        assert heard == {f"2013-01-0{number}" for number in range(3, 7)}
        assert len(ledger.batches_between(connection, known[1], present)) == 3
        assert [b.to_position for b in ledger.batches_at(connection, known[7])] == ["2"]
