"""The partitions that a command names."""

from __future__ import annotations

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidPartitionError
from watermain.engine.table.partition import Span


def span_of(
    dataset: Dataset, first: str | None, last: str | None, verb: str = "materialize"
) -> Span | None:
    """The partitions that a command names, which are proved to be of the dataset's cadence.

    Raises: InvalidPartitionError, or, for a mart that is wrong, what is wrong with it.
    """
    dataset.refuse_broken()
    if dataset.cadence is None:
        if first or last:
            raise refused(dataset, "it has no partitions", "leave the partition out")
        return None
    if not first or not last:
        example = dataset.cadence.since.strftime(dataset.cadence.format)
        if not dataset.is_computed:
            return None
        raise refused(
            dataset,
            "it is partitioned; name one partition, or a range",
            f"watermain {verb} {dataset.name} --from {example} --to {example}",
        )
    if not dataset.is_computed:
        raise refused(
            dataset,
            "a captured dataset takes whatever waits at its source, not a partition",
            f"watermain materialize {dataset.name}",
        )
    if dataset.cadence.local(first) > dataset.cadence.local(last):
        raise refused(dataset, f"{first} lies after {last}", "turn them round")
    return Span(dataset.cadence, first, last)


def refused(dataset: Dataset, what: str, next: str) -> InvalidPartitionError:
    """What is said to partitions that a dataset cannot be asked for."""
    return InvalidPartitionError.nothing_happened(
        f"{dataset.name}: {what}",
        declared=dataset.declared,
        next=next,
    )
