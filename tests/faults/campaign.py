"""Many seeded kills, each followed by recovery before the oracle."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

from resources.postgres import EmbeddedPostgres
from tests.faults import crew, declared
from tests.faults.generator import Generator
from tests.faults.oracle import acknowledged_too_early, verdict
from tests.faults.orders import Order

COMMITTING = ("publish.before_sync", "publish.before_commit", "publish.after_commit")
INGEST = (
    "ingest.before_transaction",
    "ingest.after_rows_before_ledger",
    "ingest.after_ledger_before_commit",
    "ingest.after_commit",
    "ingest.before_acknowledge",
    *COMMITTING,
)
PUBLISH = ("publish.after_stage", "publish.after_data_before_commit", *COMMITTING)
ANYWHEN = "at any moment"
RECOVERY = ("standing", "capture", "publish", "inspect")
PLACES = (
    *(("capture", place) for place in (*INGEST, ANYWHEN)),
    *(("publish", place) for place in (*PUBLISH, ANYWHEN)),
)
KILLS_PER_WORLD = 15
_NUMBERS = count()


@dataclass
class Tally:
    """What a campaign did: kills for each place, what the oracle found, changes written."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    changes: int = 0
    files: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in what another part of the campaign did."""
        self.kills += other.kills
        self.survived += other.survived
        self.changes += other.changes
        self.files += other.files
        self.problems += other.problems

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.kills.total()} kills, {self.survived} not reached,"
            f" {self.changes} changes, {self.files} files, {len(self.problems)} problems,"
            f" {self.seconds:.0f} s"
        )


@dataclass
class World:
    """A source with its lake, both in databases of their own.

    `slot` is its own, too: slots are named for a whole server.
    """

    environment: dict[str, str]
    slot: str
    generator: Generator
    random: random.Random
    defect: str | None = None

    def order(self, *verbs: str, failpoint: str | None = None, at: str = "") -> Order:
        """An order for a worker in this world."""
        return Order(
            environment=self.environment,
            verbs=verbs,
            failpoint=failpoint,
            at=at,
            defect=self.defect,
            given={"slot": self.slot},
        )

    def judged(self, order: Order) -> tuple[list[str], int]:
        """Recover as a retry would; give what is wrong, then the number of files."""
        ended = crew.run(order)
        if ended.reply is None or ended.reply.error:
            return [f"recovery ended with {ended.code}: {ended.reply and ended.reply.message}"], 0
        results = ended.results
        known, slots = results["standing"]
        wrong = acknowledged_too_early(known, slots)
        wrong += verdict(self.generator.log, results["inspect"])
        return wrong, results["inspect"]["files"]


@contextmanager
def world(
    server: EmbeddedPostgres, folder: Path, seed: int, *, files: bool = False
) -> Iterator[World]:
    """Make a source with rows to snapshot beside an empty lake; drop its slots at the end."""
    number = next(_NUMBERS)
    source, lake = f"factory_{number}", f"factory_lake_{number}"
    for name in (source, lake):
        server.ensure_database(name)
    chance = random.Random(seed)
    environment = {
        "WATERMAIN_DATA_DIR": str(folder / source),
        "WATERMAIN_POSTGRES": server.dsn(lake),
        "WATERMAIN_SOURCE_FACTORY": server.dsn(source),
        "WATERMAIN_BATCH_ROWS": "6",
        "WATERMAIN_THREADS": "1",
        "WATERMAIN_LEASE_SECONDS": "5",
    }
    (folder / source).mkdir()
    generator = Generator(server.dsn(source), chance)
    word = declared.steps.source
    generator.begin(getattr(word, "publication", ""), rows=20)
    made = World(environment, source, generator, chance)
    given = {"files": files}
    crew.run(Order(environment=environment, verbs=("initialize",), given=given)).results  # noqa: B018
    try:
        yield made
    finally:
        _drop_slots(server.dsn(source))


def _drop_slots(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(active_pid) from pg_replication_slots"
            " where database = current_database() and active"
        )
        deadline = time.monotonic() + 10
        while connection.execute(
            "select count(*) from pg_replication_slots"
            " where database = current_database() and active"
        ).fetchone() != (0,):
            assert time.monotonic() < deadline, "a slot stays in use"
            time.sleep(0.01)
        connection.execute(
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
            " where database = current_database()"
        )


def campaign(server: EmbeddedPostgres, folder: Path, *, kills: int, seed: int) -> Tally:
    """Kill that many times, two worlds at a time; every place in turn, the moment by chance."""
    began = time.monotonic()
    shares = [min(KILLS_PER_WORLD, kills - done) for done in range(0, kills, KILLS_PER_WORLD)]

    def live(number: int) -> Tally:
        tally = Tally(seed)
        with world(server, folder, seed + number, files=number % 2 == 1) as made:
            _kill_many(made, shares[number], tally)
        return tally

    total = Tally(seed)
    with ThreadPoolExecutor(2) as pool:
        for tally in pool.map(live, range(len(shares))):
            total.add(tally)
    total.seconds = time.monotonic() - began
    return total


def _kill_many(made: World, wanted: int, tally: Tally) -> None:
    due: list[tuple[str, str]] = []
    while tally.kills.total() < wanted and not tally.problems:
        due = due or made.random.sample(PLACES, len(PLACES))
        verb, place = due.pop()
        if _killed(made, verb, place):
            tally.kills[f"{verb} {place}"] += 1
        else:
            tally.survived += 1
        wrong, tally.files = made.judged(made.order(*RECOVERY))
        tally.problems += [f"killed in {verb} {place}: {each}" for each in wrong]
        tally.changes = len(made.generator.log)
        made.generator.write(made.random.randint(4, 8))


def _killed(made: World, verb: str, place: str) -> bool:
    verbs = ("capture",) if verb == "capture" else ("capture", "publish")
    if place == ANYWHEN:
        worker = crew.Worker(made.order(*verbs))
        time.sleep(made.random.uniform(0.0, 0.5))
        worker.kill()
        return worker.wait().killed
    nth = made.random.choice((1, 1, 2, 3)) if verb == "capture" else 1
    return crew.run(made.order(*verbs, failpoint=f"{place}=kill:{nth}", at=verb)).killed
