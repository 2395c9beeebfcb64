"""Compaction changes how rows lie, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import crew
from tests.watermain.engine.capture.test_file_capture import orders, source
from tests.watermain.engine.crowd import FILES, NAME, crowd, listed, on_disk, rows
from tests.watermain.engine.shop import give, sales
from watermain.declare.errors import ChangedRowsError, LostLeaseError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.table.compaction import (
    EVERY,
    MOST_SPARED,
    compact,
    compact_under_lease,
    crowded,
    tidy,
)
from watermain.lake import checkpoint, ledger
from watermain.lake.lake import Lake, table
from watermain.lake.rest.rewrite import Content, Rewrite, prove, recorded


def compacts() -> None:
    """Compact the table in the lake of the settings."""
    lake = Lake.from_settings()
    with lake.fence.lease(str(NAME)) as lease, lake.get_connection() as connection:
        compact(lake, connection, NAME, lease)


def compacted(lake: Lake) -> list[Rewrite]:
    """Compact the table under its lease."""
    return compact_under_lease(lake, NAME, 60)


def test_small_files_become_one_for_each_folder(lake: Lake) -> None:
    """Every snapshot reads as before, deletes are gone, no file is deleted; it is written down."""
    full = crowd(lake)
    with lake.get_connection() as connection:
        assert crowded(connection, [NAME, orders.name]) == [NAME]
    before, half, files = rows(lake), rows(lake, full - 10), on_disk(lake)
    assert len(before) == 2 * FILES - 2
    (done,) = compacted(lake)
    assert (done.dataset, done.reason, done.rows) == (str(NAME), "compaction", len(before))
    assert (done.files_before, done.files_after) == (2 * FILES - 2, 2)
    assert (done.snapshot_before, done.epoch) == (full, 1)
    assert rows(lake) == before
    assert rows(lake, full) == before
    assert rows(lake, full - 10) == half
    assert [deletes for _, deletes in listed(lake)] == [None, None]
    assert files < on_disk(lake)
    with lake.get_connection() as connection:
        assert recorded(connection, str(NAME)) == [done]
    assert compacted(lake) == []


def test_few_files_are_left_alone(lake: Lake) -> None:
    """Beneath the limit nothing is written again, no snapshot made."""
    full = crowd(lake, MOST_SPARED // 2)
    assert compacted(lake) == []
    with lake.get_connection() as connection:
        assert lake.snapshot(connection) == full


def test_files_are_looked_at_once_in_many_turns(lake: Lake) -> None:
    """A writer that comes each minute does not ask the catalog each minute."""
    crowd(lake)
    with lake.fence.lease(str(NAME)) as lease, lake.get_connection() as connection:
        counts = [len(tidy(lake, connection, NAME, lease, turn)) for turn in range(1, 2 * EVERY)]
    assert [turn for turn, done in enumerate(counts, 1) if done] == [EVERY]


@pytest.mark.parametrize(
    ("failpoint", "happened"),
    [
        ("compact.after_rows_before_proof", False),
        ("compact.after_ledger_before_commit", False),
        ("publish.before_commit", False),
        ("publish.after_commit", True),
    ],
)
def test_killed_compaction_is_whole_or_nothing(failpoint: str, happened: bool, lake: Lake) -> None:
    """Rows are the same wherever it dies; done again it ends."""
    full = crowd(lake)
    before = rows(lake)
    crew.dies(compacts, at=failpoint)
    assert rows(lake) == rows(lake, full) == before
    assert (len(listed(lake)) == 2) == happened
    assert len(compacted(lake)) == (not happened)
    assert rows(lake) == before
    assert len(listed(lake)) == 2


def test_compaction_under_a_lost_lease_is_refused(lake: Lake) -> None:
    """It takes the same fence as a publish."""
    crowd(lake)
    with lake.get_connection() as connection:
        with lake.fence.lease(str(NAME)) as old:
            pass
        with lake.fence.lease(str(NAME)), pytest.raises(LostLeaseError):
            compact(lake, connection, NAME, old)
    assert len(listed(lake)) == 2 * FILES - 2


def test_rows_that_would_differ_are_refused() -> None:
    """A count or a hash that moved is told in four lines."""
    with pytest.raises(ChangedRowsError, match="3 rows with hash 7 would have become 3") as told:
        prove("shop.curated.visits", Content(3, "7"), Content(3, "8"))
    assert told.value.data == "unchanged; readers see the rows as they were"


def test_captured_batches_are_packed_as_they_come(lake: Lake, tmp_path: Path) -> None:
    """A writer keeps its own table small; positions, versions, the rows of the ledger stay."""
    drop = tmp_path / "drop"
    drop.mkdir()
    count = 3 * EVERY
    for n in range(count):
        (drop / f"{n:03}.jsonl").write_text(f'{{"id":{n},"word":"it\'s"}}\n')
    job = Job(lake=lake, find={orders.name: orders}.__getitem__)
    capture(orders, job, source=source(drop))
    with lake.get_connection() as connection:
        done = recorded(connection, str(orders.name))
        batches = connection.execute(f"select count(*) from {ledger.BATCHES}").fetchone()
        found = connection.execute(
            f"select count(distinct id), count(*) from {table(orders.name)}"
        ).fetchone()
        ends = checkpoint.ends(connection, orders.name)
    assert done
    assert len(listed(lake, orders.name)) < MOST_SPARED + EVERY
    assert (batches, found) == ((count,), (count, count))
    assert capture(orders, job, source=source(drop)).outcomes == ()
    with lake.get_connection() as connection:
        assert checkpoint.ends(connection, orders.name) == ends


def test_compacted_days_are_no_news_downstream(lake: Lake) -> None:
    """Versions of partitions are the ledger's, which compaction does not touch."""
    made = sales([("a", 1, 1), ("b", 2, 2)])
    for _ in range(EVERY - 1):
        give(lake, made)
    with lake.get_connection() as connection:
        before = ledger.versions(connection, made.name)
    give(lake, made)
    with lake.get_connection() as connection:
        assert ledger.versions(connection, made.name) == before
