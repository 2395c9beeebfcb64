"""What is not as it was written leaves the lake for nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.watermain.engine import weather_features as winds
from tests.watermain.engine.capture.test_replay import Till
from tests.watermain.engine.damaging import SALES, flip, listed, verified
from tests.watermain.engine.feature_lake import FeatureLake, minute
from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import days, events, sold
from tests.watermain.engine.publish.test_publish import job as till
from tests.watermain.engine.publish.test_publish import sales as sums
from tests.watermain.engine.shop import give, job, read, sales
from tests.watermain.engine.training_case import AGED, DELAY, REF, RIGHT, SPINE, spine, values
from watermain.clock import FixedClock
from watermain.declare.errors import DamagedDataError
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.replay import replay_captured
from watermain.engine.feature.online import push
from watermain.engine.publish.damage import between, partitions_of, prove_whole
from watermain.engine.publish.publish import publish
from watermain.engine.publish.restore import promote, rollback
from watermain.lake import branch
from watermain.lake.lake import Lake
from watermain.lake.ledger import CHECKSUMS
from watermain.lake.rest.inventory import inventory
from watermain.online.sqlite import SqliteStore

ROWS = [("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]


def refused(error: pytest.ExceptionInfo[DamagedDataError]) -> list[str]:
    """The four lines."""
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    return lines


def test_training_set_from_a_damaged_file_is_refused(features: FeatureLake) -> None:
    """The file, its partition, the snapshot are named; mended, the same set comes out."""
    lake, name = features.lake, str(DELAY.name)
    (file,) = listed(lake, name)
    flip(file.path, 8 * 60)
    with lake.get_connection() as connection:
        at = lake.snapshot(connection)
    with pytest.raises(DamagedDataError) as error:
        features.store.training_frame(SPINE, [REF])
    what, declared, data, step = refused(error)
    assert what == (
        f"{name} [whole table]: 1 of 1 files of snapshot {at} are damaged, such as {file.file}:"
        " its bytes are not those that were written"
    )
    assert declared.endswith("the checksum in the ledger, upkeep.raw.checksums")
    assert data == "  data      no training set was made"
    assert step == f"  next      watermain verify {name} --repair"
    flip(file.path, 8 * 60)
    frame = features.store.training_frame(SPINE, [REF])
    assert (values(frame), frame.unvouched) == (RIGHT, 0)


def test_training_set_as_of_then_reads_the_files_of_then(features: FeatureLake) -> None:
    """A file that was damaged since is in the way of the older set alone."""
    lake = features.lake
    (old,) = listed(lake, str(DELAY.name))
    then = features.store.training_frame(SPINE, [REF]).manifest
    features.publish(DELAY, [("EWR", minute(0), 5)])
    flip(old.path, 8 * 60)
    assert values(features.store.training_frame(SPINE, [REF]))[0] == 5
    with pytest.raises(DamagedDataError, match=f"files of snapshot {then.snapshot} are damaged"):
        features.store.training_frame(SPINE, [REF], as_of=then)


def test_training_set_tells_what_nothing_vouches_for(features: FeatureLake) -> None:
    """Files of an older release are read, counted; a reader writes nothing."""
    with features.lake.get_connection() as connection:
        connection.execute(f"delete from {CHECKSUMS}")
    assert features.store.training_frame(SPINE, [REF]).unvouched == 1
    assert [v.state for v in verified(features.lake, str(DELAY.name))] == ["not vouched for"]


def test_training_set_reads_no_file_out_of_its_reach(features: FeatureLake) -> None:
    """Files whose rows are too old, or lie ahead, are neither read nor verified."""
    features.publish(AGED, [("EWR", minute(0), 1)])
    (file,) = listed(features.lake, str(AGED.name))
    flip(file.path, 8 * 60)
    week = 7 * 24 * 60
    late = spine(("EWR", week))
    frame = features.store.training_frame(late, ["p.features.aged"])
    assert values(frame, "aged__mean") == [None]
    with pytest.raises(DamagedDataError):
        features.store.training_frame(spine(("EWR", 1)), ["p.features.aged"])


def stocked(lake: Lake) -> None:
    """Three days of events, the sales that are computed from them."""
    given = [sold(n, 1 + n % 3, n) for n in range(9)]
    capture(events, till(lake), source=Feed(changes(given)))
    publish(sums, days(1, 3), till(lake))


def test_replay_from_a_damaged_file_is_refused(lake: Lake) -> None:
    """What it would replace stands; raw is not computed, so no repair is offered."""
    stocked(lake)
    before = [v.listed for v in verified(lake, SALES)]
    (raw,) = listed(lake, str(events.name))
    flip(raw.path, 8 * 50)
    with pytest.raises(DamagedDataError) as error:
        publish(sums, days(1, 2), till(lake, rebuild=True))
    what, _, data, step = refused(error)
    assert what.startswith(f"{events.name} [2013-01-01..2013-01-03]: 1 of 1 files of snapshot ")
    assert data == f"  data      nothing was published; readers still see {SALES} as it was"
    assert step == f"  next      watermain verify {events.name}"
    assert [v.listed for v in verified(lake, SALES)] == before


def test_replay_vouches_for_what_it_sees_first(lake: Lake) -> None:
    """An old data folder is rebuilt; its files are marked as first seen on the way."""
    stocked(lake)
    with lake.get_connection() as connection:
        connection.execute(f"delete from {CHECKSUMS}")
    publish(sums, days(1, 3), till(lake, rebuild=True))
    with lake.get_connection() as connection:
        told = connection.execute(
            f"select dataset, origin from {CHECKSUMS} order by all"
        ).fetchall()
    assert (SALES, "written") in told
    assert [row for row in told if row[0] == str(events.name)] == [(str(events.name), "first seen")]


def test_replay_of_rows_aside_reads_a_whole_ledger_only(lake: Lake) -> None:
    """Rows in quarantine lie in a file of the ledger where they are many."""
    with lake.get_connection() as connection:
        connection.execute(
            "call lake.set_option('data_inlining_row_limit', 0, schema => 'upkeep_raw',"
            " table_name => 'quarantine')"
        )
    put = Till(lake)
    (file,) = listed(lake, "upkeep.raw.quarantine")
    kept = Path(file.path).read_bytes()
    Path(file.path).write_bytes(kept[:-9])
    before = put.ids()
    with pytest.raises(DamagedDataError, match=r"^upkeep\.raw\.quarantine: .* is damaged") as error:
        replay_captured(put.widened, put.job)
    assert refused(error)[3].endswith("watermain verify upkeep.raw.quarantine")
    assert put.ids() == before
    Path(file.path).write_bytes(kept)
    replay_captured(put.widened, put.job)
    assert len(put.ids()) > len(before)


def test_promotion_of_a_damaged_file_is_refused(lake: Lake) -> None:
    """What the branch built is verified on its way; promoted, it is vouched for anew."""
    give(lake, sales(ROWS))
    branch.create(lake, "trial")
    trial = lake.on("trial")
    give(trial, sales([("a", 1, 9)]), "2013-01-01", "2013-01-01")
    (own,) = [f for f in listed(trial) if f.path.startswith(trial.folder)]
    flip(own.path, 8 * 50)
    with pytest.raises(DamagedDataError) as error:
        promote("trial", job(lake, sales([])))
    assert refused(error)[2] == "  data      nothing was promoted"
    assert read(lake) == [("a", 1), ("b", 2), ("c", 3)]
    flip(own.path, 8 * 50)
    promote("trial", job(lake, sales([])))
    assert read(lake) == [("a", 9), ("b", 2), ("c", 3)]
    assert {v.state for v in verified(lake, SALES)} == {"whole"}


def test_rollback_to_a_damaged_file_is_refused(lake: Lake) -> None:
    """Readers keep what they have; rolled back, every file has its sum."""
    give(lake, sales(ROWS), "2013-01-01", "2013-01-02")
    with lake.get_connection() as connection:
        then = lake.snapshot(connection)
    (old,) = listed(lake)
    give(lake, sales(ROWS))
    flip(old.path, 8 * 50)
    with pytest.raises(DamagedDataError) as error:
        rollback(sales([]), then, job(lake, sales([])))
    assert f"files of snapshot {then} are damaged" in refused(error)[0]
    assert read(lake) == [("a", 1), ("b", 2), ("c", 3)]
    flip(old.path, 8 * 50)
    rollback(sales([]), then, job(lake, sales([])))
    assert read(lake) == [("a", 1), ("b", 2)]
    assert {v.state for v in verified(lake, SALES)} == {"whole"}


def test_online_store_is_given_nothing_damaged(lake: Lake, home: Path) -> None:
    """What came since is verified; where what it is compared with is damaged, all is compared."""
    made = winds.conditions([("JFK", winds.NOON, 1.0)])
    winds.give(lake, made)
    name = str(made.name)
    with SqliteStore(home / "online.sqlite", FixedClock(winds.NOW)) as store:
        (first,) = listed(lake, name)
        flip(first.path, 8 * 50)
        with pytest.raises(DamagedDataError) as error:
            push(made, lake, store, winds.NOW)
        assert refused(error)[2] == "  data      the online store is as it was"
        assert store.cursor(winds.TABLE) is None
        flip(first.path, 8 * 50)
        push(made, lake, store, winds.NOW)
        changed = winds.conditions([("JFK", winds.NOON, 2.0)])
        winds.give(lake, changed)
        second = listed(lake, name)[-1]
        flip(second.path, 8 * 50)
        with pytest.raises(DamagedDataError):
            push(changed, lake, store, winds.NOW)
        flip(second.path, 8 * 50)
        flip(first.path, 8 * 50)
        done = push(changed, lake, store, winds.NOW)
        assert (done.written, done.is_whole) == (1, True)


def test_partitions_are_named_by_the_catalog(lake: Lake) -> None:
    """Where no declaration is at hand the folder says it."""
    made = sales(ROWS)
    give(lake, made)
    (file,) = listed(lake)
    assert partitions_of(lake, {SALES: made}, [file]) == {file.file: "2013-01-01..2013-01-03"}
    assert partitions_of(lake, {}, [file]) == {file.file: "year=2013/month=1"}
    assert between(replace(made, cadence=None), ["2013-01-01"]) is None
    with lake.get_connection() as connection:
        assert prove_whole(lake, connection, made, data="") == []
        assert len(inventory(lake, [SALES])) == 1
