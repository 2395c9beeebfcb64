"""The ledger: what was captured, what was published, what was put aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple

import duckdb

from watermain.declare.errors import LedgerGapError
from watermain.declare.name import DatasetName

BATCHES = "lake.upkeep_raw.batches"
PUBLISHES = "lake.upkeep_raw.publishes"
QUARANTINE = "lake.upkeep_raw.quarantine"
VERDICTS = "lake.upkeep_raw.quarantine_verdicts"
MEANS = "lake.upkeep_raw.means"
DRIFT = "lake.upkeep_raw.drift"
CARRIED = "lake.upkeep_raw.carried_code"
CHECKSUMS = "lake.upkeep_raw.checksums"
VERIFICATIONS = "lake.upkeep_raw.verifications"
JUDGED = "lake.upkeep_raw.verdicts"
AUDIT = "lake.upkeep_raw.audit"

# The ledger alone keeps rows in the catalog, where a row costs a commit less than a file; its
# columns are plain ones, which the catalog gives back as they came.
INLINED = {"": 500, "publishes": 50, "checksums": 50}  # by table; by the hundred a file costs less

DDL = (
    "create schema if not exists lake.upkeep_raw",
    f"""create table if not exists {BATCHES} (
        stream varchar, shard varchar, from_position varchar, to_position varchar, batch_id varchar,
        rows bigint, quarantined bigint, content_hash varchar, contract_version varchar,
        epoch bigint, run_id varchar, committed_at timestamptz, rows_in bigint, repeated bigint,
        late bigint, late_partitions varchar, newest_at timestamptz, watermark_at timestamptz,
        seconds double)""",
    f"""create table if not exists {PUBLISHES} (
        dataset varchar, partition varchar, data_version varchar, code_version varchar,
        contract_version varchar, contract_hash varchar, rows_in bigint, rows_out bigint,
        bytes bigint, seconds double, peak_memory bigint, input_snapshot bigint, epoch bigint,
        run_id varchar, published_at timestamptz, failing varchar, rows_quarantined bigint)""",
    f"""create table if not exists {QUARANTINE} (
        dataset varchar, batch_id varchar, position varchar, reason varchar, payload varchar,
        contract_version varchar, run_id varchar, quarantined_at timestamptz, partition varchar,
        rule varchar, code_version varchar, epoch bigint)""",
    f"create table if not exists {VERDICTS} (aside_id varchar, dataset varchar, verdict varchar,"
    " reason varchar, decided_by varchar, contract_version varchar, run_id varchar,"
    " decided_at timestamptz)",
    f"""create table if not exists {MEANS} (
        dataset varchar, partition varchar, column_name varchar, mean double, epoch bigint)""",
    f"""create table if not exists {DRIFT} (
        dataset varchar, column_name varchar, outcome varchar, type varchar, shard varchar,
        position varchar, batch_id varchar, rows bigint, contract_version varchar, run_id varchar,
        seen_at timestamptz)""",
    f"create table if not exists {CARRIED} (dataset varchar, former varchar, code varchar)",
    f"create table if not exists {CHECKSUMS} (dataset varchar, file varchar, bytes bigint,"
    " checksum varchar, origin varchar, epoch bigint, vouched_at timestamptz)",
    f"""create table if not exists {VERIFICATIONS} (
        dataset varchar, file varchar, bytes bigint, snapshot bigint, last_snapshot bigint,
        state varchar, why varchar, partitions varchar, run_id varchar, verified_at timestamptz)""",
    f"create table if not exists {JUDGED} (id bigint, dataset varchar, partition varchar,"
    " due_at timestamptz, state varchar, judged_at timestamptz, signed_by varchar, why varchar,"
    " ready_at timestamptz)",
    f"create table if not exists {AUDIT} (id varchar, refused_at timestamptz, kind varchar, who"
    " varchar, dataset varchar, times bigint, detail varchar)",
)

# What a ledger of an earlier release lacks. Each shape that a table ever had costs every reader a
# load of the catalog as it was then: a new ledger has one.
ADDED = {
    BATCHES: {
        "rows_in": "bigint",
        "repeated": "bigint",
        "late": "bigint",
        "late_partitions": "varchar",
        "newest_at": "timestamptz",
        "watermark_at": "timestamptz",
        "seconds": "double",
    },
    PUBLISHES: {"failing": "varchar", "rows_quarantined": "bigint"},
    QUARANTINE: dict.fromkeys(("partition", "rule", "code_version"), "varchar")
    | {"epoch": "bigint"},
}

# A partition stands as its last publish says, the greatest in this order and in no other: clocks of
# two writers differ, and an epoch may publish twice.
_ORDER = ("epoch", "published_at", "rowid")


def last(column: str) -> str:
    """What the last of a group of publishes has in a column, as an aggregate in SQL."""
    return f"arg_max({column}, ({', '.join(_ORDER)}))"


def last_publishes(
    where: str = "true", snapshot: int | None = None, *, catalog: str = "lake"
) -> str:
    """The last publish of each partition of each dataset, as a relation in SQL."""
    at = "" if snapshot is None else f" at (version => {snapshot})"
    return (
        f"(select * from {PUBLISHES.replace('lake.', f'{catalog}.')}{at} where {where}"
        " qualify row_number() over (partition by dataset, partition"
        f" order by {', '.join(f'{name} desc' for name in _ORDER)}) = 1)"
    )


@dataclass(frozen=True, kw_only=True)
class BatchRow:
    """One captured batch.

    Guarantees: rows_in = rows + quarantined + repeated. `late` of the rows came after their
    partition was over, in the partitions of the JSON list `late_partitions`.
    Units: `newest_at` is the newest event time of the shard, and `watermark_at` that of the stream;
    `seconds` of wall time from the batch at hand to its ledger row.
    """

    stream: str
    shard: str
    from_position: str
    to_position: str
    batch_id: str
    rows: int
    quarantined: int
    content_hash: str
    contract_version: str
    epoch: int
    run_id: str
    committed_at: datetime
    rows_in: int
    repeated: int = 0
    late: int = 0
    late_partitions: str = "[]"
    newest_at: datetime | None = None
    watermark_at: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PublishRow:
    """One partition of one dataset, published once; `partition` is "" for an unpartitioned one.

    Units: `bytes` on disk, `seconds` of wall time and `peak_memory` in bytes; these belong to the
    whole publish, shared by its partitions evenly. `failing` counts, as a JSON object, the rows
    that broke a check, for each check that some row broke.
    """

    dataset: str
    partition: str
    data_version: str
    code_version: str
    contract_version: str
    contract_hash: str
    rows_in: int
    rows_out: int
    bytes: int
    seconds: float
    peak_memory: int
    input_snapshot: int
    epoch: int
    run_id: str
    published_at: datetime
    failing: str = "{}"
    rows_quarantined: int = 0


_FAILING = "coalesce(failing, '{}')"
_NAMES = [field.name for field in fields(PublishRow)]
_COLUMNS = ", ".join(_NAMES)


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the ledger's tables where they are missing."""
    for statement in DDL:
        connection.execute(statement)
    for table, columns in ADDED.items():
        stands = {row[0] for row in connection.execute(f"describe {table}").fetchall()}
        for name, kind in columns.items():
            if name not in stands:
                connection.execute(f"alter table {table} add column {name} {kind}")
    for name, most in INLINED.items():
        scope = f", table_name => '{name}'" if name else ""
        connection.execute(
            f"call lake.set_option('data_inlining_row_limit', {most},"
            f" schema => 'upkeep_raw'{scope})"
        )
    # Positions and hashes are half as long, and no engine but the lake's own reads them.
    connection.execute(
        "call lake.set_option('parquet_compression', 'zstd', schema => 'upkeep_raw')"
    )


