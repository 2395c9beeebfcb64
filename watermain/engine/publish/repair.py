"""Damaged data files replaced by what their partitions are computed from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import DamagedDataError, TransientError, WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.publish.damage import spans_of
from watermain.engine.publish.publication import Cut, Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import ledger
from watermain.lake.rest.inventory import DATA, Listed, inventory
from watermain.lake.rest.verification import Verified

Known = Mapping[DatasetName, Dataset]


@dataclass(frozen=True, kw_only=True)
class Repair:
    """What came of damage: publishes that replaced files, and what cannot be rebuilt and why."""

    done: list[Publication] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def partitions(self) -> int:
        """How many partitions were computed anew."""
        return sum(len(p.outcomes) for p in self.done)

    @property
    def facts(self) -> dict[str, object]:
        """The same for a script."""
        rebuilt = [
            {"dataset": str(p.dataset.name), "partitions": [o.partition for o in p.outcomes]}
            for p in self.done
        ]
        return {"rebuilt": rebuilt, "left": self.left}


def repair(broken: Sequence[Verified], known: Known, job: Job) -> Repair:
    """Compute the partitions of damaged files anew, inputs before what is computed from them.

    Shapes: `left` says by a file's path below the lake's folder why it was not replaced.
    Guarantees: the snapshot that holds the new rows is the first without the damaged file; readers
    see no partition without its rows; what is captured is named, as is what to capture again.
    """
    made = Repair()
    present = [v.listed for v in broken if v.listed.is_read]
    job.lake.initialize()  # the fence of an older release does not retire files
    of: dict[DatasetName, list[Listed]] = {}
    for listed in present:
        of.setdefault(DatasetName.parse(listed.dataset), []).append(listed)
    for name in _in_order(of, known):
        dataset = known.get(name)
        if dataset is None or not dataset.is_computed:
            made.left.update(_named(of[name], dataset, job))
            continue
        try:
            made.done.extend(_replaced(dataset, of[name], job))
        except TransientError:
            raise
        except WatermainError as error:
            made.left.update({f.file: f"{error.what}; {error.next}" for f in of[name]})
        except duckdb.Error as error:
            reason = str(error).splitlines()[0][:200]
            why = f"the engine cannot do without it, restore the file from a backup: {reason}"
            made.left.update({f.file: why for f in of[name]})
    return made


def refuse_lost_history(dataset: Dataset) -> None:
    """Refuse to compute anew what was made of rows that no input holds any more.

    Raises: DamagedDataError.
    """
    if dataset.keeps_history:
        raise DamagedDataError(
            f"{dataset.name} keeps a history that stands nowhere else",
            declared=dataset.declared,
            data="unchanged",
            next=f"restore the file from a backup, then watermain verify {dataset.name}",
        )


def _replaced(dataset: Dataset, files: Sequence[Listed], job: Job) -> Iterator[Publication]:
    """Publish the partitions of damaged files without them, a group of files at a time."""
    refuse_lost_history(dataset)
    if "filename" in dataset.contract.schema.names:
        raise DamagedDataError(
            f"{dataset.name} has a column `filename`, so that no damaged file can be left out",
            declared=dataset.declared,
            data="unchanged",
            next=f"restore the file from a backup, then watermain verify {dataset.name}",
        )
    numbers = {f.number for f in files}
    read = [f for f in inventory(job.lake, [dataset.name]) if f.is_read and f.kind == DATA]
    hurt = tuple(f.path for f in read if f.number in numbers)
    for span, group in _groups(dataset, read, job):
        own = tuple(f.path for f in group)
        if set(own).isdisjoint(hurt):
            continue
        cut = Cut(paths=(*own, *hurt), numbers=tuple(f.number for f in group))
        done = publish(dataset, span, replace(job, rebuild=True, cut=cut))
        done.refuse_blocked()
        yield done
        hurt = tuple(p for p in hurt if p not in own)


def _groups(
    dataset: Dataset, read: Sequence[Listed], job: Job
) -> Iterator[tuple[Span | None, list[Listed]]]:
    """Files by the partitions that they hold; files that share a partition stay together.

    A group is retired as a whole: the engine opens every file of deletes to delete a single row.
    """
    cadence, spans = dataset.cadence, spans_of(job.lake, dataset, read)
    if cadence is None:
        yield None, list(read)
        return
    with job.lake.get_connection() as connection:
        keys = sorted(ledger.latest(connection, dataset.name))
    whole = Span(cadence, keys[0], keys[-1])
    group: list[Listed] = []
    around = whole
    named = [(spans[f.number] or whole, f) for f in read]
    for span, file in sorted(named, key=lambda pair: pair[0].first):
        if group and span.first <= around.last:
            around = replace(around, last=max(span.last, around.last))
            group.append(file)
            continue
        if group:
            yield around, group
        around, group = span, [file]
    if group:
        yield around, group


def _named(files: Sequence[Listed], dataset: Dataset | None, job: Job) -> dict[str, str]:
    """Why files of raw, of the ledger and of what nobody declares any more cannot be rebuilt."""
    if dataset is None:
        return {f.file: "no room declares it: restore the file from a backup" for f in files}
    with job.lake.get_connection() as connection:
        told = {f.file: _batches(connection, dataset, f) for f in files}
    end = dataset.origin.again or "restore the file from a backup"
    return {
        file: f"captured, so nothing here can rebuild it: restore the file from a backup, or {end}"
        f"{batches}"
        for file, batches in told.items()
    }


def _batches(connection: duckdb.DuckDBPyConnection, dataset: Dataset, listed: Listed) -> str:
    """The batches that were committed with a file, as the ledger has them."""
    rows = [
        row
        for row in ledger.batches_at(connection, listed.begun)
        if row.stream == str(dataset.name)
    ]
    told = [f"{r.shard} from {r.from_position or 'its beginning'} to {r.to_position}" for r in rows]
    return f" ({'; '.join(told)})" if told else ""


def _in_order(of: Mapping[DatasetName, object], known: Known) -> list[DatasetName]:
    """Datasets in the order in which they are computed from each other."""
    needs = {n: set(d.upstream) for n, d in known.items()}
    order = [*TopologicalSorter(needs).static_order(), *of]
    return [n for n in dict.fromkeys(order) if n in of]
