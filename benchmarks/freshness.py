"""From a movement of an aircraft to the features that it changes, online.

The demo's own rooms, streamed by one process as `make up` does it: flights are scheduled in an
operations database whose log is replicated, and each second a flight leaves its gate and another
takes off, told on the embedded broker and by an update in the database. What is captured is
published as timetable, movements, departures and features, and pushed into the embedded store,
which a reader asks without pause for the features of the airport and of the route. A movement's
latency is the time from its happening, when its message is sent, to the first answer that counts
it. It includes the rest that each table's rhythm declares: five seconds for congestion, which
counts take-offs, thirty for delays, which count departures.
Not equal to a deployment: everything shares one machine, and the lake holds no history.
Run it: `python -m benchmarks.freshness`, with `--seconds` for another length.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import psutil
import psycopg
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from demo.operations import SERVER_SETTINGS, make_tables
from watermain.declare.name import DatasetName
from watermain.engine.table.table import ensure_table
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.online.opening import open_store
from watermain.online.protocol import OnlineStore
from watermain.orchestrate.location import everything
from watermain.process.broker import EmbeddedBroker
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import child_environment, load_settings, set_variables

STREAMED = ("operations", "prediction")
TIMETABLE = "operations.curated.timetable"
PATIENCE_SECONDS = 180.0
TAXI = 10  # flights that leave the gate until the first of them takes off
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
SCHEDULE = """
insert into flights (flight_id, carrier, flight, tailnum, origin, dest, scheduled_departure,
    scheduled_arrival_hhmm, distance_miles, status, updated_at)
select 'leg ' || n, 'UA', n, 'N' || n, 'JFK', 'LAX', %(at)s, 0, 2475, 'scheduled', now()
from generate_series(0, %(last)s) as n
"""
DEPART = """
update flights set status = 'departed', departure_delay_minutes = 0, updated_at = now()
where flight_id = %s
"""


@dataclass(frozen=True)
class Looked:
    """A feature table that is looked at, with what makes it change."""

    table: str
    key: bytes
    kind: str
    limit_seconds: float
    sent: list[datetime] = field(default_factory=list)
    found: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class World:
    """What tells of flights."""

    operations: psycopg.Connection
    bus: Producer


def main() -> int:
    """Measure; print each claim as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300)
    asked = parser.parse_args()
    looked = (
        Looked("congestion_v2", b'["JFK"]', "take_off", 10.0),
        Looked("airport_delay_v2", b'["JFK"]', "gate_out", 30.0),
        Looked("route_delay_v2", b'["JFK","LAX"]', "gate_out", 30.0),
    )
    with (
        tempfile.TemporaryDirectory(prefix="watermain-freshness-") as name,
        world(Path(name)) as outside,
        streamed(Path(name) / "stream.log"),
        open_store(load_settings()) as store,
    ):
        schedule(outside, asked.seconds + TAXI)
        measure(outside, store, looked, asked.seconds)
    print(json.dumps({"load": round(os.getloadavg()[1], 1), "cores": os.cpu_count()}))
    met = [told(each) for each in looked]
    return 0 if all(met) else 1


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A lake with the rooms' empty tables, a database and a bus; nothing of it stays."""
    server = EmbeddedPostgres(folder / "server", settings=SERVER_SETTINGS)
    broker = EmbeddedBroker(log=folder / "broker.log")
    server.start()
    broker.start()
    try:
        for database in ("lake", "operations"):
            server.ensure_database(database)
        set_variables(
            {
                "WATERMAIN_DATA_DIR": str(folder),
                "WATERMAIN_POSTGRES": server.dsn("lake"),
                "WATERMAIN_SOURCE_OPERATIONS_DB": server.dsn("operations"),
                "WATERMAIN_SOURCE_MOVEMENT_BUS": broker.address,
            }
        )
        make_lake()
        admin = AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
        admin.create_topics([NewTopic("movements", 4, 1)])["movements"].result(20)
        bus = Producer({"bootstrap.servers": broker.address, "linger.ms": 2, "log_level": 0})
        with psycopg.connect(server.dsn("operations"), autocommit=True) as connection:
            make_tables(connection)
            yield World(connection, bus)
    finally:
        broker.stop()
        server.stop()


def make_lake() -> None:
    """Make the empty tables that no stream makes, since nobody captures what they read."""
    lake = Lake.from_settings()
    lake.initialize()
    with lake.get_connection() as connection:
        ledger.create(connection)
        for dataset in everything().values():
            if dataset.source is None or dataset.source.kind != "platform":
                with lake.fence.lease(str(dataset.name)) as lease:
                    ensure_table(lake, connection, dataset, lease)