def append(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[BatchRow] | Sequence[PublishRow]
) -> None:
    """Add rows inside the caller's transaction."""
    if not rows:
        return
    target = BATCHES if isinstance(rows[0], BatchRow) else PUBLISHES
    import pyarrow as pa  # needless to whom only reads

    values = pa.table({f.name: [getattr(r, f.name) for r in rows] for f in fields(rows[0])})
    connection.register("watermain_ledger", values)
    connection.execute(f"insert into {target} by name select * from watermain_ledger")
    connection.unregister("watermain_ledger")


def inserted(kept: str, since: int, present: int) -> str:
    """The rows that a table of the ledger gained after a snapshot and up to another, as SQL.

    Guarantees: of the snapshots between the two none is needed, for they may have been forgotten.
    """
    schema, name = kept.split(".")[1:]
    gained = f"ducklake_table_insertions('lake', '{schema}', '{name}', {since}, {present})"
    return f"(from {gained} where snapshot_id > {since})"


def batches_between(
    connection: duckdb.DuckDBPyConnection, since: int, present: int
) -> list[BatchRow]:
    """The batches that were committed after a snapshot and up to another."""
    return _batches(connection, inserted(BATCHES, since, present))


def batches_at(connection: duckdb.DuckDBPyConnection, snapshot: int) -> list[BatchRow]:
    """The batches that a snapshot came with, which may itself have been forgotten."""
    return _batches(connection, f"{BATCHES} where snapshot_id = {int(snapshot)}")


