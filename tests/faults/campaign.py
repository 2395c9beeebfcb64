"""Many seeded kills, each followed by recovery before the oracle."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg

from tests.faults import crew
from tests.faults.oracle import acknowledged_too_early, verdict
from tests.faults.orders import Order
from tests.faults.outside import KINDS, Outside, Systems, Table, opened
from tests.slots import drop_slots

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
RECOVERING = "while recovering"
CAPTURES = tuple(("capture", place) for place in (*INGEST, ANYWHEN))
PUBLISHES = tuple(("publish", place) for place in (*PUBLISH, ANYWHEN))
KILLS_PER_WORLD = 15
RECOVERING_SHARE = 0.35
_NUMBERS = count()


@dataclass
class Tally:
    """What a campaign did: kills for each place, what the oracle found, changes written.

    `recoveries` are the seconds from a kill to the end of the retry that made it good.
    """

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    changes: int = 0
    files: int = 0
    seconds: float = 0.0
    recoveries: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in what another part of the campaign did."""
        self.kills += other.kills
        self.survived += other.survived
        self.changes += other.changes
        self.files += other.files
        self.recoveries += other.recoveries
        self.problems += other.problems

    @property
    def while_recovering(self) -> int:
        """Kills of a process that was making good an earlier kill."""
        return sum(n for place, n in self.kills.items() if place.endswith(RECOVERING))

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.kills.total()} kills, {self.while_recovering} of them"
            f" while recovering, {self.survived} not reached, recovery p95"
            f" {p95(self.recoveries):.1f} s, {self.changes} changes, {self.files} files,"
            f" {len(self.problems)} problems, {self.seconds:.0f} s"
        )


def p95(values: Sequence[float]) -> float:
    """The value that nineteen in twenty do not exceed."""
    return sorted(values)[len(values) * 95 // 100] if values else 0.0


@dataclass
class World:
    """An outside system with a lake of its own."""

    environment: dict[str, str]
    outside: Outside
    random: random.Random
    defect: str | None = None

    @property
    def recovery(self) -> tuple[str, ...]:
        """What a retry does, between two looks of the oracle."""
        return ("standing", *self.work, "inspect")

    @property
    def work(self) -> tuple[str, ...]:
        """What is killed."""
        return ("capture", "publish") if isinstance(self.outside, Table) else ("capture",)

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Where it is killed."""
        return (*CAPTURES, *PUBLISHES) if "publish" in self.work else CAPTURES

    def order(self, *verbs: str, failpoint: str | None = None, at: str = "") -> Order:
        """An order for a worker in this world."""
        return Order(
            environment=self.environment,
            verbs=verbs,
            failpoint=failpoint,
            at=at,
            defect=self.defect,
            given=self.outside.given(),
        )

    def judged(self, order: Order, tally: Tally | None = None) -> list[str]:
        """Recover as a retry would; give what is wrong."""
        began = time.monotonic()
        ended = crew.run(order)
        if ended.reply is None or ended.reply.error:
            return [f"recovery ended with {ended.code}: {ended.reply and ended.reply.message}"]
        if tally is not None:
            looking = sum(ended.reply.seconds[verb] for verb in ("standing", "inspect"))
            tally.recoveries.append(time.monotonic() - began - looking)
            tally.files = ended.results["inspect"]["files"]
        known, slots = ended.results["standing"]
        wrong = acknowledged_too_early(known, slots)
        return wrong + verdict(self.outside.log, ended.results["inspect"])


@contextmanager
def world(
    systems: Systems,
    folder: Path,
    seed: int,
    *,
    kind: str = "postgres",
    settings: Mapping[str, str] = {},
) -> Iterator[World]:
    """Make an outside system beside an empty lake, with `settings`; drop its slots at the end."""
    number = next(_NUMBERS)
    source, lake = f"factory_{number}", f"factory_lake_{number}"
    systems.postgres.ensure_database(lake)
    chance = random.Random(seed)
    home = folder / source
    home.mkdir()
    with opened(kind, systems, home, chance) as outside:
        environment = {
            "WATERMAIN_DATA_DIR": str(home),
            "WATERMAIN_POSTGRES": systems.postgres.dsn(lake),
            "WATERMAIN_BATCH_ROWS": "6",
            "WATERMAIN_THREADS": "1",
            "WATERMAIN_LEASE_SECONDS": "5",
            "WATERMAIN_TICK_SECONDS": "600",  # a retry on a busy machine reads to the end
            **outside.environment,
            **settings,
        }
        made = World(environment, outside, chance)
        given = outside.given()
        verbs = ("initialize", "verify") if kind == "mqtt" else ("initialize",)
        crew.run(Order(environment=environment, verbs=verbs, given=given)).results  # noqa: B018
        if not isinstance(outside, Table):
            outside.write(4)
        try:
            yield made
        finally:
            if isinstance(outside, Table):
                with psycopg.connect(outside.dsn, autocommit=True) as connection:
                    drop_slots(connection)


def campaign(
    systems: Systems, folder: Path, *, kills: int, seed: int, kinds: Sequence[str] = KINDS
) -> Tally:
    """Kill that many times, the kinds in turn, two worlds at a time; the moment by chance."""
    began = time.monotonic()
    size = min(KILLS_PER_WORLD, -(-kills // len(kinds)))
    shares = [min(size, kills - done) for done in range(0, kills, size)]

    def live(number: int) -> Tally:
        tally, kind = Tally(seed), kinds[number % len(kinds)]
        with world(systems, folder, seed + number, kind=kind) as made:
            _kill_many(made, shares[number], tally)
        tally.kills = Counter({f"{kind}: {place}": n for place, n in tally.kills.items()})
        tally.problems = [f"{kind}: {each}" for each in tally.problems]
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
        places, again = [], True
        while again and tally.kills.total() < wanted:
            due = due or made.random.sample(made.places, len(made.places))
            verb, place = due.pop()
            if _killed(made, verb, place):
                places.append(f"{verb} {place}")
                tally.kills[f"{verb} {place}" + f" {RECOVERING}" * (len(places) > 1)] += 1
            else:
                tally.survived += 1
            if tally.recoveries or not isinstance(made.outside, Table):
                made.outside.write(made.random.randint(4, 8))
            owed = tally.while_recovering < RECOVERING_SHARE * (tally.kills.total() + 1)
            again = bool(places) and owed
        wrong = made.judged(made.order(*made.recovery), tally)
        tally.problems += [f"killed in {places}: {each}" for each in wrong]
        tally.changes = len(made.outside.log)
        made.outside.write(made.random.randint(4, 8))


def _killed(made: World, verb: str, place: str) -> bool:
    verbs = made.work[: made.work.index(verb) + 1]
    if place == ANYWHEN:
        worker = crew.Worker(made.order(*verbs))
        time.sleep(made.random.uniform(0.0, 0.5))
        worker.kill()
        return worker.wait().killed
    nth = made.random.choice((1, 1, 2, 3)) if verb == "capture" else 1
    return crew.run(made.order(*verbs, failpoint=f"{place}=kill:{nth}", at=verb)).killed
