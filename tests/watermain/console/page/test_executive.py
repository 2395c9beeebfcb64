"""Whether the data can be relied on, in numbers."""

from __future__ import annotations

import pytest

from tests.watermain.console.seeded import declared
from watermain.console.page.executive import key_datasets, on_time
from watermain.console.rooms import ToldDataset
from watermain.console.standing import DatasetStanding
from watermain.declare import Slo, Urgency
from watermain.engine.promise.calendar import Promised


def line(name: str, tier: int, good: int = 0, bad: int = 0, unknown: int = 0) -> DatasetStanding:
    """A promise of a tier with its counts."""
    like = declared()["operations.curated.fees"]
    slo = Slo(ready_within=like.slo.ready_within, urgency=Urgency(tier=tier))  # type: ignore[union-attr,arg-type]
    dataset = like.name.__class__("operations", "curated", name)
    promised = Promised(dataset=dataset, slo=slo, cadence=like.cadence, owner="team:a")  # type: ignore[arg-type]
    told = ToldDataset(
        name=dataset,
        owner="team:a",
        grain="",
        purpose="",
        declared="",
        version="",
        inputs=(),
        source=None,
        promised=promised,
        schema="{}",
    )
    return DatasetStanding(told=told, state="met", good=good, bad=bad, unknown=unknown)


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ((95, 5, 0), 0.95),
        ((95, 0, 5), 1.0),
        ((94, 0, 6), None),
        ((0, 0, 10), None),
        ((0, 0, 0), None),
        ((0, 10, 0), 0.0),
    ],
)
def test_share_in_time_is_measured_or_is_none(counts: tuple[int, int, int], share: float) -> None:
    """Below 95 % of what was due nobody knows it, and then it is no number."""
    assert on_time([line("a", 1, *counts)])["share"] == share


def test_shares_are_of_partitions_and_not_of_promises() -> None:
    """One promise with many partitions weighs as much as they do."""
    found = on_time([line("a", 1, 90, 0), line("b", 1, 0, 10)])
    assert (found["share"], found["judged"], found["due"]) == (0.9, 100, 100)


def test_key_datasets_are_those_of_the_first_tier() -> None:
    """Where there are none, all."""
    first, second = line("a", 1), line("b", 2)
    assert key_datasets([second, first]) == [first]
    assert key_datasets([second]) == [second]
    assert key_datasets([]) == []