def _batches(connection: duckdb.DuckDBPyConnection, relation: str) -> list[BatchRow]:
    names = [field.name for field in fields(BatchRow)]
    rows = connection.execute(f"select {', '.join(names)} from {relation}").fetchall()
    return [BatchRow(**dict(zip(names, row, strict=True))) for row in rows]


def contiguous(before: dict[str, str], shard: str, start: str, stream: DatasetName) -> None:
    """Prove that a batch starts where its shard ends.

    Raises: LedgerGapError.
    """
    known = before.get(shard, "")
    if known != start:
        raise gap(
            f"{stream}: shard {shard} ends at {known!r}, the batch starts at {start!r}", stream
        )


def gap(what: str, stream: DatasetName) -> LedgerGapError:
    """The error for batches of a shard that are no chain."""
    return LedgerGapError(
        what,
        declared="the ledger, upkeep.raw.batches",
        data="not captured; the source still holds the rows",
        next=f"watermain explain {stream}",
    )


class Standing(NamedTuple):
    """How one partition of a dataset stands, as its last publish says.

    Units: `rows` and `seconds` are of the last publish, and `rows_ever` of all of them: what a
    captured partition holds.
    Shapes: `codes` are the versions of code of all its publishes; the last one had `code`, read
    its inputs at the snapshot `read` and was made at `at`; `failing` counts, as a JSON object, the
    rows that broke a check.
    """

    version: str
    rows: int
    rows_ever: int
    codes: list[str]
    code: str
    read: int
    at: datetime
    seconds: float
    failing: str = "{}"


def _literal(name: DatasetName) -> str:
    """A name, which holds no quote, as SQL: to bind a value the engine imports pandas."""
    return f"'{name}'"


def latest(
    connection: duckdb.DuckDBPyConnection,
    name: DatasetName,
    snapshot: int | None = None,
    *,
    catalog: str = "lake",
) -> dict[str, PublishRow]:
    """The last ledger row of each partition of a dataset, as of a snapshot."""
    standing = last_publishes(f"dataset = {_literal(name)}", snapshot, catalog=catalog)
    rows = connection.execute(f"select {_COLUMNS} from {standing}").fetchall()
    found = [PublishRow(**dict(zip(_NAMES, row, strict=True))) for row in rows]
    return {row.partition: row for row in found}


