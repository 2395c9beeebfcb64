"""The ledger's rows leave the catalog; whoever asks hears the same as before."""

from __future__ import annotations

import multiprocessing
import os
from typing import Any

import duckdb
import pytest

from tests.watermain.lake.ledger_rows import STREAM, batch, publish
from watermain.declare.errors import ChangedRowsError
from watermain.declare.name import DatasetName
from watermain.lake import checkpoint, ledger
from watermain.lake.lake import Lake
from watermain.lake.rest import ledger_files as subject
from watermain.lake.rest.inventory import inventory
from watermain.lake.rest.ledger_files import Packed, pack_ledger
from watermain.lake.rest.verification import damaged, verify
from watermain.lake.rest.vouching import vouched

SALES = DatasetName.parse("shop.curated.sales")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are many."""
    monkeypatch.setattr(subject, "MOST_HELD", 6)
    monkeypatch.setattr(subject, "MOST_FILES", 3)


def commits(lake: Lake, count: int, start: int = 0) -> None:
    """Commit so many batches, each with two publishes, in snapshots of their own."""
    with lake.get_connection() as connection:
        for number in range(start, start + count):
            connection.execute("begin")
            ledger.append(connection, [batch("0", str(number or ""), str(number + 1))])
            days = (f"2013-01-{number % 28 + 1:02}", "2013-02-01")
            ledger.append(connection, [publish(day, "v" * (number + 1), number) for day in days])
            connection.execute("commit")


def heard(lake: Lake) -> dict[str, Any]:
    """All that is asked of the ledger: as it is, as it was, and what came since each snapshot."""
    with lake.get_connection() as connection:
        present = max(r[0] for r in connection.execute(_KNOWN).fetchall())
        first = min(r[0] for r in connection.execute(_KNOWN).fetchall())
        return {
            "rows": connection.execute(
                f"select rowid, snapshot_id, p from {ledger.PUBLISHES} as p order by 1"
            ).fetchall(),
            "then": [len(ledger.latest(connection, SALES, at)) for at in range(first, present + 1)],
            "since": [
                sorted(b.batch_id for b in ledger.batches_between(connection, at, present))
                for at in range(first, present)
            ],
            "changed": [
                ledger.changed_between(connection, at, at + 2) for at in range(first, present - 2)
            ],
            "told": ledger.tellings(connection, SALES),
            "stands": ledger.standing(connection, [SALES]),
            "ends": checkpoint.stands(connection, STREAM),
        }


_KNOWN = (
    f"select snapshot_id from {ledger.PUBLISHES} union select snapshot_id from {ledger.BATCHES}"
)


def held(lake: Lake, table: str = "publishes") -> int:
    """The rows of a table that the catalog holds."""
    (found,) = [each for each in subject._tables(lake) if each.name == table]
    return found.held


def files(lake: Lake, table: str = "publishes") -> int:
    (found,) = [each for each in subject._tables(lake) if each.name == table]
    return found.small


def test_few_rows_stay_in_the_catalog(lake: Lake) -> None:
    commits(lake, 2)
    assert pack_ledger(lake) == Packed()
    assert (held(lake), files(lake)) == (4, 0)


def test_rows_leave_the_catalog_and_are_heard_as_before(lake: Lake) -> None:
    """Their numbers and snapshots stay, so that nobody takes them for new ones."""
    commits(lake, 7)
    before = heard(lake)
    done = pack_ledger(lake)
    assert (done.rows, done.files_after, done.left) == (14 + 7, 2, ())
    assert held(lake) == held(lake, "batches") == 0
    assert heard(lake) == before
    commits(lake, 3, 7)
    assert held(lake) == 6
    assert len(heard(lake)["rows"]) == 20
    assert pack_ledger(lake).rows == 6


def test_files_of_the_ledger_are_compressed_well(lake: Lake) -> None:
    commits(lake, 7)
    pack_ledger(lake)
    with lake.get_connection() as connection:
        found = connection.execute(
            "select distinct compression from parquet_metadata(?)",
            [f"{lake.folder}upkeep_raw/*/*.parquet"],
        ).fetchall()
    assert found == [("ZSTD",)]


def test_many_files_become_one_and_are_heard_as_before(lake: Lake) -> None:
    """Files of several rounds are written again as one, beside what came since."""
    merged = Packed()
    for turn in range(4):
        commits(lake, 3, 3 * turn)
        before = heard(lake)
        merged += pack_ledger(lake)
        assert heard(lake) == before
    assert merged.files_before >= 3
    assert merged.left == ()
    assert (files(lake), held(lake)) == (1, 0)


def test_new_files_are_vouched_for(lake: Lake) -> None:
    """The checksums of the ledger's files are in the ledger, also those of the checksums."""
    commits(lake, 7)
    pack_ledger(lake)
    names = ["upkeep.raw.publishes", "upkeep.raw.batches"]
    with lake.get_connection() as connection:
        listed = inventory(lake, names)
        assert {each.file for each in listed} == {*vouched(connection, names)}
        assert [*damaged(verify(lake, connection, listed))] == []


