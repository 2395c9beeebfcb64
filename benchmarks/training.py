"""Training sets from the lake beside as-of joins by hand, beside Feast.

Equal: the same million rows, asked of the same two tables (ten million facts of a hundred thousand
shops, five million of twenty thousand devices) in the same Parquet files; the latest fact by event
time unless it is older than five days; three features each; two threads. Every side returns the
million rows with the same values, which is compared row by row; rows that Feast leaves out and
values that it tells otherwise are counted.
Not equal, on purpose: ours reads a pinned snapshot, keeps the spine's order, hashes the spine
and the result, and writes a manifest. DuckDB's join is on the lake's tables and keeps no order.
Polars is told that the facts' files are in order, sorts the spine only, and keeps that order. Feast
runs in a process of its own, and its time is that of the call without start-up. The last claim has
one fact in ten known up to thirty days late, which ours waits for; its peer is the fastest join
that does not.
Run it: `python -m benchmarks.training`, with `--scale 0.1` for a tenth or `--no-feast` without
Feast.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.fixtures.claim import Figure
from benchmarks.fixtures.feast_site import FeastSite, FeastTable
from benchmarks.fixtures.feature_facts import (
    FEATURES,
    LABELS,
    MAX_AGE,
    PLAIN,
    REFS,
    FactLake,
    fact_lake,
)
from benchmarks.fixtures.peer import told
from watermain.engine.code.fingerprint import fingerprint
from watermain.lake.lake import table

TURNS = 3
ENTITIES = ("shop", "device")
WORDS = {pa.float64(): "double", pa.int64(): "int64", pa.string(): "string"}
Timed = tuple[float, pa.Table]


def ours(where: FactLake, *, known: bool = False) -> Timed:
    """A training frame."""
    began = time.perf_counter()
    frame = where.store(known=known).training_frame(where.spine, REFS)
    return time.perf_counter() - began, frame.to_arrow()


def by_duckdb(where: FactLake) -> Timed:
    """Two ASOF joins by hand."""
    age = f"interval {int(MAX_AGE.total_seconds())} seconds"
    columns, joins = [], []
    for dataset, entity in zip(PLAIN, ENTITIES, strict=True):
        name = dataset.name.table.removesuffix("_v1")
        joins.append(
            f"asof left join {table(dataset.name)} {name} on s.{entity} = {name}.{entity}"
            f" and s.event_time >= {name}.event_at"
        )
        columns += [
            f"case when s.event_time - {name}.event_at <= {age} then {name}.{f} end as {name}__{f}"
            for f in FEATURES[name]
        ]
    sql = f"select s.*, {', '.join(columns)} from asked s {' '.join(joins)}"
    with where.lake.get_connection() as connection:
        began = time.perf_counter()
        connection.register("given", where.spine)
        connection.execute("create or replace temp table asked as from given")
        found = connection.execute(sql).to_arrow_table()
        return time.perf_counter() - began, found


def by_polars(where: FactLake) -> Timed:
    """Two joins by Polars; the second turn of two counts."""
    target = where.folder / "polars.parquet"
    files = [where.files(d) for d in PLAIN]
    words = (where.folder / "spine.parquet", *files, target, str(MAX_AGE.days), "2")
    found = told("polars", "polars_join.py", *words)
    return float(found["seconds"][-1]), pq.read_table(target)


def by_feast(where: FactLake) -> Timed:
    """Historical features by Feast on its DuckDB store."""
    tables = tuple(
        FeastTable(
            name=dataset.name.table.removesuffix("_v1"),
            path=str(where.files(dataset)),
            entity={entity: WORDS[dataset.contract.column(entity).type]},
            features={f: WORDS[dataset.contract.column(f).type] for f in features},
            event_time="event_at",
            ttl_seconds=MAX_AGE.total_seconds(),
        )
        for dataset, entity, features in zip(PLAIN, ENTITIES, FEATURES.values(), strict=True)
    )
    site = FeastSite(folder=where.folder / "feast", tables=tables)
    site.apply()
    spine, target = where.folder / "feast_spine.parquet", where.folder / "feast.parquet"
    names = [n.replace("event_time", "event_timestamp") for n in where.spine.column_names]
    pq.write_table(where.spine.rename_columns(names), spine)
    found = site.history(spine, target, [label.replace("__", ":") for label in LABELS])
    plain = {label.rpartition("__")[2]: label for label in LABELS}
    rows = pq.read_table(target)
    return float(found["join_seconds"]), rows.rename_columns(
        [plain.get(n, n) for n in rows.column_names]
    )


def disagreeing(right: pa.Table, found: pa.Table) -> int:
    """Rows of `found` that are not among the right ones."""
    wanted = right.select(["row", *LABELS]).sort_by("row")
    kinds = pa.schema([wanted.schema.field(n) for n in wanted.column_names])
    told_there = found.select(wanted.column_names).sort_by("row").cast(kinds)
    if fingerprint(wanted) == fingerprint(told_there):
        return 0
    there = wanted.join(told_there, wanted.column_names, join_type="inner")
    return int(found.num_rows - there.num_rows)


def count(name: str, right: pa.Table, found: pa.Table) -> None:
    """Say how many rows came back; it is all of them, with the same values, unless from Feast."""
    wrong = disagreeing(right, found)
    dropped = right.num_rows - found.num_rows
    print(f"  {name}: {found.num_rows:,} rows, {dropped:,} dropped, {wrong:,} disagree", flush=True)
    assert name == "Feast" or (dropped, wrong) == (0, 0), name


def main() -> int:
    """Print each turn and each ratio; give the exit code."""
    scale = float(sys.argv[sys.argv.index("--scale") + 1]) if "--scale" in sys.argv else 1.0
    taken: dict[str, list[float]] = {}
    with fact_lake(scale) as where:
        _, right = ours(where)
        sides: dict[str, Callable[[FactLake], Timed]] = {
            "ours": ours,
            "ours, known at": lambda lake: ours(lake, known=True),
            "DuckDB": by_duckdb,
            "Polars": by_polars,
        }
        if "--no-feast" not in sys.argv:
            sides["Feast"] = by_feast
        for turn in range(TURNS):
            for name, side in sides.items():
                seconds, found = side(where)
                taken.setdefault(name, []).append(seconds)
                print(f"  turn {turn + 1}: {name} {seconds:.3f} s", flush=True)
                if turn == 0 and name != "ours, known at":
                    count(name, right, found)
    return tell(taken)


def tell(taken: dict[str, list[float]]) -> int:
    """Print each ratio; give the exit code."""
    median = {name: statistics.median(turns) for name, turns in taken.items()}
    fastest = min(median["DuckDB"], median["Polars"])
    mine, late = median["ours"], median["ours, known at"]
    missed = Figure("training set beside the fastest as-of join by hand", mine, fastest, 1.2).tell()
    missed |= Figure("with known-at and late facts beside the same", late, fastest, 2).tell()
    if "Feast" in median:
        claim = "training set beside Feast on its DuckDB store"
        missed |= Figure(claim, mine, median["Feast"], 0.3).tell()
    return missed


if __name__ == "__main__":
    sys.exit(main())
