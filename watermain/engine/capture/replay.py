"""Rows that were put aside, run through the contract of today or let go for good."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from watermain.declare.column.drift import EXTRA
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.capture.drift import learnt, replayed_columns, sound
from watermain.engine.capture.nested import with_shapes
from watermain.engine.capture.typing_rules import (
    nested_texts,
    reject_reason,
    typed_columns,
    value_of,
)
from watermain.engine.code.code import code_version
from watermain.engine.publish.damage import prove_ledger
from watermain.engine.publish.publication import Job
from watermain.engine.table.row_span import span_of_rows
from watermain.engine.table.table import (
    engine_types,
    ensure_table,
    stored_schema,
)
from watermain.failpoint import failpoint
from watermain.lake import ledger
from watermain.lake.lake import quote, table, text
from watermain.lake.quarantine import ASIDE, OPEN, Ruling, decide
from watermain.lake.rest import signed_zero

AGAIN = "watermain_again"
CHOSEN = "watermain_chosen"
ARRIVED, APART, PLACE = "watermain_arrived", "watermain_apart", "watermain_place"


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came of rows put aside: how many were tried, and how many each partition gained."""

    tried: int
    gained: Mapping[str, int]
    data_version: str


def open_rows(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, int]:
    """How many rows wait in quarantine, by partition; under "" for a captured dataset."""
    found = connection.execute(
        f"select coalesce(partition, ''), count(*) from ({ASIDE}) where status = '{OPEN}'"
        " group by 1 order by 1",
        [str(dataset.name)],
    ).fetchall()
    return {str(k): int(n) for k, n in found}


def replay_captured(dataset: Dataset, job: Job) -> Replayed:
    """Type the open rows of a captured dataset by the contract of today, and keep those that fit.

    Guarantees: rows, their ledger rows and their marks commit in one lake transaction; a row is
    kept once, under the batch that brought it; the others stay in quarantine. What is computed
    from other datasets is replayed by computing its partitions anew.
    """
    message = f"replay quarantined rows of {dataset.name} by {job.run_id}"
    with (
        job.lake.fence.lease(str(dataset.name)) as lease,
        job.lake.get_connection() as connection,
    ):
        ensure_table(job.lake, connection, dataset, lease)
        prove_ledger(job, connection, ledger.QUARANTINE)
        with job.lake.transaction(connection, lease, message):
            tried = _choose(connection, dataset, "json_valid(payload)")
            _type_again(connection, dataset)
            columns = ", ".join(quote(n) for n in stored_schema(dataset).names)
            columns += replayed_columns(connection, dataset, AGAIN)
            floats = signed_zero.floating(stored_schema(dataset))
            again = f"select {columns} from {AGAIN}"
            signed_zero.written(connection, table(dataset.name), again, floats)
            failpoint("replay.after_rows_before_ledger")
            counts = _partitions(connection, dataset)
            ledger.append(connection, _publishes(dataset, job, counts, lease.epoch))
            failpoint("replay.after_ledger_before_verdicts")
            why = f"fits contract {dataset.contract.version}"
            verdict = _verdict(dataset, job, "replayed", why, job.run_id)
            decide(connection, str(dataset.name), AGAIN, verdict)
            failpoint("replay.after_verdicts_before_commit")
        failpoint("replay.after_commit")
    return Replayed(tried=tried, gained=counts, data_version=_version(lease.epoch))


def discard(dataset: Dataset, job: Job, *, why: str, by: str, where: str = "true") -> int:
    """Let open rows go for good; give their number. Who did it, when and why is kept.

    Raises: InvalidDeclarationError, without a reason.
    """
    if not why.strip():
        raise InvalidDeclarationError(
            f"{dataset.name}: rows are discarded for a reason only",
            declared="watermain quarantine discard --reason",
            data="unchanged; the rows are still in quarantine",
            next=f"watermain quarantine show {dataset.name}",
        )
    message = f"discard quarantined rows of {dataset.name} by {by}"
    with (
        job.lake.fence.lease(str(dataset.name)) as lease,
        job.lake.get_connection() as connection,
        job.lake.transaction(connection, lease, message),
    ):
        chosen = _choose(connection, dataset, where)
        decide(connection, str(dataset.name), CHOSEN, _verdict(dataset, job, "discarded", why, by))
        failpoint("discard.after_verdicts_before_commit")
    return chosen