@contextmanager
def streamed(log: Path) -> Iterator[None]:
    """Stream what `make up` streams of these rooms, in a process of its own."""
    command = [sys.executable, "-m", "watermain", "stream", *STREAMED]
    with log.open("ab") as file:
        child = subprocess.Popen(command, stdout=file, stderr=file, env=child_environment())
    began = time.monotonic()
    try:
        yield
    except AssertionError:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        spent = sum(psutil.Process(child.pid).cpu_times()[:2])
        print(json.dumps({"stream, cores": round(spent / (time.monotonic() - began), 2)}))
        child.terminate()
        child.wait(60)


def schedule(outside: World, last: int) -> None:
    """File the flights that will leave, and wait until the lake's timetable has them."""
    at = datetime.now(NEW_YORK).replace(tzinfo=None)
    outside.operations.execute(SCHEDULE, {"at": at, "last": last})
    name, deadline = DatasetName.parse(TIMETABLE), time.monotonic() + PATIENCE_SECONDS
    lake, held = Lake.from_settings(), 0
    while held <= last:
        assert time.monotonic() < deadline, f"{held} of {last + 1} flights are in the timetable"
        time.sleep(0.5)
        with lake.get_connection() as connection:
            row = connection.execute(f"select count(*) from {table(name)}").fetchone()
            held = row[0] if row else 0


def move(outside: World, number: int) -> dict[str, datetime]:
    """Let a flight leave its gate and one that did before take off, now."""
    now = datetime.now(UTC)
    legs = {"gate_out": number, "take_off": number - TAXI}
    for kind, leg in legs.items():
        if leg < 0:
            continue
        began = None if kind == "gate_out" else (now - timedelta(minutes=TAXI)).isoformat()
        message = {"event_id": f"{leg} {kind}", "flight_id": f"leg {leg}", "carrier": "UA",
                   "tail_number": f"N{leg}", "kind": kind, "airport": "JFK",
                   "happened_at": now.isoformat(), "phase_began_at": began}  # fmt: skip
        outside.bus.produce("movements", json.dumps(message), key=message["flight_id"])
    assert outside.bus.flush(30) == 0
    outside.operations.execute(DEPART, [f"leg {number}"])
    return {kind: now for kind, leg in legs.items() if leg >= 0}


def measure(outside: World, store: OnlineStore, looked: tuple[Looked, ...], count: int) -> None:
    """Move flights, a second apart; note of each the seconds to the first answer that counts it.

    Those before the first answer of all are for warming up.
    """
    for number in range(TAXI + 1):
        moved = move(outside, number)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(newest(store, each) < moved[each.kind] for each in looked):
        assert time.monotonic() < deadline, "nothing arrives online"
        time.sleep(0.05)
    begin, number = time.monotonic(), 0
    while number < count or any(len(each.found) < count for each in looked):
        assert time.monotonic() < begin + count + PATIENCE_SECONDS, "not all arrives online"
        if number < count and time.monotonic() >= begin + number:
            moved = move(outside, TAXI + 1 + number)
            number += 1
            for each in looked:
                each.sent.append(moved[each.kind])
        for each in looked:
            note(each, newest(store, each))
        time.sleep(0.05)


def newest(store: OnlineStore, each: Looked) -> datetime:
    """The event time of the newest row online; that of the epoch before the first."""
    row = store.get([(f"prediction.features.{each.table}", each.key)])[0]
    return EPOCH + timedelta(microseconds=row.event_us if row else 0)


def note(each: Looked, counted: datetime) -> None:
    """Note the latency of each movement that an answer counts for the first time."""
    now = datetime.now(UTC)
    for at in each.sent[len(each.found) :]:
        if at > counted:
            return
        each.found.append((now - at).total_seconds())


def told(each: Looked) -> bool:
    """Print the figure of one feature table."""
    p50, p95, most = (round(float(np.percentile(each.found, at)), 2) for at in (50, 95, 100))
    met = p95 <= each.limit_seconds
    line = {"p50": p50, "p95": p95, "most": most, "limit": each.limit_seconds, "met": met}
    print(json.dumps({"claim": f"{each.kind} to online {each.table}, p95 in seconds", **line}))
    return met


if __name__ == "__main__":
    sys.exit(main())
