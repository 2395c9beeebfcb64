"""What declarations say of change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from watermain.declare.compatibility import breaking, changes
from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.engine.promise.burn import Kept
from watermain.engine.promise.indicator.indicator import Ratio


def compatibility(releases: Sequence[Contract]) -> Ratio:
    """Count the changes that broke no consumer, in the releases of a contract, oldest first."""
    part = whole = 0
    for old, new in pairwise(releases):
        found = len(changes(old, new))
        whole += found
        part += found - len(breaking(old, new))
    return Ratio(part, whole)


def breaches(promises: Iterable[Kept]) -> Ratio:
    """Count promises that were missed; what was not measured is a promise, but not a breach."""
    kept = list(promises)
    return Ratio(kept.count("missed"), len(kept))


def lineage_coverage(datasets: Iterable[Dataset]) -> Ratio:
    """Count datasets that declare a source or inputs; the platform's own are none of them."""
    ours = [each for each in datasets if not each.is_platforms]
    return Ratio(sum(bool(each.is_captured or each.inputs) for each in ours), len(ours))
