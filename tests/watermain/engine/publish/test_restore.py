"""Promoting a branch, rolling a dataset back: each in one transaction, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from tests.watermain.engine.shop import give, job, read, sales
from watermain.declare import Column, Dataset, DatasetName, Files, between, raw, steady
from watermain.declare.errors import (
    BranchError,
    BrokenContractError,
    LostLeaseError,
    UnknownSnapshotError,
)
from watermain.engine.capture.replay import discard
from watermain.engine.publish.canary import differences
from watermain.engine.publish.restore import promote, rollback
from watermain.lake import branch, ledger
from watermain.lake.lake import Lake
from watermain.lake.quarantine import listed

OLD = [("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]
NEW = [("a", 1, 10), ("b", 2, 2), ("d", 3, 4)]
SALES = DatasetName("shop", "curated", "sales")


def snapshot(lake: Lake) -> int:
    """The newest one."""
    with lake.get_connection() as connection:
        return lake.snapshot(connection)


def test_promote_publishes_all_datasets_of_a_branch_in_one_snapshot(lake: Lake) -> None:
    """Readers see both as built; the ledger names the promotion."""
    first, second = sales(OLD), sales(OLD, name="refunds")
    give(lake, first)
    give(lake, second)
    branch.create(lake, "trial")
    give(lake.on("trial"), sales(NEW))
    give(lake.on("trial"), sales(NEW, name="refunds"), "2013-01-01", "2013-01-01")
    before = snapshot(lake)
    done = promote("trial", job(lake, first, second))
    assert snapshot(lake) == before + 1
    assert read(lake) == [("a", 10), ("b", 2), ("d", 4)]
    assert read(lake, "shop.curated.refunds") == [("a", 10), ("b", 2), ("c", 3)]
    assert {str(d.dataset.name): len(d.rows) for d in done} == {
        "shop.curated.sales": 3,
        "shop.curated.refunds": 1,
    }
    with lake.get_connection() as connection:
        rows = ledger.latest(connection, SALES)
    assert [(k, r.rows_out, r.run_id) for k, r in sorted(rows.items())] == [
        (f"2013-01-0{day}", 1, "test") for day in (1, 2, 3)
    ]


def test_promote_makes_the_table_fit_the_new_columns(lake: Lake) -> None:
    """A dataset that the lake did not have, a column that it did not have."""
    give(lake, sales(OLD))
    branch.create(lake, "trial")
    wider = sales(NEW, more=(Column("note", pa.string(), "a note"),))
    fresh = sales(OLD, name="refunds")
    give(lake.on("trial"), wider, "2013-01-01", "2013-01-01")
    give(lake.on("trial"), fresh)
    promote("trial", job(lake, wider, fresh))
    assert read(lake) == [("a", 10), ("b", 2), ("c", 3)]
    assert read(lake, "shop.curated.refunds") == [("a", 1), ("b", 2), ("c", 3)]


def test_promote_refuses_what_moved_meanwhile(lake: Lake) -> None:
    """What was published since is not overwritten, the rest is not promoted either."""
    first, second = sales(OLD), sales(OLD, name="refunds")
    give(lake, first)
    give(lake, second)
    branch.create(lake, "trial")
    give(lake.on("trial"), sales(NEW))
    give(lake.on("trial"), sales(NEW, name="refunds"))
    moved = sales([("z", 2, 9)])
    give(lake, moved, "2013-01-02", "2013-01-02")
    with lake.get_connection() as connection:  # the same body has the same version
        connection.execute(
            f"update {ledger.PUBLISHES} set data_version = 'moved' where dataset ="
            " 'shop.curated.sales' and partition = '2013-01-02' and epoch = 2"
        )
    with pytest.raises(LostLeaseError, match=r"1 partitions were published since") as caught:
        promote("trial", job(lake, first, second))
    assert "[2013-01-02]" in caught.value.what
    assert read(lake, "shop.curated.refunds") == [("a", 1), ("b", 2), ("c", 3)]


def strict(rows: list[tuple[str, int, int]]) -> Dataset:
    """Sales whose rule puts low amounts aside, compares their mean with the day before."""
    checks = (between("amount", low=0, severity="quarantine"), steady("amount", within=1000.0))
    return replace(sales(rows), checks=checks)


def beside(lake: Lake) -> tuple[list[tuple[str, str]], dict[str, float]]:
    """Keys that wait with their partition, the mean of each partition."""
    with lake.get_connection() as connection:
        waiting = listed(connection, str(SALES), "status = 'open'")
        means = ledger.means(connection, str(SALES), "amount")
    return [(row["partition"], row["position"]) for row in waiting], means


def test_promoted_partitions_bring_the_rows_put_aside(lake: Lake) -> None:
    """What the branch put aside waits in the lake; what the lake had put aside does not."""
    give(lake, strict([("a", 1, -1), ("b", 2, 2), ("c", 3, -3)]))
    branch.create(lake, "trial")
    give(lake.on("trial"), strict([("a", 1, 5), ("b", 2, -2)]), "2013-01-01", "2013-01-02")
    promote("trial", job(lake, strict([])))
    waiting, means = beside(lake)
    assert waiting == [("2013-01-02", "b"), ("2013-01-03", "c")]
    assert means["2013-01-01"] == 5.0
    assert read(lake) == [("a", 5)]


def test_promotion_done_again_changes_nothing(lake: Lake) -> None:
    """Its first run may have died before it could tell; the versions are those of the branch."""
    give(lake, strict([("a", 1, -1)]))
    branch.create(lake, "trial")
    eased = (between("amount", low=-1, severity="quarantine"),)
    changed = replace(strict([("a", 1, 5), ("b", 2, -2)]), checks=eased)
    give(lake.on("trial"), changed)
    promote("trial", job(lake, changed))
    once = (read(lake), beside(lake)[0])
    promote("trial", job(lake, changed))
    assert (read(lake), beside(lake)[0]) == once == ([("a", 5)], [("2013-01-02", "b")])


def test_rollback_lets_rows_wait_again_that_were_put_aside_then(lake: Lake) -> None:
    """Those that were discarded since stay discarded; the means are those of then."""
    give(lake, strict([("a", 1, -1), ("b", 2, -2), ("x", 1, 7)]))
    then = snapshot(lake)
    discard(strict([]), job(lake), why="no use", by="ann", where="partition = '2013-01-02'")
    give(lake, strict([("a", 1, 1), ("b", 2, 2), ("x", 1, 9)]))
    _marked(lake, "now")
    assert beside(lake)[0] == []
    rollback(strict([]), then, job(lake, strict([])))
    waiting, means = beside(lake)
    assert waiting == [("2013-01-01", "a")]
    assert means["2013-01-01"] == 7.0
    assert read(lake) == [("x", 7)]


def test_promote_of_nothing_says_so(lake: Lake) -> None:
    """A branch in which nothing was built."""
    branch.create(lake, "trial")
    with pytest.raises(BranchError, match="built nothing"):
        promote("trial", job(lake))


def test_rollback_restores_what_an_older_snapshot_had(lake: Lake) -> None:
    """Partitions that were not there are emptied, those that stand are left alone."""
    old, new = sales(OLD), sales(NEW)
    give(lake, old, "2013-01-01", "2013-01-02")
    then = snapshot(lake)
    with lake.get_connection() as connection:
        (version,) = {row.data_version for row in ledger.latest(connection, SALES).values()}
    give(lake, new)
    _marked(lake, version)
    before = snapshot(lake)
    done = rollback(new, then, job(lake, new))
    assert [r.partition for r in done.rows] == ["2013-01-03"]
    assert read(lake) == [("a", 10), ("b", 2)]
    _marked(lake, "now")
    done = rollback(new, then, job(lake, new))
    assert [r.partition for r in done.rows] == ["2013-01-01", "2013-01-02"]
    assert read(lake) == [("a", 1), ("b", 2)]
    assert done.snapshot > before


def test_rollback_of_what_stands_changes_nothing(lake: Lake) -> None:
    """No snapshot is made."""
    made = sales(OLD)
    give(lake, made)
    then = snapshot(lake)
    assert rollback(made, then, job(lake, made)).rows == ()
    assert snapshot(lake) == then


def test_rollback_of_a_captured_dataset_is_refused(lake: Lake) -> None:
    """Its positions would stay ahead of its rows, which no capture would bring back."""
    captured = raw(
        "shop.raw.tills",
        source=Files(connection="drop", pattern="*.csv", format="csv"),
        contract=sales(OLD).contract,
        owner="team:shop",
    )
    with pytest.raises(BranchError, match=r"shop.raw.tills is captured, not computed"):
        rollback(captured, 0, job(lake, captured))


def test_rollback_to_a_snapshot_that_never_was_says_so(lake: Lake) -> None:
    """Or to one in which the table was not there yet; with what tells the right numbers."""
    made, before = sales(OLD), snapshot(lake)
    give(lake, made)
    for number, says in (
        (99999999, f"there is no snapshot 99999999; the lake's run from 0 to {snapshot(lake)}"),
        (before, f"snapshot {before} has no such table yet"),
    ):
        with pytest.raises(UnknownSnapshotError) as caught:
            rollback(made, number, job(lake, made))
        assert caught.value.what == f"shop.curated.sales: {says}"
        assert caught.value.next.endswith("watermain history shop.curated.sales")
    assert read(lake) == [("a", 1), ("b", 2), ("c", 3)]


def test_rollback_is_refused_when_the_columns_were_others(lake: Lake) -> None:
    """The code of then is needed as well."""
    give(lake, sales(OLD))
    then = snapshot(lake)
    wider = sales(NEW, more=(Column("note", pa.string(), "a note"),))
    give(lake, wider)
    with pytest.raises(BrokenContractError, match="had other columns: note"):
        rollback(wider, then, job(lake, wider))
    with pytest.raises(UnknownSnapshotError, match="has no such table"):
        rollback(wider, 0, job(lake, wider))
    assert read(lake) == [("a", 10), ("b", 2), ("d", 4)]


def test_branch_tells_what_it_built_differs_in(lake: Lake) -> None:
    """Only the partitions that it built are compared."""
    made = sales(OLD)
    give(lake, made)
    branch.create(lake, "trial")
    give(lake.on("trial"), sales(NEW), "2013-01-01", "2013-01-01")
    (told,) = differences(lake, "trial", {made.name: made}.__getitem__)
    assert told.partitions == ("2013-01-01",)
    assert (told.difference.added, told.difference.removed) == (0, 0)
    assert told.difference.columns == {"amount": 1}


def _marked(lake: Lake, word: str) -> None:
    """Give the rows of two partitions a version, as other inputs, or the same, would."""
    with lake.get_connection() as connection:
        connection.execute(
            f"update {ledger.PUBLISHES} set data_version = ? where dataset = ? and partition <"
            " '2013-01-03'",
            [word, str(SALES)],
        )
