"""What declarations say of change has known answers."""

from __future__ import annotations

import pyarrow as pa

from tests.watermain.engine.shop import sales
from watermain.declare import Column, Contract, Platform, raw
from watermain.engine.promise.indicator.change import breaches, compatibility, lineage_coverage
from watermain.engine.promise.indicator.indicator import Ratio


def contract(*names: str, kind: pa.DataType | None = None) -> Contract:
    """A contract of columns of one type."""
    columns = tuple(Column(name, kind or pa.int64(), "a number") for name in names)
    return Contract(grain="one row per number", key=(names[0],), columns=columns)


def test_compatibility_counts_changes_between_releases():
    """A column more breaks nobody; one less, and one of another type, break somebody."""
    releases = [contract("a"), contract("a", "b"), contract("a")]
    assert compatibility(releases[:2]) == Ratio(1, 1)
    assert compatibility(releases) == Ratio(1, 2)
    assert compatibility([contract("a"), contract("a", kind=pa.string())]) == Ratio(0, 1)
    assert compatibility(releases[:1]).share is None


def test_breaches_are_what_was_missed():
    """What was not measured is no breach, and nothing that was met either."""
    assert breaches(["met", "missed", "not measured", "missed"]) == Ratio(2, 4)


def test_lineage_coverage_counts_declared_origins():
    """Rows out of nowhere have no lineage; the platform's own tables do not count."""
    nowhere = sales([])
    own = raw(
        "upkeep.raw.batches",
        source=Platform(table="batches"),
        contract=contract("epoch"),
        owner="team:upkeep",
    )
    assert lineage_coverage([nowhere, own]) == Ratio(0, 1)
    assert lineage_coverage([own]).share is None
