"""Rows that were put aside, each with how it stands now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import duckdb

from watermain.declare.errors import ChangedRowsError
from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake
from watermain.lake.ledger import PUBLISHES, QUARANTINE, VERDICTS, last

OPEN = "open"
ASIDE_ID = (
    "md5(concat_ws(chr(31), dataset, case when epoch is null then batch_id end, partition,"
    " position, rule, payload))"
)
# A computed row stands as long as the publish that put it aside is its partition's last.
ASIDE = f"""
with listed as (
    select *, {ASIDE_ID} as aside_id from {QUARANTINE} where dataset = coalesce(?, dataset)
),
standing as (
    select dataset, partition, {last("epoch")} as last_epoch from {PUBLISHES} group by all
),
decided as (
    select aside_id, arg_max(verdict, decided_at) as verdict from {VERDICTS} group by aside_id
)
select listed.*, coalesce(rule, reason) as why,
    case when verdict is not null then verdict
        when epoch is not null and epoch <> last_epoch then 'recomputed'
        else '{OPEN}' end as status
from listed left join standing using (dataset, partition) left join decided using (aside_id)
"""


class Ruling(NamedTuple):
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
    connection: duckdb.DuckDBPyConnection, dataset: str, relation: str, verdict: Ruling
) -> int:
    """Write a verdict for every row of a relation's `aside_id`, in the caller's transaction."""
    row = connection.execute(
        f"insert into {VERDICTS} by name select distinct aside_id, ? as dataset, ? as verdict,"
        " ? as reason, ? as decided_by, ? as contract_version, ? as run_id, ? as decided_at"
        f" from {relation}",
        [dataset, *verdict],
    ).fetchone()
    return int(row[0]) if row else 0


def forget(lake: Lake, name: DatasetName, older_than: timedelta, wait_seconds: float) -> int:
    """Delete rows that are open no more, and were put aside and decided about before; count them.

    Guarantees: a snapshot of its own under the dataset's lease; open rows stay, which is proved
    before the commit.
    Raises: ChangedRowsError; LostLeaseError, when the lease does not come free in that time.
    """
    before = datetime.now(UTC) - older_than
    with (
        lake.fence.lease(str(name), wait_seconds=wait_seconds) as lease,
        lake.get_connection() as connection,
    ):
        connection.execute(
            f"create or replace temp table watermain_over as select aside_id from ({ASIDE}) as a"
            f" where status <> '{OPEN}' and quarantined_at < ? and not exists (select 1 from"
            f" {VERDICTS} v where v.aside_id = a.aside_id and v.decided_at >= ?)",
            [str(name), before, before],
        )
        if not connection.execute("select 1 from watermain_over limit 1").fetchone():
            return 0
        with lake.transaction(connection, lease, f"forget rows put aside of {name}"):
            still = _open(connection, name)
            done = _deleted(connection, QUARANTINE, ASIDE_ID, name)
            _deleted(connection, VERDICTS, "aside_id", name)
            _prove_open(name, still, _open(connection, name))
        return done


def _deleted(
    connection: duckdb.DuckDBPyConnection, table: str, aside_id: str, name: DatasetName
) -> int:
    row = connection.execute(
        f"delete from {table} where dataset = ? and {aside_id} in (from watermain_over)",
        [str(name)],
    ).fetchone()
    return int(row[0]) if row else 0


def _open(connection: duckdb.DuckDBPyConnection, name: DatasetName) -> tuple[Any, ...] | None:
    """The open rows of a dataset: how many, and a sum that knows each."""
    return connection.execute(
        f"select count(*), sum(hash(aside_id)::hugeint) from ({ASIDE}) where status = '{OPEN}'",
        [str(name)],
    ).fetchone()


def _prove_open(name: DatasetName, before: object, after: object) -> None:
    """Compare the open rows before with those after.

    Raises: ChangedRowsError.
    """
    if before != after:
        raise ChangedRowsError(
            f"{name}: open rows in quarantine would have changed from {before} to {after}",
            declared="watermain/lake/quarantine.py",
            data="unchanged; every row put aside is still there",
            next=f"watermain quarantine list {name}",
        )


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, values: list[object]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connection.execute(sql, values).to_arrow_table().to_pylist()
    return found
