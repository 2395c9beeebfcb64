"""Branches of the lake: isolated both ways, whole, gone without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.watermain.engine.shop import give, read, sales
from watermain.declare.errors import BranchError
from watermain.lake import branch
from watermain.lake.lake import Lake


def test_branch_begins_as_the_lake_stands_without_copying_a_file(lake: Lake) -> None:
    """Files, rows kept in the catalog, deleted rows: all are as in the lake."""
    give(lake, sales([(f"{n:05}", 1 + n % 3, n) for n in range(3000)]))
    give(lake, sales([("00007", 2, 7)]), "2013-01-02", "2013-01-02")
    made = branch.create(lake, "trial")
    beside = lake.on("trial")
    assert read(beside) == read(lake)
    assert made.base == _snapshot(lake) == _snapshot(beside)
    assert not Path(beside.folder).exists() or not list(Path(beside.folder).rglob("*.parquet"))


def test_branch_sees_nothing_of_later_publishes_nor_they_of_it(lake: Lake) -> None:
    """Each side writes for itself."""
    give(lake, sales([("a", 1, 1)]))
    branch.create(lake, "trial")
    give(lake, sales([("a", 1, 2)]))
    give(lake.on("trial"), sales([(f"{n:05}", 1 + n % 3, n) for n in range(3000)]))
    assert read(lake) == [("a", 2)]
    assert len(read(lake.on("trial"))) == 3000


def test_dropped_branch_leaves_the_lake_whole(lake: Lake) -> None:
    """Its files, its catalog, its leases are gone; the lake's files are not."""
    give(lake, sales([(f"{n:05}", 1 + n % 3, n) for n in range(3000)]))
    branch.create(lake, "trial")
    give(lake.on("trial"), sales([(f"{n:05}", 1, 0) for n in range(3000)]))
    assert list(Path(lake.on("trial").folder).rglob("*.parquet"))
    branch.drop(lake, "trial")
    assert branch.branches(lake) == []
    assert not Path(lake.on("trial").folder).exists()
    assert len(read(lake)) == 3000


def test_drop_that_died_is_ended_by_another(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a branch that the catalog forgot go; a third drop knows no such branch."""
    give(lake, sales([("a", 1, 1)]))
    branch.create(lake, "trial")
    give(lake.on("trial"), sales([(f"{n:05}", 1, 0) for n in range(3000)]))
    monkeypatch.setenv("WATERMAIN_FAILPOINT", "branch.after_forgetting_before_files=raise")
    with pytest.raises(RuntimeError, match="failpoint"):
        branch.drop(lake, "trial")
    assert branch.branches(lake) == []
    assert list(Path(lake.on("trial").folder).rglob("*.parquet"))
    monkeypatch.delenv("WATERMAIN_FAILPOINT")
    branch.drop(lake, "trial")
    assert not Path(lake.on("trial").folder).exists()
    with pytest.raises(BranchError, match="there is no branch `trial`"):
        branch.drop(lake, "trial")


def test_branch_of_a_dropped_name_begins_anew(lake: Lake) -> None:
    """Nothing of the earlier one is left in the engine."""
    give(lake, sales([("a", 1, 1)]))
    branch.create(lake, "trial")
    give(lake.on("trial"), sales([("a", 1, 5)]))
    branch.drop(lake, "trial")
    branch.create(lake, "trial")
    assert read(lake.on("trial")) == [("a", 1)]


@pytest.mark.parametrize("name", ["", "Trial", "1st", "a-b", 'a"b', "a" * 42])
def test_branch_needs_a_plain_name(name: str, lake: Lake) -> None:
    """The name becomes a schema, a folder."""
    with pytest.raises(BranchError, match="is no name of a branch"):
        branch.create(lake, name)


def test_branch_is_made_once(lake: Lake) -> None:
    """The second is told how to go on."""
    branch.create(lake, "trial")
    with pytest.raises(BranchError, match="stands already") as caught:
        branch.create(lake, "trial")
    assert caught.value.next == "watermain branch drop trial"


def test_unknown_branch_is_told_with_those_that_stand(lake: Lake) -> None:
    """Reading it does not make it either."""
    branch.create(lake, "trial")
    with pytest.raises(BranchError, match="there is no branch `trail`") as caught:
        branch.drop(lake, "trail")
    assert caught.value.next == "use one of `trial`"
    with pytest.raises(BranchError, match="no branch `trail`"), lake.on("trail").get_connection():
        pass  # pragma: no cover


def _snapshot(lake: Lake) -> int:
    with lake.get_connection() as connection:
        return lake.snapshot(connection)
