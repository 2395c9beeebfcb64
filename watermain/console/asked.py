"""The lake's ledger, asked in a process that ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from watermain.clock import Clock, instant_of
from watermain.declare.errors import UnreachableSystemError, WatermainError
from watermain.settings import child_environment

PATIENCE = timedelta(minutes=2)
DAY = timedelta(days=1)
MOST_PUBLISHES = 12  # of each dataset
SINCE = {"costs": 28 * DAY, "dearest": 7 * DAY, "changes": 7 * DAY, "repeats": 7 * DAY}
UNTOLD = "not known: Dagster's web server does not answer"
# The ledger's tables by the words in braces; the last columns of each become the facts of a row.
QUERIES = {
    "publishes": """
        select dataset, partition, epoch_us(published_at) as published_at, rows_in, rows_out,
            coalesce(rows_quarantined, 0) as rows_aside, seconds, bytes, contract_version, run_id,
            failing
        from {publishes}
        qualify row_number() over (
            partition by dataset order by epoch desc, published_at desc, rowid desc) <= {most}
        order by dataset, epoch desc, published_at desc, rowid desc""",
    "costs": """
        select strftime(published_at, '%Y-%m-%d') as day, sum(seconds) as seconds,
            sum(bytes)::double as bytes, count(*) as partitions
        from {publishes} where published_at >= {since} group by all order by day""",
    "dearest": """
        select dataset, sum(seconds) as seconds, sum(bytes)::double as bytes
        from {publishes} where published_at >= {since}
        group by all order by seconds desc, dataset limit 10""",
    "failing": """
        select dataset, partition, epoch_us(published_at) as published_at, failing, rows_out
        from {last} where coalesce(failing, '{{}}') <> '{{}}'
        order by published_at desc limit 100""",
    "changes": """
        select dataset, epoch_us(published_at) as at, version_before, contract_version
        from (select *, lag(contract_hash) over before as hash_before,
                  lag(contract_version) over before as version_before
              from {publishes}
              window before as (partition by dataset order by epoch, published_at, rowid))
        where hash_before <> contract_hash and published_at >= {since}
        order by published_at desc limit 50""",
    "drift": """
        select dataset, epoch_us(seen_at) as at, column_name, outcome
        from {drift} where seen_at >= {since} order by seen_at desc limit 50""",
    "streams": """
        select stream, shard, max_by(to_position, (epoch, committed_at)) as position,
            count(*) as batches, sum(rows)::bigint as rows,
            sum(quarantined)::bigint as rows_aside, sum(repeated)::bigint as repeated,
            sum(late)::bigint as late, epoch_us(max(committed_at)) as committed_at,
            epoch_us(max(watermark_at)) as watermark_at
        from {batches} group by all order by max(committed_at) desc, stream, shard limit 300""",
    "repeats": """
        select stream, case when coalesce(repeated, 0) = 0 then 0
            when repeated < 0.01 * rows_in then 1 when repeated < 0.1 * rows_in then 2
            when repeated < 0.5 * rows_in then 3 else 4 end as bucket, count(*) as batches
        from {batches} where committed_at >= {since} group by all order by stream, bucket""",
}
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class LedgerAnswer:
    """What the ledger and Dagster told.

    Shapes: `publishes` has the last ones of each dataset as the text of a JSON list, which weighs
    a tenth of its objects; `failed_runs` and `locations` are None where Dagster did not answer.
    """

    publishes: Mapping[str, str]
    costs: Sequence[Row] = ()
    dearest: Sequence[Row] = ()
    failing: Sequence[Row] = ()
    changes: Sequence[Row] = ()
    drift: Sequence[Row] = ()
    streams: Sequence[Row] = ()
    repeats: Sequence[Row] = ()
    failed_runs: Sequence[Row] | None = None
    locations: Mapping[str, str] | None = field(default=None)

    def last(self, name: str) -> list[dict[str, Any]]:
        """The last publishes of a dataset, newest first."""
        found: list[dict[str, Any]] = json.loads(self.publishes.get(name, "[]"))
        return [each | {"published_at": instant_of(each["published_at"])} for each in found]


class AskedLedger:
    """Ask the ledger without holding an engine between the questions."""

    def __call__(self) -> LedgerAnswer:
        """What they tell now.

        Raises: UnreachableSystemError.
        """
        command = [sys.executable, "-m", "watermain.console.asked"]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=PATIENCE.total_seconds(),
                env=child_environment(),
                check=True,
            )
            return LedgerAnswer(**json.loads(done.stdout))
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            said = str(getattr(error, "stderr", None) or error).strip().splitlines()
            raise UnreachableSystemError(
                f"the ledger gave no answer: {said[0] if said else error}",
                declared="the ledger, room upkeep",
                data="what was read before is shown",
                next="watermain doctor",
            ) from error


def main() -> None:
    """Answer: JSON on the standard output."""
    from watermain.process.web import Web
    from watermain.settings import load_settings

    settings, now = load_settings(), Clock().now()
    try:
        facts = of_ledger(now)
    except WatermainError as error:
        sys.exit(error.what)
    try:
        web = Web(f"http://127.0.0.1:{settings.port}")
        facts |= {"failed_runs": _failed(web.failed(now - DAY)), "locations": web.locations()}
    except WatermainError:
        pass  # they stay unknown, which the pages say
    json.dump(facts, sys.stdout)


def of_ledger(now: datetime) -> dict[str, Any]:
    """What the ledger tells; nothing where there is no lake, which a question would make.

    Raises: UnreachableSystemError, OtherLakeError.
    """
    from watermain.lake import ledger
    from watermain.lake.lake import Lake

    lake = Lake.from_settings()
    if not _stands(lake.dsn()):
        return {"publishes": {}}
    words: dict[str, Any] = {
        "publishes": ledger.PUBLISHES,
        "batches": ledger.BATCHES,
        "drift": ledger.DRIFT,
        "last": ledger.last_publishes(),
        "most": MOST_PUBLISHES,
    }
    found = dict[str, Any]()
    with lake.get_connection() as connection:
        for name, query in QUERIES.items():
            since = (now - SINCE.get(name, 28 * DAY)).astimezone(UTC)
            asked = query.format(**words, since=f"timestamptz '{since.isoformat()}'")
            answer = connection.execute(asked)
            names = [column[0] for column in answer.description or ()]
            found[name] = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    return found | {"publishes": _by_dataset(found["publishes"])}


def _stands(dsn: str) -> bool:
    """Whether there is a lake with a ledger."""
    import psycopg

    from watermain.lake.catalog import unreachable

    try:
        with psycopg.connect(dsn) as connection:
            row = connection.execute("select to_regclass('ducklake_table') is not null").fetchone()
            if not row or not row[0]:
                return False
            row = connection.execute(
                "select count(*) from ducklake_table where table_name in ('publishes', 'batches',"
                " 'drift') and end_snapshot is null"
            ).fetchone()
    except psycopg.OperationalError as error:
        raise unreachable(error, data="nothing was read") from error
    return bool(row and row[0] >= 3)


def _by_dataset(rows: Iterable[Row]) -> dict[str, str]:
    found = dict[str, list[Row]]()
    for row in rows:
        told = {k: v for k, v in row.items() if k != "dataset"}
        found.setdefault(row["dataset"], []).append(told)
    return {name: json.dumps(each) for name, each in found.items()}


def _failed(runs: Iterable[Row]) -> list[Row]:
    """Each run that failed: what it was of, which partitions, when it ended."""
    return [
        {
            "run": run["runId"],
            "datasets": [".".join(key["path"]) for key in run.get("assetSelection") or ()],
            "partitions": _partitions({t["key"]: t["value"] for t in run.get("tags") or ()}),
            "at": run.get("endTime") or run.get("startTime"),
        }
        for run in runs
    ]


def _partitions(tags: Mapping[str, str]) -> str:
    """The span that a run is of, as Dagster's tags tell it."""
    single = tags.get("dagster/partition", "")
    first = tags.get("dagster/asset_partition_range_start", single)
    last = tags.get("dagster/asset_partition_range_end", single)
    return first if first == last else f"{first} to {last}"


if __name__ == "__main__":
    main()
