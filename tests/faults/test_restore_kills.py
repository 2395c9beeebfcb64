"""A promotion or a rollback that is killed happened whole, or not at all."""

from __future__ import annotations

import pytest

from tests.faults import crew
from tests.faults.contracts import PROMOTE, ROLLBACK
from tests.watermain.engine.shop import give, job, read, sales
from watermain.engine.publish.restore import promote, rollback
from watermain.lake import branch
from watermain.lake.lake import Lake

OLD = [("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]
NEW = [("a", 1, 10), ("b", 2, 20), ("c", 3, 30)]


def promotes() -> None:
    """Promote the branch of the lake that the settings name."""
    lake = Lake.from_settings()
    promote("trial", job(lake, sales([])))


def rolls_back(snapshot: int) -> None:
    """Roll the sales back in the lake that the settings name."""
    made, lake = sales([]), Lake.from_settings()
    rollback(made, snapshot, job(lake, made))


@pytest.mark.parametrize(
    ("failpoint", "happened"),
    [
        *((place, False) for place in PROMOTE),
        ("publish.before_commit", False),
        ("publish.after_commit", True),
    ],
)
def test_killed_promotion_is_whole_or_nothing(failpoint: str, happened: bool, lake: Lake) -> None:
    """Done again it is done; what had happened is refused as moved or is done twice the same."""
    give(lake, sales(OLD))
    branch.create(lake, "trial")
    give(lake.on("trial"), sales(NEW))
    crew.dies(promotes, at=failpoint)
    assert read(lake) == [(i, n) for i, _, n in (NEW if happened else OLD)]
    promote("trial", job(lake, sales([])))
    assert read(lake) == [(i, n) for i, _, n in NEW]


@pytest.mark.parametrize(
    ("failpoint", "happened"),
    [
        *((place, False) for place in ROLLBACK),
        ("publish.after_commit", True),
    ],
)
def test_killed_rollback_is_whole_or_nothing(failpoint: str, happened: bool, lake: Lake) -> None:
    """Done again it is done."""
    with lake.get_connection() as connection:
        give(lake, sales(OLD), "2013-01-01", "2013-01-02")
        then = lake.snapshot(connection)
    give(lake, sales(OLD))
    crew.dies(rolls_back, then, at=failpoint)
    assert len(read(lake)) == (2 if happened else 3)
    rollback(sales([]), then, job(lake, sales([])))
    assert len(read(lake)) == 2
