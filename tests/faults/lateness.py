"""Random schedules of late events: readers refreshed by partition must equal one batch."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import ibis
import pytest

from tests.faults.outcome import Bench, Outcome
from tests.watermain.engine.capture.test_lateness import Shards
from tests.watermain.engine.capture.test_lateness import events as declared
from tests.watermain.engine.feed import Feed
from watermain.clock import FixedClock
from watermain.declare import Contract, Daily, dataset
from watermain.engine.capture.ingest import intake
from watermain.engine.capture.stream import PREFIX
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.protocol import Batch, Limit

BEGIN = datetime(2013, 1, 1, tzinfo=UTC)
CADENCE = Daily(start=BEGIN.date(), late_for=timedelta(hours=12))
DAYS, SHARDS = 7, 3
events = replace(declared, cadence=CADENCE)


@dataset(
    "shop.curated.counted",
    inputs={"events": "shop.raw.events"},
    contract=Contract(
        grain="one row per event", key=("id",), event_time="at", columns=events.contract.columns
    ),
    cadence=CADENCE,
    owner="team:shop",
)
def counted(events: ibis.Table) -> ibis.Table:
    """Read each event once."""
    return events.select("id", "at").distinct()


KNOWN = {events.name: events, counted.name: counted}


@dataclass
class Schedules:
    """What the schedules did: events, batches, late rows, refreshed partitions, problems."""

    seed: int
    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def campaign(bench: Bench, count: int, seed: int) -> Outcome:
    """Run that many schedules over a lake of their own."""
    postgres = bench.systems.postgres
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("WATERMAIN_DATA_DIR", str(bench.folder / "lateness"))
        variables.setenv("WATERMAIN_POSTGRES", postgres.dsn(bench.database("lateness")))
        lake = Lake.from_settings()
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
        found = run_schedules(lake, count, seed)
    figures = dict(sorted(found.counts.items()))
    return Outcome(count=found.done, figures=figures, problems=found.problems)


def run_schedules(lake: Lake, schedules: int, seed: int) -> Schedules:
    """Run random schedules, each from an empty lake to its end."""
    found = Schedules(seed)
    for number in range(schedules):
        chance = random.Random(f"{seed} {number}")
        _emptied(lake)
        found.problems += [f"schedule {number}: {p}" for p in _schedule(lake, chance, found)]
        found.done += 1
    return found


def _schedule(lake: Lake, chance: random.Random, found: Schedules) -> Iterator[str]:
    """Send events out of order, in batches; refresh what is told after some of them."""
    clock, since = FixedClock(BEGIN + timedelta(days=30)), None
    job = Job(lake=lake, find=KNOWN.__getitem__, run_id=f"{PREFIX}{chance.random()}", clock=clock)
    sent: Counter[str] = Counter()
    model, waiting = _Model(), list(_batches(chance, Shards()))
    while waiting:
        size = chance.randint(1, 5)
        together, waiting = waiting[:size], waiting[size:]
        with intake(events, job, Feed(*(batch for batch, _ in together))) as held:
            for row, (_, instants) in zip(held.take(Limit()), together, strict=True):
                yield from model.compared(row, instants, clock.instant)
                clock.instant += timedelta(minutes=chance.choice((1, 1, 1, 7, 11)))
                sent.update(f"{each:%Y-%m-%d}" for each in instants)
                found.counts.update(events=len(instants), batches=1)
        if not waiting or chance.random() < 0.5:
            since = _refreshed(lake, job, since, found)
    with lake.get_connection() as connection:
        day = Span(CADENCE, "2013-01-01", "2013-01-31").key(counted.contract)
        query = f"select {day}, count(*) from {table(counted.name)} group by 1"
        readers = dict(connection.execute(query).fetchall())
    if readers != dict(sent):
        yield f"readers hold {sorted(readers.items())}, sent were {sorted(sent.items())}"
    found.counts.update(late=model.late)


def _batches(chance: random.Random, given: Shards) -> Iterator[tuple[Batch, list[datetime]]]:
    """Deal events with delays of up to days to shards that may fall silent."""
    instants = [
        BEGIN + timedelta(days=chance.random() * DAYS) for _ in range(chance.randint(5, 60))
    ]
    delay = chance.choice((0.0, 0.2, 1.0, DAYS))
    instants.sort(key=lambda at: at + timedelta(days=chance.random() * delay))
    while instants:
        size = chance.randint(1, 15)
        taken, instants = instants[:size], instants[size:]
        shard = f"s{chance.randrange(chance.randint(1, SHARDS))}"
        yield given.batch(*(at.isoformat() for at in taken), shard=shard), taken


def _refreshed(lake: Lake, job: Job, since: int | None, found: Schedules) -> int:
    """Publish exactly the readers' partitions that the ledger tells of, as a planner does."""
    with lake.get_connection() as connection:
        present = lake.snapshot(connection)
        if since is None:
            keys = sorted(ledger.versions(connection, events.name))
        else:
            keys = sorted(ledger.partitions_between(connection, events.name, since, present))
    begin = 0
    for at, key in enumerate(keys):  # neighbours are one run, as a range is
        if keys[at + 1 : at + 2] != CADENCE.keys(key, _following(key))[1:]:
            publish(counted, Span(CADENCE, keys[begin], key), job)
            begin = at + 1
    found.counts.update(refreshed=len(keys))
    return present


class _Model:
    """Watermarks by a few lines of their own, to hold the ledger's words against."""

    def __init__(self) -> None:
        self.newest: dict[str, datetime] = {}
        self.seen: dict[str, datetime] = {}
        self.reached: datetime | None = None
        self.late = 0

    def compared(
        self, row: ledger.BatchRow, instants: list[datetime], now: datetime
    ) -> Iterator[str]:
        """What the ledger says of a batch otherwise than the model."""
        late = [at for at in instants if self._is_over(at.date())]
        self.late += len(late)
        self.newest[row.shard] = max([self.newest.get(row.shard, BEGIN), *instants])
        self.seen[row.shard] = now
        live = [s for s, at in self.seen.items() if at >= now - CADENCE.idle_after]
        self.reached = max(min(self.newest[s] for s in live), self.reached or BEGIN)
        expected = (len(late), json.dumps(sorted({f"{at:%Y-%m-%d}" for at in late})), self.reached)
        said = (row.late, row.late_partitions, row.watermark_at)
        if said != expected:
            yield f"the ledger says {said}, the model {expected}"

    def _is_over(self, day: date) -> bool:
        end = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1)
        return self.reached is not None and end + CADENCE.late_for <= self.reached


def _following(key: str) -> str:
    return CADENCE.following(CADENCE.local(key)).strftime(CADENCE.format)


def _emptied(lake: Lake) -> None:
    with lake.get_connection() as connection:
        for name in KNOWN:
            connection.execute(f"drop table if exists {table(name)}")
        for kept in (ledger.BATCHES, ledger.PUBLISHES):
            connection.execute(f"delete from {kept}")
