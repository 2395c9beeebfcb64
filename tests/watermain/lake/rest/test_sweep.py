"""What no catalog names goes once it is old, nothing else ever."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults import crew
from tests.faults.store_relay import BUSY, StoreRelay
from tests.watermain.lake.remote import bucket, relay, remote, s3_server, stored
from tests.watermain.lake.test_lake import NAME, make
from watermain.clock import Clock
from watermain.lake import branch as branches
from watermain.lake.lake import Lake
from watermain.lake.rest.lake_files import lake_files
from watermain.lake.rest.sweep import Swept, sweep
from watermain.settings import load_settings

__all__ = ["bucket", "relay", "remote", "s3_server"]
HOUR = timedelta(hours=1)


class LaterClock(Clock):
    """Two hours ahead of whoever asks."""

    def now(self) -> datetime:
        return super().now() + 2 * HOUR


LATER = LaterClock()
FOLDER = "shop_curated/sales"


def sell(lake: Lake) -> None:
    """Publish a table with a file of its own."""
    with (
        lake.fence.lease(NAME) as lease,
        lake.get_connection() as connection,
        lake.transaction(connection, lease, "publish"),
    ):
        make(connection)


def orphan(lake: Lake, folder: str = FOLDER, suffix: str = "") -> str:
    """A file such as a writer that died leaves behind; its path in the lake."""
    name = f"{folder}/ducklake-{uuid4()}{suffix}.parquet"
    path = Path(lake.folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left")
    return name


def paths(lake: Lake) -> Iterator[str]:
    """What lies in the lake's folder."""
    for each in lake_files(lake.folder, load_settings()).listed():
        yield each.path


def answer(lake: Lake) -> object:
    """What a reader of the table sees."""
    lake.forget()
    with lake.get_connection() as connection:
        return connection.execute("select count(*) from lake.shop_curated.sales").fetchone()


def test_orphans_go_what_is_named_stays(lake: Lake) -> None:
    """Rows, deletions, the ledger's files; a file of somebody else is left alone."""
    sell(lake)
    (kept,) = [p for p in paths(lake) if p.startswith(FOLDER)]
    gone = [orphan(lake), orphan(lake, suffix="-delete"), orphan(lake, "upkeep_raw/batches")]
    Path(lake.folder, FOLDER, "notes.parquet").write_bytes(b"mine")
    found = sweep(lake, older_than=HOUR, clock=LATER)
    assert found == Swept(files=found.files, bytes=12, foreign=1)
    assert sorted(found.files) == sorted(gone)
    assert {kept, f"{FOLDER}/notes.parquet"} <= set(paths(lake))
    assert not set(gone) & set(paths(lake))
    assert answer(lake) == (600,)


def test_young_orphan_waits(lake: Lake) -> None:
    """Its writer may be on the way to its commit; a day is the default."""
    left = orphan(lake)
    assert sweep(lake) == Swept(young=1)
    assert sweep(lake, older_than=3 * HOUR, clock=LATER) == Swept(young=1)
    assert left in set(paths(lake))


