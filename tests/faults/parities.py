"""A store that is killed, flushed while changes are pushed into it; then held against the lake."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import redis

from tests.faults.outcome import Bench, Outcome
from tests.house.tree import ROOT
from tests.watermain.online.redis_server import PROGRAM, RedisServer
from watermain.declare import Column, Contract, Daily, Dataset
from watermain.declare.errors import TransientError
from watermain.declare.feature import Feature, Online
from watermain.declare.feature_table import feature_table
from watermain.engine.feature.online import push
from watermain.engine.feature.parity import parity
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.online.opening import open_store
from watermain.settings import child_environment, load_settings, set_variables

KEYS = 1_000_000
FLUSHES = 2
CHANGED_DAYS = tuple(f"2013-01-0{day}" for day in range(2, 7))
NOW = datetime(2013, 1, 9, tzinfo=UTC)
PATIENCE_SECONDS = 600
STOP = "stop"
_ROWS = """
select 'bird ' || n as who, timestamptz '{day} 00:00:00+00' + to_microseconds(
    (hash(n, '{day}', {seed}) % 86400000000)::bigint) as seen_at,
    hash(n, 'height', {seed}) % 100000 / 8 as height, (hash(n, {seed}) % 1000)::bigint as flock
from range({keys}) as r (n) where hash(n, 'chosen', {seed}) % 1000 < {share}
"""


def sightings(body_rows: pa.Table | None = None) -> Dataset:
    """Where birds were seen last."""
    columns = (
        Column("who", pa.string(), "the bird"),
        Column("seen_at", pa.timestamp("us", "UTC"), "when"),
        Column("height", pa.float64(), "how high", unit="feet"),
        Column("flock", pa.int64(), "with how many"),
    )

    def body() -> pa.Table:
        return body_rows

    return feature_table(
        "wildlife.features.sightings",
        feature=Feature(entity=("who",), online=Online()),
        contract=Contract(
            grain="one row per bird and sighting",
            key=("who", "seen_at"),
            event_time="seen_at",
            columns=columns,
        ),
        owner="team:wildlife",
        cadence=Daily(start=date(2013, 1, 1)),
    )(body)


def give(lake: Lake, day: str, keys: int, share: int, seed: int) -> None:
    """Publish one day anew: that many of a thousand birds; who was seen that day before is not."""
    with duckdb.connect() as engine:
        engine.execute("set timezone = 'UTC'")
        rows = engine.execute(_ROWS.format(day=day, keys=keys, share=share, seed=seed))
        made = sightings(rows.to_arrow_table().cast(sightings().contract.schema))
    job = Job(lake=lake, find={made.name: made}.__getitem__, rebuild=True)
    cadence = made.cadence
    assert cadence is not None
    publish(made, Span(cadence, day, day), job).refuse_blocked()


@dataclass
class Pusher:
    """A process that pushes again and again, until there is a file that says stop."""

    folder: Path
    environment: dict[str, str]
    rows: str
    deaths: int = 0
    _child: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it."""
        with (self.folder / "pusher.log").open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.parities", str(self.folder), self.rows],
                env=child_environment(**self.environment),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it without any warning, start another."""
        assert self._child is not None
        self._child.kill()
        self._child.wait(PATIENCE_SECONDS)
        self.deaths += 1
        self.start()

    def end(self) -> list[str]:
        """Let it push once more, then end; give what it had to complain of."""
        assert self._child is not None
        (self.folder / STOP).touch()
        try:
            code = self._child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(self._child.pid, signal.SIGKILL)
            return ["the pusher does not come to an end"]
        log = (self.folder / "pusher.log").read_text()
        return [] if code == 0 else [f"the pusher ended with {code}: {log[-500:]}"]


def campaign(bench: Bench, count: int, seed: int, keys: int = KEYS) -> Outcome:
    """Kill the store that often, flush it twice on the way, while days are published, pushed."""
    if not PROGRAM.exists():
        return Outcome(count=0, left_out="no redis-server: tests/services/install.sh installs it")
    server = RedisServer(bench.folder / "redis")
    server.start()
    environment = {
        "WATERMAIN_DATA_DIR": str(bench.folder / "lake"),
        "WATERMAIN_POSTGRES": bench.systems.postgres.dsn(bench.database("parity")),
        "WATERMAIN_ONLINE_STORE": server.url,
    }
    with ExitStack() as stack:
        stack.callback(server.stop)
        before = {name: os.environ.get(name) for name in environment}
        stack.callback(_put_back, before)
        set_variables(environment)
        lake = Lake.from_settings()
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
        give(lake, "2013-01-01", keys, 1000, seed)
        pusher = Pusher(bench.folder, environment, str(max(10, keys // 200)))
        pusher.start()
        try:
            told, problems = _strikes(lake, server, pusher, random.Random(seed), (count, keys))
            give(lake, CHANGED_DAYS[-1], keys, 20, seed + 1)
        finally:
            complaints = pusher.end()
        problems += complaints + judged(lake, keys)
    return Outcome(
        count=told["kills"],
        figures={"keys": keys, **told, "pushers killed": pusher.deaths},
        problems=problems,
    )


def _strikes(
    lake: Lake, server: RedisServer, pusher: Pusher, chance: random.Random, size: tuple[int, int]
) -> tuple[Counter[str], list[str]]:
    """Publish, strike, let it be filled again, judge; half of the kills strike what is half full.

    A kill ends the pusher's connection, so it hears of it. A flush does not: both flushes strike a
    table that is half full, which is then filled to its end by a push that has to notice.
    """
    (count, keys), told = size, Counter[str](kills=0, flushes=0)
    flushed = {count * (n + 1) // (FLUSHES + 1) for n in range(FLUSHES)}
    problems = []
    for case in range(count):
        give(
            lake, chance.choice(CHANGED_DAYS), keys, chance.randint(2, 20), chance.randrange(2**31)
        )
        if case % 2 and case not in flushed:
            told["killed when half full"] += _half_full(server, keys)
        else:
            time.sleep(chance.uniform(0, 1))
        server.kill()
        told["kills"] += 1
        server.start()
        if case in flushed:
            told["flushed when half full"] += _half_full(server, keys)
            with redis.Redis.from_url(server.url, socket_timeout=60) as client:
                client.flushall()
            told["flushes"] += 1
        if case % 5 == 4:
            pusher.kill()
        problems += _settled(lake, case)
    return told, problems


def _half_full(server: RedisServer, keys: int) -> bool:
    """Empty the store, wait until a push has filled a half of it, its cursor nowhere yet."""
    cursor, deadline = f"online-cursor:{sightings().name}", time.monotonic() + PATIENCE_SECONDS
    with redis.Redis.from_url(server.url, socket_timeout=60) as client:
        client.flushall()
        while time.monotonic() < deadline:
            if client.exists(cursor):
                return False
            if client.dbsize() > keys // 2:
                return True
            time.sleep(0.001)
    return False


def _settled(lake: Lake, case: int) -> list[str]:
    """Wait until the cursor has arrived; then no entity may differ."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with open_store(load_settings()) as store:
        while store.cursor(str(sightings().name)) is None:
            if time.monotonic() > deadline:
                return [f"strike {case}: the store is not filled again"]
            time.sleep(0.1)
        found = parity(sightings(), lake, store, NOW)
    return [f"strike {case}: {found}"] if found.mismatches and not found.is_cut_off else []