def _choose(connection: duckdb.DuckDBPyConnection, dataset: Dataset, where: str) -> int:
    """Keep the open rows that a condition names; give their number."""
    connection.execute(
        f"create or replace temp table {CHOSEN} as select * from ({ASIDE})"
        f" where status = '{OPEN}' and ({where})",
        [str(dataset.name)],
    )
    row = connection.execute(f"select count(*) from {CHOSEN}").fetchone()
    return int(row[0]) if row else 0


def _verdict(dataset: Dataset, job: Job, verdict: str, why: str, by: str) -> Ruling:
    version, now = dataset.contract.version, job.clock.now()
    return Ruling(verdict, why, by, version, job.run_id, now)


def _type_again(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Type the chosen payloads by the contract of today; keep those that fit, positions and all."""
    schema, word = stored_schema(dataset), dataset.origin
    types = engine_types(connection, schema)
    held = [f.name for f in schema if f.name != "_batch_id"]
    shape = json.dumps(dict.fromkeys([*held, EXTRA], "VARCHAR"), ensure_ascii=False)
    values = typed_columns(dataset, schema, types, held)
    columns = [f"{value_of(n)} as {quote(n)}" for n in held]
    position = word.position_sql("''")
    connection.execute(
        f"create or replace temp table {ARRIVED} as with parsed as materialized (select aside_id,"
        f" batch_id as _batch_id, from_json(payload, {text(shape)}) as held from {CHOSEN})"
        f" select *, row_number() over () as {PLACE}"
        f" from (select * replace ({', '.join(learnt(dataset))})"
        f" from (select * replace ({sound()}) from"
        " (select aside_id, _batch_id, unnest(held) from parsed)))"
    )
    kinds = nested_texts(dataset, held)
    names = ", ".join(map(quote, [PLACE, *kinds]))
    rows = connection.execute(f"select {names} from {ARRIVED}").to_arrow_table()
    connection.register(APART, with_shapes(rows, kinds).drop_columns([*kinds]))
    connection.execute(
        f"create or replace temp table {AGAIN} as"
        f" select {', '.join(columns)}, {quote(EXTRA)}, _batch_id, aside_id"
        f" from (select *, {', '.join(values)} from {ARRIVED} join {APART} using ({PLACE}))"
        f" where {reject_reason(dataset, value_of)} is null and {position} is not null"
        + (f" and {word.row_sql}" if word.row_sql else "")
    )


def _partitions(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, int]:
    """The rows to publish of each partition."""
    key = "''"
    if dataset.cadence is not None and dataset.contract.event_time is not None:
        span = span_of_rows(connection, dataset, AGAIN)
        if span is None:
            return {}
        key = span.key(dataset.contract)
    found = connection.execute(
        f"select {key}, count(*) from {AGAIN} group by 1 order by 1"
    ).fetchall()
    return {str(k): int(n) for k, n in found}


def _version(epoch: int) -> str:
    return f"replay of epoch {epoch}"


def _publishes(
    dataset: Dataset, job: Job, counts: dict[str, int], epoch: int
) -> list[ledger.PublishRow]:
    return [
        ledger.PublishRow(
            dataset=str(dataset.name),
            partition=key,
            data_version=_version(epoch),
            code_version=code_version(dataset),
            contract_version=dataset.contract.version,
            contract_hash=dataset.contract.hash,
            rows_in=count,
            rows_out=count,
            bytes=0,
            seconds=0.0,
            peak_memory=0,
            input_snapshot=0,
            epoch=epoch,
            run_id=job.run_id,
            published_at=job.clock.now(),
        )
        for key, count in counts.items()
    ]