def publishes_since(
    connection: duckdb.DuckDBPyConnection, catalog: str, snapshot: int
) -> list[PublishRow]:
    """What was published after a snapshot, in its order."""
    table = PUBLISHES.replace("lake.", f"{catalog}.")
    rows = connection.execute(
        f"select {_COLUMNS} from (select * from {table} except all"
        f" select * from {table} at (version => {snapshot})) order by epoch, published_at"
    ).fetchall()
    return [PublishRow(**dict(zip(_NAMES, row, strict=True))) for row in rows]


def changed_between(
    connection: duckdb.DuckDBPyConnection, since: int, present: int
) -> set[tuple[str, str]]:
    """The datasets and partitions that were published after a snapshot and up to another."""
    rows = connection.execute(
        f"select distinct dataset, partition from {inserted(PUBLISHES, since, present)}"
    ).fetchall()
    return {(str(dataset), str(partition)) for dataset, partition in rows}


def tellings(
    connection: duckdb.DuckDBPyConnection, name: DatasetName
) -> list[tuple[int, str, str]]:
    """Every publish of a dataset in its order: its snapshot, its partition and its version."""
    return connection.execute(
        f"select snapshot_id, partition, data_version from {PUBLISHES}"
        f" where dataset = {_literal(name)} order by {', '.join(_ORDER)}"
    ).fetchall()


def partitions_between(
    connection: duckdb.DuckDBPyConnection, name: DatasetName, since: int, present: int
) -> set[str]:
    """The partitions of a dataset that were published after a snapshot and up to another."""
    rows = connection.execute(
        f"select distinct partition from {inserted(PUBLISHES, since, present)} where dataset = ?",
        [str(name)],
    ).fetchall()
    return {str(row[0]) for row in rows}


def versions(
    connection: duckdb.DuckDBPyConnection, name: DatasetName, snapshot: int | None = None
) -> dict[str, str]:
    """The data version of every published partition, as of a snapshot."""
    return {k: s.version for k, s in standing(connection, [name], snapshot)[name].items()}


def standing(
    connection: duckdb.DuckDBPyConnection,
    names: Iterable[DatasetName],
    snapshot: int | None = None,
) -> dict[DatasetName, dict[str, Standing]]:
    """How every published partition of several datasets stands, in one scan."""
    at = "" if snapshot is None else f" at (version => {snapshot})"
    found: dict[DatasetName, dict[str, Standing]] = {name: {} for name in names}
    known = {str(name): partitions for name, partitions in found.items()}
    rows = connection.execute(
        f"select dataset, partition, {last('data_version')}, {last('rows_out')},"
        f" sum(rows_out)::bigint, list(distinct code_version), {last('code_version')},"
        f" {last('input_snapshot')}, {last('published_at')}, {last('seconds')},"
        f" {last(_FAILING)}"
        f" from {PUBLISHES}{at} where dataset in ({', '.join(map(_literal, found))}) group by all"
    ).fetchall()
    for dataset, partition, *facts in rows:
        known[dataset][partition] = Standing(*facts)
    return found


def rows_before(connection: duckdb.DuckDBPyConnection, dataset: str) -> dict[str, float]:
    """The rows of every partition, as its last publish counted them."""
    found = connection.execute(
        f"select partition, {last('rows_out')} from {PUBLISHES} where dataset = ? group by 1",
        [dataset],
    ).fetchall()
    return {str(k): float(rows) for k, rows in found}


def means(connection: duckdb.DuckDBPyConnection, dataset: str, column: str) -> dict[str, float]:
    """The mean of a column in every partition, as its last publish left it."""
    found = connection.execute(
        f"select partition, arg_max(mean, (epoch, rowid)) from {MEANS}"
        " where dataset = ? and column_name = ? group by 1",
        [dataset, column],
    ).fetchall()
    return {str(k): float(mean) for k, mean in found}


def remember_means(
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    column: str,
    found: Mapping[str, float],
    epoch: int,
) -> None:
    """Keep the means of partitions inside the caller's transaction."""
    rows = [(dataset, key, column, mean, epoch) for key, mean in found.items()]
    if rows:
        connection.executemany(f"insert into {MEANS} values (?, ?, ?, ?, ?)", rows)
