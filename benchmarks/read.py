"""The 22 queries of TPC-H at scale factor 1 as people ask them, beside DuckDB on the same files.

Ours is `watermain.read.query`, what `watermain sql` calls: the statement parsed, the snapshot
pinned, the walled engine asked, and the rows handed over as an Arrow table. The peer is one DuckDB
with views over the same Parquet files, whose rows are handed over in the same way. Both stay open:
the first question about a snapshot, which opens our engine, is asked before the clock starts, and
it is printed. Equal: files, threads, memory and versions; answers are compared before anything is
measured. Not equal, on purpose: the peer looks nothing up.
Printed: each query, then the sum, and then the worst ratio of one query.
Run it: `python -m benchmarks.read`, with `--small` for scale factor 0.1.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from benchmarks.fixtures.claim import Figure
from watermain import read
from watermain.declare import Column, Contract, Dataset, DatasetName, dataset
from watermain.lake.lake import Lake, extension, text
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import load_settings, set_variables

SUM_LIMIT, ONE_LIMIT = 1.15, 1.5
TURNS = 5
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


@dataclass(frozen=True)
class Bench:
    """Both sides over the same files."""

    lake: Lake
    peer: duckdb.DuckDBPyConnection
    declared: dict[DatasetName, Dataset]
    queries: dict[int, str]
    named: dict[int, str]

    def ours(self, number: int) -> pa.Table:
        """Ask as people ask."""
        return read.query(self.named[number], lake=self.lake, declared=lambda: self.declared).rows

    def theirs(self, number: int) -> pa.Table:
        """Ask DuckDB."""
        return self.peer.execute(self.queries[number]).to_arrow_table()


def named(sql: str) -> str:
    """A query with the names of datasets for those of its tables."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    for found in list(tree.find_all(exp.Table)):
        if found.name in TABLES:
            found.set("db", exp.to_identifier("raw"))
            found.set("catalog", exp.to_identifier("tpch"))
    return tree.sql(dialect="duckdb")


@contextmanager
def bench(scale: float) -> Iterator[Bench]:
    """Generate the tables, load them into a lake, and open the peer on its files."""
    with TemporaryDirectory() as place:
        server = EmbeddedPostgres(Path(place) / "postgres")
        server.start()
        server.ensure_database("tpch")
        set_variables({"WATERMAIN_DATA_DIR": place, "WATERMAIN_POSTGRES": server.dsn("tpch")})
        try:
            lake = Lake.from_settings()
            lake.initialize()
            queries = load(lake, scale)
            declared = {name: declare(lake, name) for name in map(name_of, TABLES)}
            asked = {number: named(sql) for number, sql in queries.items()}
            yield Bench(lake, peer(lake), declared, queries, asked)
        finally:
            lake.forget()
            server.stop()


def name_of(table: str) -> DatasetName:
    """The dataset that a table is."""
    return DatasetName("tpch", "raw", table)


def load(lake: Lake, scale: float) -> dict[int, str]:
    """Write the tables into the lake; give the queries."""
    with lake.get_connection() as connection:
        connection.execute(f"load {text(extension('tpch'))}")
        connection.execute("attach ':memory:' as made; use made")
        connection.execute(f"call dbgen(sf = {scale})")
        connection.execute("call lake.set_option('data_inlining_row_limit', '0')")
        connection.execute("create schema lake.tpch_raw")
        for table in TABLES:
            connection.execute(f"create table lake.tpch_raw.{table} as from made.{table}")
        found = connection.execute("select query_nr, query from tpch_queries()").fetchall()
        connection.execute("use memory; detach made")
    return {int(number): str(query) for number, query in found}


def declare(lake: Lake, name: DatasetName) -> Dataset:
    """A declaration of a table; nothing in it is personal."""
    with lake.get_connection() as connection:
        schema = connection.execute(
            f"from lake.{name.schema}.{name.table} limit 0"
        ).to_arrow_table()
    columns = tuple(Column(f.name, f.type, "of TPC-H") for f in schema.schema)
    contract = Contract(grain="one row per line", key=(columns[0].name,), columns=columns)
    made: Dataset = dataset(str(name), contract=contract, owner="team:tpch")(lambda: None)
    return made


def peer(lake: Lake) -> duckdb.DuckDBPyConnection:
    """DuckDB with views over the lake's files."""
    settings = load_settings()
    config = {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
    }
    engine = duckdb.connect(":memory:", config=config)  # type: ignore[arg-type]
    engine.execute("set enable_progress_bar = false")
    with lake.get_connection() as connection:
        for table in TABLES:
            rows = connection.execute(
                f"select data_file from ducklake_list_files('lake', '{table}',"
                " schema => 'tpch_raw')"
            ).fetchall()
            files = ", ".join(text(row[0]) for row in rows)
            engine.execute(f"create view {table} as from read_parquet([{files}])")
    return engine


def seconds(work: Callable[[int], pa.Table], number: int) -> float:
    """How long a query takes."""
    began = time.monotonic()
    work(number)
    return time.monotonic() - began


def main(words: list[str]) -> int:
    """Print each query's median seconds, the sum beside its limit, and then the worst ratio."""
    with bench(0.1 if "--small" in words else 1.0) as both:
        print(f"  the first question of all: {seconds(both.ours, 6):.3f} s")
        for number in both.queries:
            assert same(both.ours(number), both.theirs(number)), number
        figures = {n: turned(both, n) for n in both.queries}
    for number, (ours, theirs) in figures.items():
        print(f"  query {number:>2}: ours {ours:.3f} s, peer {theirs:.3f} s, {ours / theirs:.2f}")
    mine, other = (sum(side) for side in zip(*figures.values(), strict=True))
    whole = Figure("read, 22 queries of TPC-H, seconds", mine, other, SUM_LIMIT).tell()
    worst = max(figures, key=lambda n: figures[n][0] / figures[n][1])
    return whole | Figure(f"read, the worst, query {worst}", *figures[worst], ONE_LIMIT).tell()


def same(ours: pa.Table, theirs: pa.Table) -> bool:
    """Whether two answers have the same columns by place and the same rows, to nine digits."""
    return _rounded(ours) == _rounded(theirs)


def _rounded(rows: pa.Table) -> str:
    values = [
        [f"{v:.9g}" if isinstance(v, float) else v for v in column.to_pylist()]
        for column in rows.columns
    ]
    return json.dumps(values, default=str)


def turned(both: Bench, number: int) -> tuple[float, float]:
    """The medians of both sides, measured in turns."""
    pairs = [(seconds(both.ours, number), seconds(both.theirs, number)) for _ in range(TURNS)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return mine, theirs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
