"""A million rows of the lake loaded into Redis beside `feast materialize`.

Equal: the rows, one for each entity; the same Redis, emptied before each turn; a warm engine,
with no start-up counted. Both find the newest row of each entity and write every feature of it.
Not equal, on purpose: ours reads a table of the lake, and Feast reads one Parquet file with the
same rows. Ours writes one packed value for each entity, and Feast writes a hash with a protobuf
for each feature. Ours never overwrites a newer row, moves a cursor behind the rows, and holds a
lease. Feast takes minutes, so it runs once. Run it: `python -m benchmarks.online_load`, with
`--rows N` for another size or `--no-feast` without Feast. It needs Debian's redis-server.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import redis

from benchmarks.fixtures.claim import Figure
from benchmarks.fixtures.feast_site import FeastSite, FeastTable
from tests.watermain.online.redis_server import RedisServer, redis_server
from watermain.declare import Column, Contract, Daily, Dataset
from watermain.declare.feature import Feature, Online
from watermain.declare.feature_table import feature_table
from watermain.engine.feature.online import push
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.online.opening import open_store
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import load_settings, set_variables

ROWS = 1_000_000
TURNS = 3
PATIENCE_SECONDS = 300
LIMIT = 1 / 20
DAY = datetime(2026, 3, 1, tzinfo=UTC)
NOW = DAY + timedelta(days=1)
FEATURES = {"trips": "int64", "rating": "double", "distance_km": "double", "fare_usd": "double"}
TYPES = {"int64": pa.int64(), "double": pa.float64()}
_ROWS = """
select 'driver ' || n as driver, timestamptz '2026-03-01 00:00:00+00'
    + to_microseconds((hash(n) % 86400000000)::bigint) as seen_at,
    (hash(n, 1) % 1000)::bigint as trips, hash(n, 2) % 500 / 100 as rating,
    hash(n, 3) % 100000 / 7 as distance_km, hash(n, 4) % 100000 / 100 as fare_usd
from range({rows}) as r (n)
"""


def drivers(rows: pa.Table) -> Dataset:
    """The feature table and its rows."""
    features = (Column(name, TYPES[kind], "what") for name, kind in FEATURES.items())

    def body() -> pa.Table:
        return rows

    return feature_table(
        "rides.features.drivers",
        feature=Feature(entity=("driver",), online=Online()),
        contract=Contract(
            grain="one row per driver and report",
            key=("driver", "seen_at"),
            event_time="seen_at",
            columns=(
                Column("driver", pa.string(), "who"),
                Column("seen_at", pa.timestamp("us", "UTC"), "when"),
                *features,
            ),
        ),
        owner="team:rides",
        cadence=Daily(start=date(2026, 3, 1)),
    )(body)


@dataclass(frozen=True)
class Place:
    """A lake with the table, a Feast repository over the same rows, and an empty Redis."""

    lake: Lake
    made: Dataset
    feast: FeastSite
    server: RedisServer
    rows: int


@contextmanager
def place(rows: int) -> Iterator[Place]:
    """Make all of it."""
    with TemporaryDirectory(prefix="watermain-bench-") as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "postgres")
        server.start()
        try:
            server.ensure_database("lake")
            with redis_server(folder / "redis") as store:
                tool = FeastSite(folder=folder / "feast", tables=(view(folder),), redis=at(store))
                given = write(folder, rows)
                if "--no-feast" not in sys.argv:
                    tool.apply()
                words = {
                    "LAKE_PATH": str(folder / "lake"),
                    "POSTGRES": server.dsn("lake"),
                    "ONLINE_STORE": store.url,
                }
                set_variables({f"WATERMAIN_{word}": value for word, value in words.items()})
                made = drivers(given)
                yield Place(filled(made), made, tool, store, rows)
        finally:
            server.stop()


def at(store: RedisServer) -> str:
    """The server's address as Feast takes it."""
    return f"127.0.0.1:{store.port}"


def view(folder: Path) -> FeastTable:
    """The feature view."""
    path = str(folder / "drivers.parquet")
    entity = {"driver": "string"}
    return FeastTable(
        name="drivers", path=path, entity=entity, features=FEATURES, event_time="seen_at"
    )


def write(folder: Path, rows: int) -> pa.Table:
    """Write the rows as one Parquet file; give them."""
    with duckdb.connect() as engine:
        engine.execute("set timezone = 'UTC'")
        found = engine.execute(_ROWS.format(rows=rows)).to_arrow_table()
    found = found.cast(drivers(found).contract.schema)
    pq.write_table(found, folder / "drivers.parquet")
    return found


def filled(made: Dataset) -> Lake:
    """A lake in which the table is published."""
    lake = Lake.from_settings()
    lake.initialize()
    with lake.get_connection() as connection:
        ledger.create(connection)
    job = Job(lake=lake, find={made.name: made}.__getitem__)
    assert made.cadence is not None
    publish(made, Span(made.cadence, "2026-03-01", "2026-03-01"), job).refuse_blocked()
    return lake


def ours(where: Place) -> float:
    """Seconds of a push into an empty store."""
    with redis.Redis.from_url(where.server.url, socket_timeout=PATIENCE_SECONDS) as client:
        client.flushall()
        with open_store(load_settings()) as store:
            began = time.perf_counter()
            done = push(where.made, where.lake, store, NOW)
            seconds = time.perf_counter() - began
        assert (done.written, client.dbsize()) == (where.rows, where.rows + 1)
        print(f"    {client.info('memory')['used_memory_human']} in Redis")
    return seconds


def feast(where: Place) -> float:
    """Seconds of Feast."""
    with redis.Redis.from_url(where.server.url, socket_timeout=PATIENCE_SECONDS) as client:
        client.flushall()
        found = where.feast.materialize("drivers", DAY - timedelta(days=1), NOW)
        assert client.dbsize() == where.rows
        held = client.info("memory")["used_memory_human"]
        print(f"    {held} in Redis, peak memory of Feast {found['peak_bytes'] / 1e9:.1f} GB")
    return float(found["seconds"])


def main() -> int:
    """Print each turn and then the figure."""
    rows = int(sys.argv[sys.argv.index("--rows") + 1]) if "--rows" in sys.argv else ROWS
    with place(rows) as where:
        taken = []
        for turn in range(TURNS + 1):
            taken.append(ours(where))
            print(f"  turn {turn}: ours {taken[-1]:.2f} s", flush=True)
        mine = statistics.median(taken[1:])  # the first one warms up
        if "--no-feast" in sys.argv:
            return 0
        peer = feast(where)
        print(f"  Feast {peer:.2f} s", flush=True)
    claim = f"load of {rows:,} rows into Redis beside feast materialize, seconds"
    return Figure(claim, mine, peer, LIMIT).tell()


if __name__ == "__main__":
    sys.exit(main())
