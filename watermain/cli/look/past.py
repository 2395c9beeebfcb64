"""What the ledger knows of a dataset's past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.capture.stream import PREFIX
from watermain.lake import ledger
from watermain.lake.lake import text

# A snapshot that is gone from the lake has no number any more that a command takes.
KEPT = "case when snapshot_id in (select snapshot_id from lake.snapshots()) then snapshot_id end"
PUBLISHED = f"""
with told as (
    select snapshot_id, partition, rows_out, rows_quarantined, input_snapshot, epoch, run_id,
           published_at, data_version, code_version, contract_hash,
           lag(rows_out) over before as rows_then, lag(input_snapshot) over before as read_then,
           lag(data_version) over before as data_then, lag(code_version) over before as code_then,
           lag(contract_hash) over before as contract_then
    from {ledger.PUBLISHES} where dataset = {{dataset}}
    window before as (partition by partition order by epoch, published_at, rowid)
), compared as (
    select *, data_then is null as is_first, data_version = data_then as is_same,
           contract_hash <> contract_then as has_contract,
           code_version <> code_then and not exists (
               select 1 from {ledger.CARRIED} as carried where carried.dataset = {{dataset}}
               and carried.former = code_then and carried.code = code_version) as has_code
    from told where {{only}}
)
select {KEPT} as snapshot, snapshot_id, run_id, max(published_at) as published_at,
       list(partition order by partition) as partitions,
       coalesce(sum(rows_then), 0)::bigint as rows_before, sum(rows_out)::bigint as rows_after,
       coalesce(sum(rows_quarantined), 0)::bigint as rows_aside,
       min(read_then) as read_before, max(input_snapshot) as input_snapshot,
       count(*) filter (is_first) as first, count(*) filter (is_same) as same,
       count(*) filter (not is_first and not is_same and has_contract) as contract,
       count(*) filter (not is_first and not is_same and not has_contract and has_code) as code
from compared group by snapshot_id, run_id order by snapshot_id desc, published_at desc
"""
CAPTURED = f"""
select {KEPT} as snapshot, run_id, committed_at, shard, from_position, to_position, rows,
       quarantined, repeated, late, batch_id,
       (select coalesce(list(partition order by partition), []) from {ledger.PUBLISHES} as p
        where p.dataset = {{dataset}} and p.snapshot_id = b.snapshot_id) as partitions
from {ledger.BATCHES} as b where stream = {{dataset}} and {{only}}
order by b.snapshot_id desc, committed_at desc
"""
READ = f"""
select distinct dataset, snapshot_id from {ledger.PUBLISHES} where dataset in ({{names}})
"""
Told = tuple[list[dict[str, Any]], int]


def publishes(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, partition: str | None, limit: int
) -> Told:
    """The last publishes of a computed dataset, newest first, and how many there are."""
    only = "true" if partition is None else f"partition = {text(partition)}"
    found, whole = _asked(connection, PUBLISHED, dataset.name, only, limit)
    news = _news(connection, dataset.upstream) if found else {}
    return [_publish(each, news) for each in found], whole


def captures(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, partition: str | None, limit: int
) -> Told:
    """The last batches of a captured dataset, newest first, and how many there are."""
    only = "true"
    if partition is not None:
        only = (
            f"b.snapshot_id in (select p.snapshot_id from {ledger.PUBLISHES} as p where"
            f" p.dataset = {text(str(dataset.name))} and p.partition = {text(partition)})"
        )
    return _asked(connection, CAPTURED, dataset.name, only, limit)


def by(run_id: str) -> str:
    """Who published, as people say it.

    >>> by("stream:5cf3"), by("237ef447-43dd-41f4-8b9d-483f271b7806"), by("rollback")
    ('a stream', 'run 237ef447', 'rollback')
    """
    if run_id.startswith(PREFIX):
        return "a stream"
    return f"run {run_id[:8]}" if len(run_id) == 36 and run_id.count("-") == 4 else run_id


def _asked(
    connection: duckdb.DuckDBPyConnection, query: str, name: DatasetName, only: str, limit: int
) -> Told:
    asked = query.format(dataset=text(str(name)), only=only)
    counted = connection.execute(f"select count(*) from ({asked})").fetchone()
    rows = connection.execute(f"{asked} limit {limit}").to_arrow_table().to_pylist()
    return rows, int(counted[0]) if counted else 0


def _news(
    connection: duckdb.DuckDBPyConnection, names: Iterable[DatasetName]
) -> dict[str, list[int]]:
    """The snapshots in which datasets were published."""
    listed = ", ".join(text(str(n)) for n in names)
    found: dict[str, list[int]] = {}
    rows = connection.execute(READ.format(names=listed)).fetchall() if listed else []
    for name, snapshot in rows:
        found.setdefault(name, []).append(snapshot)
    return found


def _publish(row: dict[str, Any], news: Mapping[str, list[int]]) -> dict[str, Any]:
    told = {k: v for k, v in row.items() if k not in INNER}
    return told | {"why": _why(row, news)}


INNER = ("snapshot_id", "read_before", "first", "same", "contract", "code")


def _why(row: Mapping[str, Any], news: Mapping[str, list[int]]) -> str:
    """Why it was published: each reason, with the number of partitions where there are several."""
    if row["run_id"] == "rollback":
        return "rolled back"
    if row["run_id"].startswith("promote "):
        return f"branch {row['run_id'].removeprefix('promote ')} promoted"
    count = len(row["partitions"])
    counts = {
        "first time": row["first"],
        "contract changed": row["contract"],
        "code changed": row["code"],
        "rebuilt by hand": row["same"],
    }
    counts[_changed(row, news)] = count - sum(counts.values())
    given = {reason: n for reason, n in counts.items() if n}
    if len(given) == 1:
        return next(iter(given))
    return ", ".join(f"{reason} ({n})" for reason, n in given.items())


def _changed(row: Mapping[str, Any], news: Mapping[str, list[int]]) -> str:
    """That inputs changed, and which were published between what was read before and now."""
    before, present = row["read_before"], row["input_snapshot"]
    if before is None:
        return "inputs changed"
    read = [n for n, at in news.items() if any(before < s <= present for s in at)]
    return f"inputs changed: {', '.join(sorted(read))}" if read else "inputs changed"
