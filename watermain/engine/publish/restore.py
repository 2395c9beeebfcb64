"""Partitions put in place as they stand elsewhere: in a branch, in an older snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    BranchError,
    BrokenContractError,
    LostLeaseError,
    UnknownSnapshotError,
)
from watermain.declare.name import DatasetName
from watermain.engine.publish.damage import between, prove_whole
from watermain.engine.publish.publication import Job, Outcome, Publication
from watermain.engine.table.partition import spans
from watermain.engine.table.table import change_shape, engine_types, stored, stored_schema
from watermain.failpoint import failpoint
from watermain.lake import branch as branches
from watermain.lake import ledger
from watermain.lake.fence import Lease
from watermain.lake.lake import Lake, quote, table, text
from watermain.lake.rest import signed_zero
from watermain.lake.rest.verification import record

OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was put in place: a dataset's partitions, each as the ledger now has it."""

    dataset: Dataset
    rows: tuple[ledger.PublishRow, ...]
    snapshot: int

    @property
    def publication(self) -> Publication:
        """The same, as Dagster is told of every publish."""
        outcomes = [
            Outcome(
                partition=row.partition,
                rows_in=row.rows_in,
                rows_out=row.rows_out,
                data_version=row.data_version,
                findings=(),
                published=True,
            )
            for row in self.rows
        ]
        return Publication(
            dataset=self.dataset,
            outcomes=tuple(outcomes),
            code_version=self.rows[0].code_version if self.rows else "",
            input_snapshot=self.snapshot,
            output_snapshot=self.snapshot,
            seconds=0.0,
            bytes=0,
            peak_memory=0,
        )


def promote(name: str, job: Job) -> list[Restored]:
    """Publish what a branch built, all its datasets in one transaction of the lake.

    Guarantees: all or nothing; rows that the branch put aside wait in the lake; a partition that
    the lake published since the branch was made is not overwritten; done again it changes nothing.
    Raises: BranchError or LostLeaseError; DamagedDataError, for what is not as it was written.
    """
    branch = branches.find(job.lake, name)
    with job.lake.get_connection() as connection, _attached(connection, job.lake.on(name)):
        built = _built(connection, branch.base)
        if not built:
            raise BranchError(
                f"the branch `{name}` built nothing",
                declared=f"watermain branch diff {name}",
                data="unchanged",
                next=f"watermain branch build {name} <dataset>",
            )
        datasets = {n: job.find(n) for n in sorted(built)}
        _prove_whole(job.lake.on(name), datasets, built)
        with _leases(job.lake, datasets) as leases:
            _prove_unmoved(connection, branch, built)
            done = _promoted(connection, job, datasets, built, leases)
        return [replace(each, snapshot=job.lake.snapshot(connection)) for each in done]


def rollback(dataset: Dataset, snapshot: int, job: Job) -> Restored:
    """Restore a dataset as an older snapshot had it, in one transaction.

    Guarantees: readers see it as before or as restored; rows put aside then wait again, unless
    they were discarded since; partitions that stand as they did are left alone; downstream
    learns of it by the partitions' data versions.
    Raises: UnknownSnapshotError; BrokenContractError, when the table then had other columns;
    BranchError, for what is captured; LostLeaseError; or DamagedDataError, when a file of then is
    not as it was written.
    """
    if not dataset.is_computed:
        raise BranchError(
            f"{dataset.name} is captured, not computed: its positions would stay ahead of its rows",
            declared=dataset.declared,
            data="unchanged; raw keeps every change, so nothing in it needs to be taken back",
            next="watermain rollback the datasets that are computed from it",
        )
    with (
        job.lake.fence.lease(str(dataset.name)) as lease,
        job.lake.get_connection() as connection,
    ):
        source = f"{table(dataset.name)} at (version => {snapshot})"
        _prove_known(connection, dataset, snapshot)
        _prove_shape(connection, dataset, source, snapshot)
        then = ledger.latest(connection, dataset.name, snapshot)
        now = ledger.latest(connection, dataset.name)
        moved = [k for k in {*then, *now} if _version(then, k) != _version(now, k)]
        rows = [_row(dataset, k, then.get(k), lease, job) for k in sorted(moved)]
        if rows:
            data = "unchanged; readers see it as it is"
            time = between(dataset, moved)
            unvouched = prove_whole(
                job.lake, connection, dataset, snapshot=snapshot, time=time, data=data
            )
            record(job.lake, connection, unvouched, run_id=job.run_id, now=job.clock.now())
            message = f"roll back {dataset.name} to {snapshot} by {job.run_id}"
            with job.lake.transaction(connection, lease, message):
                _put(connection, dataset, sorted(moved), source)
                _keep_beside(connection, [then[k] for k in moved if k in then], lease)
                failpoint("rollback.after_rows_before_ledger")
                ledger.append(connection, rows)
                failpoint("rollback.after_ledger_before_commit")
        return Restored(dataset=dataset, rows=tuple(rows), snapshot=job.lake.snapshot(connection))


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, branch: Lake) -> Iterator[None]:
    """Have the catalog of a branch beside the lake's, for reading."""
    connection.execute(
        f"attach {branch.source} as {OTHER} (data_path {text(branch.folder)},"
        f" metadata_schema {text(branch.schema_of_catalog)}, read_only)"
    )
    try:
        yield
    finally:
        connection.execute(f"detach {OTHER}")


