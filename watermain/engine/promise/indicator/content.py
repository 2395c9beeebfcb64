"""What the ledger says of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from watermain.engine.promise.indicator.indicator import Ratio
from watermain.lake.ledger import BatchRow, PublishRow


def completeness(counted: Iterable[tuple[int, int]]) -> Ratio:
    """Count the rows that are there of those that are due.

    Shapes: for each partition what is there, then what is due.
    Guarantees: a surplus of one partition makes up for no other; repeats are another indicator.
    """
    part = whole = 0
    for actual, due in counted:
        part += min(actual, due)
        whole += due
    return Ratio(part, whole)


def captured(batches: Iterable[BatchRow]) -> Ratio:
    """Count rows that reached raw of those read, without repeats: what is put aside is missing."""
    return completeness((each.rows, each.rows_in - each.repeated) for each in batches)


def duplicate_rate(batches: Iterable[BatchRow]) -> Ratio:
    """Count rows whose key stood in raw already of those read."""
    repeated = whole = 0
    for each in batches:
        repeated += each.repeated
        whole += each.rows_in
    return Ratio(repeated, whole)


def correctness(publishes: Iterable[PublishRow], weights: Mapping[str, float]) -> Ratio:
    """Weigh the checks that no row broke against those that ran.

    Shapes: `weights` has every check that runs on a publish of the dataset, by its name.
    Guarantees: a check that a row broke counts, though it is declared no more; its weight is 1.
    """
    part = whole = 0.0
    for publish in publishes:
        broken = {name for name, rows in orjson.loads(publish.failing).items() if rows}
        ran = {**dict.fromkeys(broken, 1.0), **weights}
        whole += sum(ran.values())
        part += sum(weight for name, weight in ran.items() if name not in broken)
    return Ratio(part, whole)