def judged(lake: Lake, keys: int) -> list[str]:
    """Hold the store against the lake by parity, then once more by other means than ours."""
    made, problems = sightings(), []
    with open_store(load_settings()) as store:
        found = parity(made, lake, store, NOW)
        if found.mismatches or found.compared != keys or found.is_cut_off or not found.cursor:
            problems.append(f"parity: {replace(found, samples=found.samples[:10])}")
        held = {
            json.loads(row["key"])[0]: (row["event_us"], json.loads(row["value"]))
            for batch in store.scan(str(made.name))
            for row in batch.to_pylist()
        }
    wanted = _newest(lake)
    wrong = [who for who in {*held, *wanted} if held.get(who) != wanted.get(who)]
    if wrong:
        problems.append(f"{len(wrong)} birds differ, such as {sorted(wrong)[:5]}")
    return problems


def _newest(lake: Lake) -> dict[str, tuple[int, dict[str, Any]]]:
    """The newest row of each bird, by a dictionary."""
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    with lake.get_connection() as connection:
        rows = connection.execute(
            f"select who, epoch_us(seen_at), height, flock from {table(sightings().name)}"
        )
        while some := rows.fetchmany(50_000):
            for who, at, height, flock in some:
                if who not in found or found[who][0] < at:
                    found[who] = (at, {"height": height, "flock": flock})
    return found


def _put_back(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def keep_pushing(folder: Path, rows_at_once: int) -> None:
    """Push until told to stop, then once more until it succeeds; a fault passes by itself."""
    lake, made = Lake.from_settings(), sightings()
    with open_store(load_settings()) as store:
        while True:
            is_last = (folder / STOP).exists()
            try:
                done = push(made, lake, store, NOW, rows_at_once=rows_at_once)
                line = f"{done.written} {done.corrected} {done.is_whole}"
            except TransientError as error:
                is_last, line = False, f"{type(error).__name__}: {error.what}"
            sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")
            sys.stdout.flush()
            if is_last:
                return
            time.sleep(timedelta(milliseconds=50).total_seconds())


if __name__ == "__main__":
    keep_pushing(Path(sys.argv[1]), int(sys.argv[2]))