def _built(
    connection: duckdb.DuckDBPyConnection, base: int
) -> dict[DatasetName, dict[str, ledger.PublishRow]]:
    """The partitions that a branch published, each with its last ledger row."""
    found: dict[DatasetName, dict[str, ledger.PublishRow]] = {}
    for row in ledger.publishes_since(connection, OTHER, base):
        found.setdefault(DatasetName.parse(row.dataset), {})[row.partition] = row
    return found


@contextmanager
def _leases(lake: Lake, datasets: Mapping[DatasetName, Dataset]) -> Iterator[list[Lease]]:
    """The leases of all, taken in the order of names so that no two wait for each other."""
    with ExitStack() as stack:
        yield [stack.enter_context(lake.fence.lease(str(name))) for name in sorted(datasets)]


def _prove_whole(
    branch: Lake,
    datasets: Mapping[DatasetName, Dataset],
    built: Mapping[DatasetName, Mapping[str, ledger.PublishRow]],
) -> None:
    with branch.get_connection() as connection:
        for name, dataset in datasets.items():
            time = between(dataset, built[name])
            prove_whole(branch, connection, dataset, time=time, data="nothing was promoted")


def _prove_unmoved(
    connection: duckdb.DuckDBPyConnection,
    branch: branches.Branch,
    built: Mapping[DatasetName, Mapping[str, ledger.PublishRow]],
) -> None:
    for name, partitions in built.items():
        now = ledger.latest(connection, name)
        then = ledger.latest(connection, name, branch.base, catalog=OTHER)
        # One that has the branch's own version was promoted by a run that could not tell of it.
        moved = sorted(
            k
            for k in partitions
            if _version(now, k) not in (_version(then, k), _version(partitions, k))
        )
        if moved:
            raise LostLeaseError(
                f"{name}: {len(moved)} partitions were published since the branch"
                f" `{branch.name}` was made, the first of them [{moved[0]}]",
                declared=f"the ledger, since snapshot {branch.base}",
                data="nothing was promoted; readers see what was published since",
                next=f"watermain branch drop {branch.name}, then build it anew",
            )


def _promoted(
    connection: duckdb.DuckDBPyConnection,
    job: Job,
    datasets: Mapping[DatasetName, Dataset],
    built: Mapping[DatasetName, Mapping[str, ledger.PublishRow]],
    leases: list[Lease],
) -> list[Restored]:
    done = []
    message = f"promote {', '.join(map(str, datasets))} by {job.run_id}"
    with job.lake.transaction(connection, leases[0], message, *leases[1:]):
        for (name, dataset), lease in zip(datasets.items(), leases, strict=True):
            keys = sorted(built[name])
            _fit(connection, dataset, keys)
            _put(connection, dataset, keys, f"{OTHER}.{quote(name.schema)}.{quote(name.table)}")
            _keep_beside(connection, [built[name][k] for k in keys], lease, catalog=OTHER)
            failpoint("promote.after_rows_before_ledger")
            rows = [_row(dataset, k, built[name][k], lease, job) for k in keys]
            ledger.append(connection, rows)
            done.append(Restored(dataset=dataset, rows=tuple(rows), snapshot=0))
        failpoint("promote.after_ledger_before_commit")
    return done


