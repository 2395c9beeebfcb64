"""Servers that restart under a capture, in order or by kill -9, each followed by a retry."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.faults import crew
from tests.faults.campaign import ANYWHEN, INGEST, Tally, World, p95, world
from tests.faults.outcome import Bench, Outcome
from tests.faults.outside import Systems
from tests.watermain.source.brokered import JARS, ApacheKafka, Mosquitto
from watermain.process.postgres import EmbeddedPostgres

Restart = Callable[[Bench, int, int], Outcome]
WAYS = ("in order", "kill -9")
PATIENT = ("UnreachableSystemError", "LostLeaseError")
SETTINGS = {"wal_level": "logical", "max_connections": "200"}


@dataclass(frozen=True)
class Server:
    """A server that can be stopped in both ways, then started again."""

    stop: Callable[[], None]
    kill: Callable[[], None]
    start: Callable[[], None]

    def restart(self, way: str) -> None:
        """Stop it, start it."""
        self.kill() if way == "kill -9" else self.stop()
        self.start()


def postgres(server: EmbeddedPostgres) -> Server:
    """A PostgreSQL server with all its processes."""

    def kill() -> None:
        pid = server.running()
        assert pid is not None, "the server does not run"
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=120)

    return Server(server.stop, kill, server.start)


def restarted(made: World, server: Server, count: int, seed: int) -> Outcome:
    """Restart the server that often while a worker is at work, judge after each retry."""
    chance, told, tally = random.Random(seed), Counter[str](), Tally(seed)
    problems = made.judged(made.order(*made.recovery), tally)
    for case in range(count):
        way = WAYS[case % len(WAYS)]
        made.outside.write(made.random.randint(8, 16))
        ended = _struck(made, server, way, chance)
        error = "died" if ended.reply is None else ended.reply.error
        told[f"{way}: {error or 'was done before'}"] += 1
        if error and error not in PATIENT:
            message = ended.reply.message if ended.reply else ""
            problems.append(f"{way}: the worker ended with {error} {message}")
        problems += [f"{way}: {w}" for w in made.judged(made.order(*made.recovery), tally)]
        if problems:
            break
    figures = {**dict(sorted(told.items())), "recovery p95, s": round(p95(tally.recoveries), 1)}
    return Outcome(count=sum(told.values()), figures=figures, problems=problems)


def _struck(made: World, server: Server, way: str, chance: random.Random) -> crew.Ended:
    """Restart while a worker stands at a failpoint, or at a random moment of its work."""
    place = chance.choice((*INGEST, *INGEST, ANYWHEN))
    if place == ANYWHEN:
        worker = crew.Worker(made.order(*made.work))
        time.sleep(chance.uniform(0.0, 0.6))
        server.restart(way)
    else:
        worker = crew.Worker(made.order(*made.work, failpoint=f"{place}=pause", at="capture"))
        is_standing = worker.stopped()
        server.restart(way)
        if is_standing:
            worker.resume()
    return worker.wait()


@contextmanager
def _second_server(bench: Bench) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(bench.folder / "restarted", settings=SETTINGS)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def lake_database(bench: Bench, count: int, seed: int) -> Outcome:
    """Restart the PostgreSQL of the lake's catalog, files as its source."""
    with _second_server(bench) as server:
        systems = Systems(server, bench.folder)
        with world(systems, bench.folder, seed, kind="files") as made:
            return restarted(made, postgres(server), count, seed)


def source_database(bench: Bench, count: int, seed: int) -> Outcome:
    """Restart the PostgreSQL that is captured, not the lake's."""
    with _second_server(bench) as server:
        bench.systems.sources = server
        with world(bench.systems, bench.folder, seed, kind="postgres") as made:
            return restarted(made, postgres(server), count, seed)


def kafka(bench: Bench, count: int, seed: int) -> Outcome:
    """Restart one node of Apache Kafka, its log on disk."""
    if not JARS.exists():
        return Outcome(count=0, left_out="no Apache Kafka: tests/services/install.sh fetches it")
    broker = ApacheKafka(bench.folder / "kafka", JARS)
    broker.start()
    bench.systems.kafka_address = broker.address
    try:
        with world(bench.systems, bench.folder, seed, kind="kafka") as made:
            server = Server(broker.stop, broker.kill, broker.start)
            return restarted(made, server, count, seed)
    finally:
        broker.kill()


def mosquitto(bench: Bench, count: int, seed: int) -> Outcome:
    """Restart Debian's MQTT broker, which saves its sessions after each change."""
    if not Path("/usr/sbin/mosquitto").exists():
        return Outcome(count=0, left_out="no mosquitto: tests/services/install.sh installs it")
    broker = Mosquitto(bench.folder / "mosquitto")
    broker.start()
    bench.systems.mqtt_port = broker.port
    try:
        with world(bench.systems, bench.folder, seed, kind="mqtt") as made:
            server = Server(broker.stop, broker.kill, broker.start)
            return restarted(made, server, count, seed)
    finally:
        broker.stop()
