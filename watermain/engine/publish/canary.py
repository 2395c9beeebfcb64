"""Changed code built beside the published data, before anybody sees it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.publish.publication import Job, Outcome
from watermain.engine.publish.publish import publish
from watermain.engine.publish.standing import standing
from watermain.engine.table.difference import Difference, difference, same
from watermain.engine.table.partition import Span, spans
from watermain.engine.table.staged import Finding
from watermain.engine.table.table import stored
from watermain.lake import branch as branches
from watermain.lake import ledger
from watermain.lake.lake import Lake, quote, table

Find = Callable[[DatasetName], Dataset]


@dataclass(frozen=True, kw_only=True)
class Canary:
    """How one dataset would change: its rows, its columns and what its checks say."""

    dataset: Dataset
    partitions: tuple[str, ...]
    difference: Difference
    findings: tuple[Finding, ...]

    @property
    def blocked(self) -> bool:
        """Whether a blocking check would hold some partition back."""
        return any(f.blocks for f in self.findings)


def canary(dataset: Dataset, span: Span | None, job: Job, *, against: int | None = None) -> Canary:
    """Build a dataset anew in a branch of its own, and compare it with what is published.

    `against` is a snapshot to compare with, the newest when left out.
    Guarantees: readers see nothing of it; the branch is gone afterwards; what stands as today's
    code would make it is not built, for it differs in nothing.
    """
    stands = standing(dataset, span, job)
    return (
        _built(dataset, span, job, against)
        if stands is None
        else _stood(dataset, span, job.lake, stands, against)
    )


def _stood(
    dataset: Dataset,
    span: Span | None,
    lake: Lake,
    stands: tuple[Outcome, ...],
    against: int | None,
) -> Canary:
    """What stands, beside itself or beside an older snapshot."""
    if against is None:
        told = same(sum(o.rows_out for o in stands))
    else:
        with lake.get_connection() as connection:
            told = _differs(connection, dataset, against, _where(dataset, span))
    return _canary(dataset, stands, told)


def _built(dataset: Dataset, span: Span | None, job: Job, against: int | None) -> Canary:
    """What today's code makes, beside what is published."""
    with _branch(job.lake) as branch:
        beside = replace(job, lake=job.lake.on(branch.name), rebuild=True)
        done = publish(dataset, span, beside)
        with beside.lake.get_connection() as connection:
            base = branch.base if against is None else against
            told = _differs(connection, dataset, base, _where(dataset, span))
    return _canary(dataset, done.outcomes, told)


def _canary(dataset: Dataset, outcomes: Sequence[Outcome], told: Difference) -> Canary:
    keys = tuple(o.partition for o in outcomes)
    findings = tuple(f for o in outcomes for f in o.findings)
    return Canary(dataset=dataset, partitions=keys, difference=told, findings=findings)


def _where(dataset: Dataset, span: Span | None) -> str:
    return span.filter(dataset.contract) if span else "true"


def differences(lake: Lake, name: str, find: Find) -> list[Canary]:
    """What a branch built, dataset by dataset, beside what it was made of.

    Raises: BranchError.
    """
    branch, found = branches.find(lake, name), []
    with lake.on(name).get_connection() as connection:
        built: dict[str, set[str]] = {}
        for row in ledger.publishes_since(connection, "lake", branch.base):
            built.setdefault(row.dataset, set()).add(row.partition)
        for text, keys in sorted(built.items()):
            dataset = find(DatasetName.parse(text))
            cuts = spans(dataset.cadence, sorted(keys)) if dataset.cadence else []
            where = " or ".join(f"({s.filter(dataset.contract)})" for s in cuts) or "true"
            told = _differs(connection, dataset, branch.base, f"({where})")
            found.append(
                Canary(
                    dataset=dataset, partitions=tuple(sorted(keys)), difference=told, findings=()
                )
            )
    return found


@contextmanager
def _branch(lake: Lake) -> Iterator[branches.Branch]:
    made = branches.create(lake, f"canary_{os.getpid()}")
    try:
        yield made
    finally:
        branches.drop(lake, made.name)


def _differs(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, base: int, where: str
) -> Difference:
    now = table(dataset.name)
    then = f"{now} at (version => {base})"
    try:
        connection.execute(f"describe select * from {then}")
    except duckdb.CatalogException:  # it was not there: everything is new
        columns = ", ".join(
            f"null::{kind} as {quote(n)}" for n, kind in stored(connection, dataset).items()
        )
        then = f"(select {columns} limit 0)"
    return difference(connection, dataset, then, now, where)