def _fit(connection: duckdb.DuckDBPyConnection, dataset: Dataset, keys: list[str]) -> None:
    """Give the lake's table the columns of the declaration, inside the transaction."""
    wanted = engine_types(connection, stored_schema(dataset))
    before = stored(connection, dataset)
    if before == wanted:
        return
    kept = {n: t for n, t in before.items() if wanted.get(n) == t}
    anew = bool(before) and kept != before
    standing = set(ledger.latest(connection, dataset.name))
    if anew and not standing <= set(keys):
        raise BrokenContractError(
            f"{dataset.name}: its columns change type or end, {len(standing - set(keys))}"
            " partitions were not built in the branch",
            declared=dataset.declared,
            data="nothing was promoted",
            next="build every partition in the branch, then promote again",
        )
    change_shape(connection, dataset, {} if anew else before, wanted)


def _put(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, keys: list[str], source: str
) -> None:
    """Replace partitions of the lake's table by those of another relation."""
    columns = ", ".join(quote(n) for n in stored_schema(dataset).names)
    target, floats = table(dataset.name), signed_zero.floating(stored_schema(dataset))
    cadence = dataset.cadence
    cuts = [s.filter(dataset.contract) for s in spans(cadence, keys)] if cadence else ["true"]
    for where in cuts:
        connection.execute(f"delete from {target} where {where}")
        rows = f"select {columns} from {source} where {where}"
        signed_zero.written(connection, target, rows, floats)


def _keep_beside(
    connection: duckdb.DuckDBPyConnection,
    rows: Sequence[ledger.PublishRow],
    lease: Lease,
    *,
    catalog: str = "lake",
) -> None:
    """Let what publishes left beside their rows stand with them: rows put aside, and means."""
    renamed = {ledger.QUARANTINE: f", 'epoch {lease.epoch}' as batch_id", ledger.MEANS: ""}
    for kept, more in renamed.items():
        connection.execute(
            f"insert into {kept} by name select * replace ({lease.epoch} as epoch{more})"
            f" from {kept.replace('lake.', f'{catalog}.')} where dataset = ?"
            " and (partition, epoch) in (select unnest(?::varchar[]), unnest(?::bigint[]))",
            [lease.dataset, [r.partition for r in rows], [r.epoch for r in rows]],
        )


def _prove_known(connection: duckdb.DuckDBPyConnection, dataset: Dataset, snapshot: int) -> None:
    """See that the lake has a snapshot.

    Raises: UnknownSnapshotError.
    """
    row = connection.execute(
        "select min(snapshot_id), max(snapshot_id), count(*) filter (snapshot_id = ?)"
        " from lake.snapshots()",
        [snapshot],
    ).fetchone() or (0, 0, 0)
    if not row[2]:
        raise _unknown(
            dataset, f"there is no snapshot {snapshot}; the lake's run from {row[0]} to {row[1]}"
        )


def _unknown(dataset: Dataset, what: str) -> UnknownSnapshotError:
    return UnknownSnapshotError(
        f"{dataset.name}: {what}",
        declared=dataset.declared,
        data="unchanged",
        next=f"take a number that this tells: watermain history {dataset.name}",
    )


def _prove_shape(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: str, snapshot: int
) -> None:
    try:
        rows = connection.execute(f"describe select * from {source}").fetchall()
    except duckdb.CatalogException as error:
        raise _unknown(dataset, f"snapshot {snapshot} has no such table yet") from error
    then = {str(r[0]): str(r[1]) for r in rows}
    now = stored(connection, dataset)
    if then != now:
        names = sorted(n for n in {*then, *now} if then.get(n) != now.get(n))
        raise BrokenContractError(
            f"{dataset.name}: snapshot {snapshot} had other columns: {', '.join(names)}",
            declared=dataset.declared,
            data="unchanged; readers see the table as it is",
            next=f"go back to the code of then, then: watermain replay {dataset.name}",
        )


def _version(rows: Mapping[str, ledger.PublishRow], key: str) -> str | None:
    return (rows[key].data_version or None) if key in rows else None


def _row(
    dataset: Dataset, key: str, row: ledger.PublishRow | None, lease: Lease, job: Job
) -> ledger.PublishRow:
    """The ledger's word for a partition put in place; one that was not there holds no row."""
    now = job.clock.now()
    if row is not None:
        return replace(row, epoch=lease.epoch, run_id=job.run_id, published_at=now)
    contract = dataset.contract
    return ledger.PublishRow(
        dataset=str(dataset.name),
        partition=key,
        data_version="",
        code_version="",
        contract_version=contract.version,
        contract_hash=contract.hash,
        rows_in=0,
        rows_out=0,
        bytes=0,
        seconds=0.0,
        peak_memory=0,
        input_snapshot=0,
        epoch=lease.epoch,
        run_id=job.run_id,
        published_at=now,
    )
