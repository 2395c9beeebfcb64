"""One round makes the lake smaller; every row stays what it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.watermain.engine.crowd import FILES, NAME, crowd, listed, on_disk, rows
from tests.watermain.engine.shop import sales
from tests.watermain.lake.ledger_rows import batch
from watermain.declare.name import DatasetName
from watermain.engine.table.compaction import HOLLOW, fill_under_lease, hollow
from watermain.engine.table.tidying import Tidied, tidy_lake
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.lake.rest.expiry import Depth
from watermain.upkeep.raw import batches

WEEK_OLD = Depth(old=timedelta(days=7))
OTHER = DatasetName("shop", "curated", "calls")
BOTH = [replace(sales([]), name=name) for name in (NAME, OTHER)]


def big(lake: Lake, deleted: int, of: int = 1000) -> None:
    """Write one file, of whose rows some are deleted."""
    with lake.get_connection() as connection:
        connection.execute(f"create schema if not exists lake.{NAME.schema}")
        connection.execute(f"create table {table(OTHER)} as select range as n from range({of})")
        connection.execute(f"delete from {table(OTHER)} where n < {deleted}")


def numbers(lake: Lake) -> list[int]:
    with lake.get_connection() as connection:
        found = connection.execute(f"select n from {table(OTHER)} order by n")
        return [int(row[0]) for row in found.fetchall()]


def test_hollow_files_are_written_again(lake: Lake) -> None:
    """Readers are spared the deleted rows; the older snapshot keeps its file."""
    big(lake, 400)
    (path, deletes), *_ = listed(lake, OTHER)
    assert deletes is not None
    assert hollow(lake, [OTHER, NAME])[OTHER][0][0] == path
    (done,) = fill_under_lease(lake, OTHER, 5)
    assert (done.rows, done.files_before, done.files_after) == (600, 1, 1)
    ((after, deletes),) = listed(lake, OTHER)
    assert deletes is None
    assert after != path
    assert numbers(lake) == [*range(400, 1000)]
    assert hollow(lake, [OTHER]) == {}
    assert fill_under_lease(lake, OTHER, 5) == []


@pytest.mark.parametrize("deleted", [0, int(1000 * HOLLOW) - 1])
def test_files_with_few_deletes_stay(deleted: int, lake: Lake) -> None:
    big(lake, deleted)
    assert hollow(lake, [OTHER]) == {}


def test_a_round_packs_fills_and_forgets(lake: Lake) -> None:
    """All of it in one call; done again nothing is left to do."""
    crowd(lake)
    big(lake, 400)
    before, files = rows(lake), on_disk(lake)
    done = tidy_lake(lake, BOTH, WEEK_OLD)
    assert {(d.dataset, d.files_before, d.files_after) for d in done.done} == {
        (str(NAME), 2 * FILES - 2, 2),
        (str(OTHER), 1, 1),
    }
    assert done.files == (2 * FILES - 1, 3)
    assert (done.left, done.expired.snapshots) == ((), 0)
    assert rows(lake) == before
    assert files < on_disk(lake)
    again = tidy_lake(lake, BOTH, WEEK_OLD)
    assert again == Tidied(expired=again.expired)


def test_a_dataset_that_is_written_is_left(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writer goes on; the others are done."""
    monkeypatch.setattr("watermain.engine.table.tidying.WAIT_SECONDS", 0.2)
    crowd(lake)
    big(lake, 400)
    with lake.fence.lease(str(NAME)):
        done = tidy_lake(lake, BOTH, WEEK_OLD)
    assert [d.dataset for d in done.done] == [str(OTHER)]
    assert done.left == (f"{NAME}: its writer is at work",)


def test_the_ledger_s_files_become_few_and_no_row_is_news(lake: Lake) -> None:
    """Whoever asks what came since a snapshot hears the same as before."""
    with lake.get_connection() as connection:
        connection.execute(
            "call lake.set_option('data_inlining_row_limit', 0, schema => 'upkeep_raw',"
            " table_name => 'batches')"
        )
        for n in range(FILES):
            ledger.append(connection, [batch("s", str(n), str(n + 1))])
        before = lake.snapshot(connection)
        since = [ledger.batches_between(connection, before - n, before) for n in range(FILES)]
        done = tidy_lake(lake, [batches], WEEK_OLD)
        assert (done.done, done.left) == ((), ())
        assert (done.ledger.files_before, done.ledger.files_after) == (FILES, 1)
        present = lake.snapshot(connection)
        assert ledger.batches_between(connection, before, present) == []
        heard = [ledger.batches_between(connection, before - n, present) for n in range(FILES)]
    assert [len(each) for each in heard] == [*range(FILES)]
    assert heard == since