def test_orphan_of_a_dataset_that_is_written_waits(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under somebody's lease nothing is deleted, however old; the ledger's goes."""
    monkeypatch.setattr("watermain.lake.rest.sweep.LEASE_WAIT_SECONDS", 0.2)
    left, gone = orphan(lake), orphan(lake, "upkeep_raw/publishes")
    with lake.fence.lease(NAME):
        assert sweep(lake, older_than=HOUR, clock=LATER) == Swept(files=(gone,), bytes=4, held=1)
    assert left in set(paths(lake))
    assert sweep(lake, older_than=HOUR, clock=LATER).files == (left,)


def test_file_that_an_uncommitted_writer_needs_is_spared(lake: Lake) -> None:
    """Its file is old, its lease held, its commit comes after the sweep: the rows are there."""
    with (
        lake.fence.lease(NAME) as lease,
        lake.get_connection() as connection,
        lake.transaction(connection, lease, "publish"),
    ):
        make(connection)
        for path in Path(lake.folder).rglob("ducklake-*.parquet"):
            os.utime(path, (0, 0))
        found = sweep(lake, older_than=HOUR, clock=LATER)
        assert (found.files, found.held) == ((), 1)
    assert answer(lake) == (600,)


def sweeps() -> None:
    """Sweep the lake of the settings."""
    sweep(Lake.from_settings(), older_than=HOUR, clock=LATER)


def test_killed_sweep_is_begun_again(lake: Lake) -> None:
    """It dies with the lease of a dataset in hand: what is named stays, the next one ends."""
    sell(lake)
    left = orphan(lake)
    crew.dies(sweeps, at="sweep.before_delete")
    assert (left in set(paths(lake)), answer(lake)) == (True, (600,))
    assert sweep(lake, older_than=HOUR, clock=LATER).files == (left,)
    assert answer(lake) == (600,)


def test_file_younger_than_an_open_transaction_is_spared(lake: Lake) -> None:
    """However long a writer takes, its ledger's files included; older ones go meanwhile."""
    old = orphan(lake, "upkeep_raw/publishes")
    long_ago = (LATER.now() - 5 * HOUR).timestamp()
    os.utime(Path(lake.folder, old), (long_ago, long_ago))
    with lake.get_connection() as connection:
        connection.execute("begin")
        connection.execute("select count(*) from lake.upkeep_raw.publishes").fetchone()
        young = orphan(lake, "upkeep_raw/publishes")
        found = sweep(lake, older_than=HOUR, clock=LATER)
        assert (found.files, found.young) == ((old,), 1)
        connection.execute("rollback")
    assert sweep(lake, older_than=HOUR, clock=LATER).files == (young,)


def test_files_of_branches_are_known(lake: Lake) -> None:
    """A branch reads the lake's files, has some of its own; a dropped one has none."""
    sell(lake)
    branches.create(lake, "other")
    own = lake.on("other")
    with (
        own.fence.lease(NAME) as lease,
        own.get_connection() as connection,
        own.transaction(connection, lease, "publish in a branch"),
    ):
        connection.execute("insert into lake.shop_curated.sales select range from range(700)")
    left = orphan(own)
    found = sweep(lake, older_than=HOUR, clock=LATER)
    assert found.files == (f"other/{left}",)
    assert answer(own) == (1300,)
    branches.drop(lake, "other")
    late = orphan(own)  # by a writer of the branch that did not know of its end
    assert sweep(lake, older_than=HOUR, clock=LATER).files == (f"other/{late}",)
    assert answer(lake) == (600,)
    branches.create(lake, "other")


def test_store_is_swept_uploads_that_never_ended_too(
    remote: Lake, relay: StoreRelay, s3_server: str, bucket: str
) -> None:
    """Objects and parts of objects cost room alike; a busy store is told in four lines."""
    sell(remote)
    store, left = stored(s3_server), f"{FOLDER}/ducklake-{uuid4()}.parquet"
    store.pipe_file(f"{bucket}/files/{left}", b"left")
    part = f"{FOLDER}/ducklake-{uuid4()}.parquet"
    store.call_s3("create_multipart_upload", Bucket=bucket, Key=f"files/{part}")
    found = sweep(remote, older_than=HOUR, clock=LATER)
    assert found == Swept(files=found.files, bytes=4)
    assert sorted(found.files) == sorted([left, part])
    assert not store.call_s3("list_multipart_uploads", Bucket=bucket).get("Uploads")
    assert answer(remote) == (600,)
    relay.lose(BUSY)
    with pytest.raises(Exception, match="it answered SlowDown") as told:
        sweep(remote, older_than=HOUR, clock=LATER)
    assert type(told.value).__name__ == "UnreachableSystemError"
    assert len(str(told.value).splitlines()) == 4
