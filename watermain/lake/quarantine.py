"""Rows that were put aside, each with how it stands now."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from watermain.lake.ledger import PUBLISHES, QUARANTINE, VERDICTS, last

OPEN = "open"
# A computed row stands as long as the publish that put it aside is its partition's last.
ASIDE = f"""
with listed as (
    select *, md5(concat_ws(chr(31), dataset, batch_id_of, partition, position, rule, payload))
        as aside_id
    from (select *, case when epoch is null then batch_id end as batch_id_of from {QUARANTINE})
    where dataset = coalesce(?, dataset)
),
standing as (
    select dataset, partition, {last("epoch")} as last_epoch from {PUBLISHES} group by all
),
decided as (
    select aside_id, arg_max(verdict, decided_at) as verdict from {VERDICTS} group by aside_id
)
select listed.* exclude (batch_id_of), coalesce(rule, reason) as why,
    case when verdict is not null then verdict
        when epoch is not null and epoch <> last_epoch then 'recomputed'
        else '{OPEN}' end as status
from listed left join standing using (dataset, partition) left join decided using (aside_id)
"""


class Verdict(NamedTuple):
    """What was decided about rows, by whom and why."""

    verdict: str
    reason: str
    decided_by: str
    contract_version: str
    run_id: str
    decided_at: datetime


def counted(connection: duckdb.DuckDBPyConnection, dataset: str | None) -> list[dict[str, Any]]:
    """Rows by dataset, partition, cause and status."""
    return _rows(
        connection,
        "select dataset, partition, why, status, count(*) as rows,"
        f" max(quarantined_at) as latest_at from ({ASIDE}) group by all order by all",
        [dataset],
    )


def listed(
    connection: duckdb.DuckDBPyConnection, dataset: str, where: str = "true"
) -> list[dict[str, Any]]:
    """The rows of a dataset for which a condition over the columns above holds."""
    return _rows(
        connection,
        f"select * from ({ASIDE}) where {where} order by partition, position, aside_id",
        [dataset],
    )


def touched(connection: duckdb.DuckDBPyConnection, dataset: str, run_id: str) -> bool:
    """Whether a run put rows aside, or decided about some."""
    row = connection.execute(
        f"select (select count(*) from {QUARANTINE} where dataset = $1 and run_id = $2)"
        f" + (select count(*) from {VERDICTS} where dataset = $1 and run_id = $2)",
        [dataset, run_id],
    ).fetchone()
    return bool(row and row[0])


def decide(
    connection: duckdb.DuckDBPyConnection, dataset: str, relation: str, verdict: Verdict
) -> int:
    """Write a verdict for every row of a relation's `aside_id`, in the caller's transaction."""
    row = connection.execute(
        f"insert into {VERDICTS} by name select distinct aside_id, ? as dataset, ? as verdict,"
        " ? as reason, ? as decided_by, ? as contract_version, ? as run_id, ? as decided_at"
        f" from {relation}",
        [dataset, *verdict],
    ).fetchone()
    return int(row[0]) if row else 0


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, values: list[object]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connection.execute(sql, values).to_arrow_table().to_pylist()
    return found
