"""What can be computed again replaces what is damaged, in one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.watermain.engine.damaging import DAMAGES, SALES, cut, flip, listed, verified
from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import (
    KNOWN,
    days,
    events,
    job,
    latest,
    rows,
    sales,
    sold,
)
from tests.watermain.engine.shop import give
from tests.watermain.engine.shop import job as shop_job
from tests.watermain.engine.shop import sales as shop_sales
from watermain.declare import Dataset
from watermain.declare.check import between
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import publish
from watermain.engine.publish.repair import repair
from watermain.lake import branch
from watermain.lake.lake import Lake
from watermain.lake.rest.inventory import inventory
from watermain.lake.rest.verification import Verified, damaged


@pytest.fixture
def stocked(lake: Lake) -> Lake:
    """Sales of January and of February, a file each, computed from two files of events."""
    given = [sold(n, 1 + n % 3, n) for n in range(9)]
    later = [{**sold(n, 1, n), "at": f"2013-02-0{n % 3 + 1} 10:00:00"} for n in range(20, 29)]
    capture(events, job(lake), source=Feed(changes([*given, *later])))
    for span in (days(1, 3), replace(days(1, 1), first="2013-02-01", last="2013-02-03")):
        publish(sales, span, job(lake)).refuse_blocked()
    return lake


def broken(lake: Lake) -> Sequence[Verified]:
    return damaged(verified(lake))


@pytest.mark.parametrize("name", [*DAMAGES, "a flipped bit"])
def test_damaged_file_is_replaced_whatever_befell_it(stocked: Lake, name: str) -> None:
    """Its partitions are computed anew though neither inputs nor code changed; others stand."""
    before, files = rows(stocked), listed(stocked)
    (hurt,) = [f for f in files if "month=1" in f.file]
    if name in DAMAGES:
        DAMAGES[name][0](Path(hurt.path))
    else:
        flip(hurt.path, 8 * 40)
    with stocked.get_connection() as connection:
        at = stocked.snapshot(connection)
    made = repair(broken(stocked), KNOWN, job(stocked))
    assert made.left == {}
    (done,) = made.done
    assert [o.partition for o in done.outcomes if o.published] == [
        "2013-01-01",
        "2013-01-02",
        "2013-01-03",
    ]
    assert rows(stocked) == before
    (ended,) = [f for f in inventory(stocked, [SALES]) if f.path == hurt.path]
    assert (ended.ended, done.output_snapshot) == (at + 1, at + 1)
    assert [f for f in files if f != hurt] == [f for f in listed(stocked) if "month=2" in f.file]
    assert [v.listed.path for v in broken(stocked)] == [hurt.path]
    assert not broken(stocked)[0].listed.is_read


def test_deletes_that_are_gone_are_named(stocked: Lake) -> None:
    """The engine opens each file of deletes whatever it is asked: only a backup brings it back."""
    late = [sold(1, 2, 100, _op="u")]
    capture(events, job(stocked), source=Feed(changes(late, start="1", end="2")))
    publish(sales, days(1, 3), job(stocked)).refuse_blocked()
    before = rows(stocked)
    (deletes,) = listed(stocked, kind="deletes")
    kept = Path(deletes.path).read_bytes()
    Path(deletes.path).unlink()
    assert [v.listed for v in broken(stocked)] == [deletes]
    made = repair(broken(stocked), KNOWN, job(stocked))
    assert made.done == []
    assert made.left[deletes.file].startswith(
        "the engine cannot do without it, restore the file from a backup: IO Error: Cannot open"
    )
    Path(deletes.path).write_bytes(kept)
    assert broken(stocked) == []
    assert rows(stocked) == before


def test_two_damaged_files_are_replaced_each_by_itself(stocked: Lake) -> None:
    """Two groups of partitions, two publishes: neither reads what the other replaces."""
    before = rows(stocked)
    for file in listed(stocked):
        cut(Path(file.path))
    made = repair(broken(stocked), KNOWN, job(stocked))
    assert [[o.partition[5:] for o in p.outcomes] for p in made.done] == [
        ["01-01", "01-02", "01-03"],
        ["02-01", "02-02", "02-03"],
    ]
    assert rows(stocked) == before


def test_whole_table_is_replaced(lake: Lake) -> None:
    """A dataset without partitions is one."""
    made = replace(shop_sales([("a", 1, 1), ("b", 2, 2)]), cadence=None)
    publish(made, None, shop_job(lake, made)).refuse_blocked()
    cut(Path(listed(lake)[0].path))
    done = repair(broken(lake), {made.name: made}, shop_job(lake, made))
    assert (done.partitions, done.facts["left"]) == (1, {})
    assert [v.state for v in verified(lake) if v.listed.is_read] == ["whole"]
    assert done.facts["rebuilt"] == [{"dataset": SALES, "partitions": [""]}]


def test_raw_is_named_with_what_to_capture_again(stocked: Lake) -> None:
    """Its batches, from the ledger; what is computed from it is not computed from it."""
    for name in (str(events.name), SALES):
        for file in listed(stocked, name):
            if "month=1" in file.file:
                cut(Path(file.path))
    made = repair(broken(stocked), KNOWN, job(stocked))
    (raw,) = [f for f in listed(stocked, str(events.name)) if "month=1" in f.file]
    (own,) = [f for f in listed(stocked) if "month=1" in f.file]
    assert made.done == []
    assert made.left[raw.file] == (
        "captured, so nothing here can rebuild it: restore the file from a backup, or a new"
        " snapshot of the source brings each row as it is now, not its past"
        " (s from its beginning to 1)"
    )
    assert made.left[own.file].startswith(f"{events.name} [2013-01-01..2013-01-03]: 1 of ")
    assert [f for f in listed(stocked) if "month=2" in f.file] != []


def test_repair_that_a_check_refuses_changes_nothing(stocked: Lake) -> None:
    """The partition keeps its damaged file, named with the rule; there is no half repair."""
    strict = declare_strict()
    (hurt,) = [f for f in listed(stocked) if "month=1" in f.file]
    flip(hurt.path, 8 * 40)
    made = repair(broken(stocked), {**KNOWN, strict.name: strict}, job(stocked))
    assert made.done == []
    assert "break `between_amount`" in made.left[hurt.file]
    assert hurt in listed(stocked)


def declare_strict() -> Dataset:
    """The sales by a rule that no row of January keeps."""
    return replace(sales, checks=(between("amount", low=20),), body=latest)


def test_dataset_that_nobody_declares_is_named(lake: Lake) -> None:
    give(lake, shop_sales([("a", 1, 1)]))
    (hurt,) = listed(lake)
    cut(Path(hurt.path))
    made = repair(broken(lake), {}, job(lake))
    assert made.left == {hurt.file: "no room declares it: restore the file from a backup"}


def test_column_in_the_way_of_a_repair_is_named(lake: Lake) -> None:
    """A column `filename` hides what a file is left out by."""
    made = shop_sales([("a", 1, 1)])
    columns = tuple(
        replace(c, name="filename") if c.name == "buyer" else c for c in made.contract.columns
    )
    named = replace(made, contract=replace(made.contract, columns=columns))
    give(lake, made)
    cut(Path(listed(lake)[0].path))
    done = repair(broken(lake), {named.name: named}, shop_job(lake, named))
    assert [why.split(";")[0] for why in done.left.values()] == [
        f"{SALES} has a column `filename`, so that no damaged file can be left out"
    ]


def test_damage_of_the_past_is_left(stocked: Lake) -> None:
    """No later snapshot can mend an older one."""
    (old,) = [f for f in listed(stocked) if "month=1" in f.file]
    publish(sales, days(1, 3), job(stocked, rebuild=True)).refuse_blocked()
    others = [f for f in inventory(stocked, [SALES]) if not f.is_read]
    for file in others:
        cut(Path(file.path))
    made = repair(broken(stocked), KNOWN, job(stocked))
    assert (made.done, made.left) == ([], {})
    assert old.path in {f.path for f in inventory(stocked, [SALES])}


def test_repair_retires_files_in_a_branch_alone(stocked: Lake) -> None:
    """The fence retires files of the catalog that is committed to, of no other."""
    branch.create(stocked, "trial")
    trial = stocked.on("trial")
    before = rows(trial)
    (hurt,) = [f for f in listed(trial) if "month=1" in f.file]
    flip(hurt.path, 8 * 40)
    made = repair(broken(trial), KNOWN, job(trial))
    assert (made.left, made.partitions) == ({}, 3)
    assert rows(trial) == before
    assert [f.path for f in listed(stocked) if "month=1" in f.file] == [hurt.path]
