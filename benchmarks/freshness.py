"""From a movement of an aircraft to the features that it changes, online.

The demo's own rooms, streamed by one process as `make up` does it: messages on the embedded broker
are captured, published as movements, departures and features, and pushed into the embedded store. A
flight leaves its gate each second; a reader asks the store for the features of its airport and its
route without pause. An event's latency is the time from its happening, when its message is sent, to
the first answer that counts it.
Not equal to a deployment: everything shares one machine, the timetable is there from the beginning,
and the lake holds no history.
Run it: `python -m benchmarks.freshness`, with `--seconds` for another length.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from platform_assets.operations.curated import flights
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.engine.table.table import ensure_table
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.online.opening import open_store
from watermain.online.protocol import OnlineStore
from watermain.orchestrate.location import everything
from watermain.process.broker import EmbeddedBroker
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import child_environment, load_settings, set_variables

STREAMED = (
    "operations.raw.movements",
    "operations.curated.movements",
    "operations.curated.impossible_movements",
    "prediction",
)
LIMIT_SECONDS = 10.0
PATIENCE_SECONDS = 180.0
LOOKED_AT = {
    "airport": ("prediction.features.airport_delay_v2", b'["JFK"]'),
    "route": ("prediction.features.route_delay_v2", b'["JFK","LAX"]'),
}


def main() -> int:
    """Measure; print each claim as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=90)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="watermain-freshness-") as name,
        world(Path(name)) as bus,
    ):
        timetable(asked.seconds)
        with streamed(Path(name) / "stream.log"), open_store(load_settings()) as store:
            depart(bus, 0)
            wait(store, 0)
            latencies = measured(bus, store, asked.seconds)
    figures = [told(looked, np.array(seconds)) for looked, seconds in latencies.items()]
    return 0 if all(figures) else 1


@contextmanager
def world(folder: Path) -> Iterator[Producer]:
    """A lake with the rooms' empty tables, and a bus; nothing of it stays."""
    server, broker = EmbeddedPostgres(folder / "server"), EmbeddedBroker(log=folder / "broker.log")
    server.start()
    broker.start()
    try:
        server.ensure_database("lake")
        set_variables(
            {
                "WATERMAIN_DATA_DIR": str(folder),
                "WATERMAIN_POSTGRES": server.dsn("lake"),
                "WATERMAIN_SOURCE_MOVEMENT_BUS": broker.address,
            }
        )
        lake = Lake.from_settings()
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
            for dataset in everything().values():
                if dataset.source is None or dataset.source.kind != "platform":
                    with lake.fence.lease(str(dataset.name)) as lease:
                        ensure_table(lake, connection, dataset, lease)
        admin = AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
        admin.create_topics([NewTopic("movements", 4, 1)])["movements"].result(20)
        yield Producer({"bootstrap.servers": broker.address, "linger.ms": 2, "log_level": 0})
    finally:
        broker.stop()
        server.stop()


def timetable(count: int) -> None:
    """Schedule the flights that will leave."""
    now = datetime.now(UTC)
    row = {
        **dict.fromkeys(flights.contract.schema.names),
        "carrier": "UA",
        "origin": "JFK",
        "destination": "LAX",
        "tail_number": "N1",
        "scheduled_departure_at": now,
        "distance_miles": 2475,
        "status": "scheduled",
    }
    rows = [{**row, "flight_id": f"leg {n}"} for n in range(count + 1)]
    legs = pa.Table.from_pylist(rows, schema=flights.contract.schema)

    def body() -> pa.Table:
        return legs

    assert flights.cadence is not None
    key = flights.cadence.key_of(now)
    job = Job(lake=Lake.from_settings(), find=everything().__getitem__)
    plain = replace(flights, inputs={}, body=body)
    publish(plain, Span(flights.cadence, key, key), job).refuse_blocked()


@contextmanager
def streamed(log: Path) -> Iterator[None]:
    """Stream what `make up` streams in a process of its own."""
    command = [sys.executable, "-m", "watermain", "stream", *STREAMED]
    with log.open("ab") as file:
        child = subprocess.Popen(command, stdout=file, stderr=file, env=child_environment())
    try:
        yield
    except AssertionError:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        child.terminate()
        child.wait(60)


def depart(bus: Producer, number: int) -> datetime:
    """Let a flight leave its gate now."""
    now = datetime.now(UTC)
    message = {"event_id": f"{number}", "flight_id": f"leg {number}", "carrier": "UA",
               "tail_number": "N1", "kind": "gate_out", "airport": "JFK",
               "happened_at": now.isoformat(), "phase_began_at": None}  # fmt: skip
    bus.produce("movements", json.dumps(message), key=message["flight_id"])
    assert bus.flush(30) == 0
    return now


def seen(store: OnlineStore) -> dict[str, int]:
    """The event time of the newest row of each that is looked at; 0 before the first."""
    rows = store.get(list(LOOKED_AT.values()))
    return {n: r.event_us if r else 0 for n, r in zip(LOOKED_AT, rows, strict=True)}


def wait(store: OnlineStore, after: int) -> None:
    """Wait until both have a row newer than that."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while min(seen(store).values()) <= after:
        assert time.monotonic() < deadline, "nothing arrives online"
        time.sleep(0.05)


def measured(bus: Producer, store: OnlineStore, count: int) -> dict[str, list[float]]:
    """Seconds from each departure to the first answer that counts it."""
    left: list[datetime] = []
    found: dict[str, list[float]] = {name: [] for name in LOOKED_AT}
    begin = time.monotonic()
    deadline = begin + count + PATIENCE_SECONDS
    while min(map(len, found.values())) < count:
        assert time.monotonic() < deadline, f"only {found} arrived of {count}"
        if len(left) < count and time.monotonic() >= begin + len(left):
            left.append(depart(bus, len(left) + 1))
        newest, now = seen(store), datetime.now(UTC)
        for name, seconds in found.items():
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=newest[name])
            while len(seconds) < len(left) and left[len(seconds)] <= at:
                seconds.append((now - left[len(seconds)]).total_seconds())
        time.sleep(0.05)
    return found


def told(looked: str, seconds: np.ndarray) -> bool:
    """Print the figure of one feature table."""
    p50, p95, most = (round(float(np.percentile(seconds, at)), 2) for at in (50, 95, 100))
    met = p95 <= LIMIT_SECONDS
    line = {"p50": p50, "p95": p95, "most": most, "limit": LIMIT_SECONDS, "met": met}
    print(json.dumps({"claim": f"movement to online features of its {looked}, p95", **line}))
    return met


if __name__ == "__main__":
    sys.exit(main())
