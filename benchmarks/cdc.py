"""Changes of a PostgreSQL table caught up through `capture` beside a bare read of the same log.

Equal: the server, the table, the transactions (a thousand changes each: inserts, updates of what
was inserted, and some deletes), and the protocol's messages with old and new rows; both sides read
the same stretch of log through a slot of their own, and both confirm it. The peer is PostgreSQL's
own `pg_recvlogical`, which writes what it gets to /dev/null: the limit of any reader.
Not equal, on purpose: ours decodes, types, audits, quarantines, hashes, writes Parquet, flushes it
to disk, and commits rows and their positions; when it ends, every change can be queried.
Run it: `python -m benchmarks.cdc`, with `--small` for a tenth of the changes, or with `--large` for
one transaction of a gigabyte, which prints the peak of memory of the process that takes it.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import psycopg

from benchmarks.fixtures.claim import measure
from benchmarks.fixtures.shop import Shop, bookings, shop
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.lake.lake import table
from watermain.process.postgres import server_binaries
from watermain.source.postgres.postgres import PostgresSource
from watermain.source.protocol import Shape

LIMIT = 6.0
TURNS = 5
CHANGES = 500_000
EACH = 1_000
PEER = "bare"
LARGE_ROWS = 1_000_000
ENGINE_MEMORY, FLUSHED_ROWS = "192MB", "16384"
MOST_MEMORY = 512 * 2**20
TABLE = """
create table bookings (id bigint primary key, at timestamp, note text, amount numeric(12, 2));
alter table bookings replica identity full;
create publication watermain for table bookings
"""
INSERT = """
insert into bookings
select g, timestamp '2013-01-01' + mod(g, 30) * interval '1 day', repeat(md5(g::text), %(long)s), 1
from generate_series(%(first)s::bigint, %(first)s::bigint + %(count)s - 1) as g
"""
UPDATE = """
update bookings set amount = amount + 1
where id >= %(first)s::bigint and id < %(first)s::bigint + %(count)s * 4 / 10
"""
DELETE = """
delete from bookings
where id >= %(first)s::bigint and id < %(first)s::bigint + %(count)s / 10
"""


class Bookings:
    """The table at its source, and the lake that captures it."""

    def __init__(self, place: Shop, **config: str) -> None:
        place.server.ensure_database("source")
        self.dsn = place.server.dsn("source")
        self.job: Job = place.job("lake", **config)
        self.scratch = place.folder / "scratch"
        self.next = 0
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(TABLE)

    def write(self, changes: int) -> None:
        """Commit changes in transactions of a size; two thirds of them insert."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for _ in range(changes // EACH):
                facts = {"first": self.next, "count": EACH * 2 // 3, "long": 1}
                with connection.transaction():
                    for statement in (INSERT, UPDATE, DELETE):
                        connection.execute(statement, facts)
                self.next += EACH

    def write_at_once(self, rows: int) -> None:
        """Commit rows of a kilobyte in one transaction."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(INSERT, {"first": self.next, "count": rows, "long": 31})

    def capture(self) -> float:
        """Seconds until everything committed at the source can be queried."""
        word = bookings.source
        source = PostgresSource(
            word,  # type: ignore[arg-type]
            Shape.of(bookings),
            dsn=lambda: self.dsn,
            scratch=self.scratch,
        )
        began = time.monotonic()
        capture(bookings, self.job, source=source)
        return time.monotonic() - began

    def bare(self) -> float:
        """Seconds until the server has handed the same log to a reader that keeps nothing."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            row = connection.execute("select pg_current_wal_flush_lsn()::text").fetchone()
        assert row is not None
        began = time.monotonic()
        self._receive("--start", "--endpos", row[0], "-f", "/dev/null", "-o", "proto_version=1")
        return time.monotonic() - began

    def make_bare_slot(self) -> None:
        """Create the slot of the peer."""
        self._receive("--create-slot", "-P", "pgoutput")

    def count(self) -> int:
        """How many rows raw holds."""
        with self.job.lake.get_connection() as connection:
            row = connection.execute(f"select count(*) from {table(bookings.name)}").fetchone()
        assert row is not None
        return int(row[0])

    def _receive(self, *words: str) -> None:
        names = ("-o", "publication_names=watermain") if "--start" in words else ()
        program = server_binaries() / "pg_recvlogical"
        subprocess.run([program, "-d", self.dsn, "-S", PEER, *words, *names], check=True)


def bulk(place: Shop, changes: int) -> int:
    """Measure how fast a backlog is caught up."""
    source = Bookings(place)
    source.capture()
    source.make_bare_slot()

    def ours() -> float:
        source.write(changes)
        before = source.count()
        seconds = source.capture()
        print(f"  {(source.count() - before) / seconds:,.0f} changes per second")
        return seconds

    claim = f"{changes:,} changes from committed at the source to queryable, seconds"
    return measure(claim, ours, source.bare, limit=LIMIT, turns=TURNS).tell()


def large(place: Shop, rows: int = LARGE_ROWS) -> int:
    """Take one transaction that is larger than the memory it may use."""
    source = Bookings(
        place, memory_limit=ENGINE_MEMORY, partitioned_write_flush_threshold=FLUSHED_ROWS
    )
    source.capture()
    source.write_at_once(rows)
    before = _peak()
    seconds, peak = source.capture(), _peak()
    mebibytes = {"before": before // 2**20, "peak": peak // 2**20, "limit": MOST_MEMORY // 2**20}
    met = peak <= MOST_MEMORY
    claim = f"one transaction of {source.count():,} changes, MiB"
    print(json.dumps({"claim": claim, **mebibytes, "seconds": round(seconds, 1), "met": met}))
    return 0 if met else 1


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    """Print the figure that was asked for."""
    with shop({"wal_level": "logical", "max_wal_size": "8GB"}) as place:
        if "--large" in sys.argv:
            return large(place)
        return bulk(place, CHANGES // 10 if "--small" in sys.argv else CHANGES)


if __name__ == "__main__":
    sys.exit(main())