@pytest.mark.parametrize("point", ["ledger.packed_before_proof", "ledger.packed_before_commit"])
def test_nothing_moves_when_it_is_cut_off(
    point: str, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it or nothing; the next round does it."""
    commits(lake, 7)
    before = heard(lake)
    monkeypatch.setenv("WATERMAIN_FAILPOINT", f"{point}=raise")
    with pytest.raises(Exception, match=point):
        pack_ledger(lake)
    monkeypatch.delenv("WATERMAIN_FAILPOINT")
    assert (held(lake), heard(lake)) == (14, before)
    assert pack_ledger(lake).rows == 21
    assert heard(lake) == before


def test_rows_that_would_change_stay(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the proof finds is told, and the ledger stays as it is."""
    commits(lake, 7)
    before = heard(lake)
    monkeypatch.setattr(subject, "_NUMBER", "rows_out")
    done = pack_ledger(lake)
    assert (done.rows, len(done.left)) == (7, 1)  # the batches alone
    assert "14 rows with hash" in done.left[0]
    assert (held(lake), heard(lake)) == (14, before)


def test_proof_names_what_would_change() -> None:
    with pytest.raises(ChangedRowsError, match="2 rows with hash 3 would have become 1 with hash"):
        subject._prove("means", subject.Content(2, "3"), subject.Content(1, "3"))


def write(count: int, start: int) -> None:
    """Commit in a process of its own."""
    os.environ.pop("WATERMAIN_FAILPOINT", None)
    commits(Lake.from_settings(), count, start)


def test_writers_go_on_meanwhile(lake: Lake) -> None:
    """Every row once, whatever was committed while rows moved."""
    commits(lake, 3)
    writers = [
        multiprocessing.get_context("spawn").Process(target=write, args=(20, 100 * (1 + each)))
        for each in range(2)
    ]
    for writer in writers:
        writer.start()
    moved = 0
    while any(writer.is_alive() for writer in writers):
        moved += pack_ledger(lake).rows
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    with lake.get_connection() as connection:
        row = connection.execute(
            f"select count(*), count(distinct rowid), count(distinct (epoch, partition))"
            f" from {ledger.PUBLISHES}"
        ).fetchone()
    assert row == (86, 86, 86)
    assert moved > 0
    assert held(lake) + moved >= 86


def test_another_who_packs_is_left_to_it(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "WAIT_SECONDS", 0.1)
    commits(lake, 7)
    with lake.fence.lease("upkeep.raw.ledger"):
        assert pack_ledger(lake).left == ("the ledger: somebody else packs it",)
    assert held(lake) == 14


def test_unended_file_of_another_is_not_taken_for_ours(lake: Lake) -> None:
    commits(lake, 7)
    pack_ledger(lake)
    folder = f"{lake.folder}upkeep_raw/publishes/"
    other = f"{folder}ducklake-ffffffff-ffff-7fff-bfff-ffffffffffff.parquet"
    with open(other, "wb") as file:
        file.write(b"PAR1 not yet")
    connection = duckdb.connect()
    assert subject._own(connection, [other]) == {}
    commits(lake, 7, 7)
    assert pack_ledger(lake).left == ()
