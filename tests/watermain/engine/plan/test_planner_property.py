"""What planners ask for makes all that a recomputation would, in random companies."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest

from tests.watermain.engine.plan.world import CADENCES, START, World, edited, made, source
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.plan.calendar import is_running, running_keys
from watermain.engine.plan.graph import Graph
from watermain.engine.plan.planner import PlanCursor, Planner
from watermain.engine.plan.request import Request
from watermain.engine.plan.survey import Around
from watermain.engine.publish.attempt import Attempt
from watermain.engine.table.reads import needed_keys

CASES, BLOCKS = 1000, 10
TEAMS = ("north", "south")
MOST_LOOKS = 200


def company(chance: Random) -> dict[DatasetName, Dataset]:
    """A few sources, and datasets that read some of what was made before."""
    found: list[Dataset] = []
    for n in range(chance.randint(1, 3)):
        found.append(source(f"{chance.choice(TEAMS)}.raw.s{n}", chance.choice(CADENCES)))
    for n in range(chance.randint(1, 6)):
        cadence = chance.choice(CADENCES)
        read = chance.sample(found, min(len(found), chance.randint(1, 3)))
        inputs = {str(d.name): _words(chance, d, cadence is not None) for d in read}
        found.append(made(f"{chance.choice(TEAMS)}.curated.d{n}", cadence, inputs))
    return {d.name: d for d in found}


def _words(chance: Random, other: Dataset, is_cut: bool) -> dict[str, object]:
    words: dict[str, object] = {"optional": chance.random() < 0.25}
    if is_cut and other.cadence is not None and chance.random() < 0.4:
        words["before"] = timedelta(hours=chance.choice((5, 24, 72)))
    if is_cut and other.cadence is None:
        words["refresh"] = chance.choice(("all", "all", "open", "new"))
    return words


@dataclass
class Drivers:
    """A planner for each team with a cursor of its own, and what they asked for."""

    world: World
    cursors: dict[str, PlanCursor] = field(default_factory=dict)
    attempts: dict[tuple[DatasetName, str], Attempt] = field(default_factory=dict)
    published: list[tuple[DatasetName, str]] = field(default_factory=list)
    vain: list[Request] = field(default_factory=list)

    def planner(self, team: str) -> Planner:
        return Planner.of(self.world.datasets, team, lambda _: False)

    def look(self, team: str) -> tuple[Request, ...]:
        """Look once and remember where, as a text that another process might read."""
        planner = self.planner(team)
        # What a process would know of its code when it starts.
        own = sorted((str(n), v) for n, v in self.world.code.items() if n.team == team)
        planner.__dict__["code"] = json.dumps(own)
        cursor = PlanCursor.parse(str(self.cursors[team])) if team in self.cursors else PlanCursor()
        found = planner.look_into(self.world, cursor, lambda: self._around(team), self.world.now)
        self.cursors[team] = found.cursor
        return found.requests

    def _around(self, team: str) -> Around:
        return Around(now=self.world.now, attempts=self.attempts, own=lambda d: d.name.team == team)

    def do(self, request: Request) -> None:
        """Run a request; what a check refuses is remembered as the engine does."""
        done = self.world.run(request)
        self.published += done
        refused = [p for p in request.wanted if p in self.world.refused]
        for pair in refused:
            self.attempts[pair] = Attempt(
                wanted=request.wanted[pair],
                tries=1,
                state="held",
                why="refused",
                run="r",
                at=self.world.now,
            )
        if not done and not refused:
            self.vain.append(request)

    def settle(self) -> None:
        """Look and run until nothing is asked for, while time passes."""
        quiet = 0
        for _ in range(MOST_LOOKS):
            asked = [(t, r) for t in TEAMS for r in self.look(t)]
            for _, request in asked:
                self.do(request)
            self.world.pass_time(timedelta(minutes=6))
            quiet = 0 if asked else quiet + 1
            if quiet == 3:
                return
        raise AssertionError("planners never come to rest")


def stale_after(world: World) -> list[str]:
    """What a recomputation of everything would make otherwise, told without versions."""
    wrong: list[str] = []
    held: set[tuple[DatasetName, str]] = set()
    for it in Graph(world.datasets, lambda _: False).driven:
        for key in calendar(world, it):
            stands = world.rows.get(it.name, {}).get(key)
            if (it.name, key) in world.refused or _reads(world, it, key, held):
                held.add((it.name, key))
                continue
            if not _enough(world, it, key):
                if stands and not _enough_then(stands[-1].read, it):
                    wrong.append(f"{it.name} {key} stands without its inputs")
                continue
            if not stands:
                if not _is_ahead(world, it, key):
                    wrong.append(f"{it.name} {key} is missing")
                continue
            now = world.computed(it.name, key)[0]
            kept = {
                pair: c
                for pair, c in stands[-1].read.items()
                if it.refresh(pair[0]) != "all"
                and it.cadence is not None
                and world.datasets[pair[0]].cadence is None
            }
            then = world.computed(it.name, key, kept)[0] if kept else now
            if stands[-1].content not in (now, then):
                wrong.append(f"{it.name} {key} is not what its inputs make")
    return wrong


def calendar(world: World, it: Dataset) -> list[str]:
    """Every partition that may be computed by now."""
    if it.cadence is None:
        return [""]
    known = set(world.rows.get(it.name, {}))
    last = it.cadence.key_of(world.now)
    keys = it.cadence.keys(it.cadence.first, last)
    cut = [n for n in it.inputs.values() if world.datasets[n].cadence is not None]
    if not cut:
        keys = running_keys(it.cadence, world.now)
    return sorted({*keys, *known})


def _is_ahead(world: World, it: Dataset, key: str) -> bool:
    return it.cadence is not None and key > it.cadence.key_of(world.now)


def _reads(world: World, it: Dataset, key: str, held: set[tuple[DatasetName, str]]) -> bool:
    for name in set(it.inputs.values()):
        other = world.datasets[name]
        of = {k: k for n, k in held if n == name}
        if of and set(needed_keys(it, other, key, of)) & set(of):
            return True
    return False


def _enough(world: World, it: Dataset, key: str) -> bool:
    names = set(it.inputs.values())
    there = {
        n: bool(
            set(needed_keys(it, world.datasets[n], key, world.rows.get(n, {})))
            & set(world.rows.get(n, {}))
        )
        for n in names
    }
    cut = [n for n in names if None not in (it.cadence, world.datasets[n].cadence)]
    if cut and not any(there[n] for n in cut):
        return False
    return any(there.values()) and all(there[n] or it.is_optional(n) for n in names)


def _enough_then(read: object, it: Dataset) -> bool:
    assert isinstance(read, dict)
    names = {n for n, _ in read}
    required = {n for n in it.inputs.values() if not it.is_optional(n)}
    return required <= names if required else bool(names)


def live_a_while(chance: Random, drivers: Drivers) -> None:
    """Let rows arrive, code change, time pass, planners look, runs happen or be lost."""
    world = drivers.world
    sources = [d for d in world.datasets.values() if not d.is_computed]
    computed = [d for d in world.datasets.values() if d.is_computed]
    for _ in range(chance.randint(3, 15)):
        event = chance.random()
        if event < 0.45:
            it = chance.choice(sources)
            world.arrive(it.name, _some_key(chance, it, world))
        elif event < 0.55:
            edited(world, chance.choice(computed).name)
        elif event < 0.65:
            world.pass_time(timedelta(hours=chance.choice((-2, 1, 7, 26))))
        elif event < 0.7:
            it = chance.choice(computed)
            key = _some_key(chance, it, world)
            world.refused ^= {(it.name, key)}
            drivers.attempts.pop((it.name, key), None)
        elif event < 0.75:
            world.forgets_before = world.snapshot
        elif event < 0.8:
            drivers.cursors.pop(chance.choice(TEAMS), None)
        else:
            asked = list(drivers.look(chance.choice(TEAMS)))
            chance.shuffle(asked)
            for request in asked[: chance.randint(0, len(asked))]:
                drivers.do(request)


def _some_key(chance: Random, it: Dataset, world: World) -> str:
    if it.cadence is None:
        return ""
    keys = it.cadence.keys(it.cadence.first, it.cadence.key_of(world.now))
    return chance.choice(keys[-40:])


@pytest.mark.parametrize("block", range(BLOCKS))
def test_planners_make_what_a_recomputation_makes(block: int) -> None:
    for seed in range(block * CASES // BLOCKS, (block + 1) * CASES // BLOCKS):
        chance = Random(seed)
        drivers = Drivers(World(company(chance)))
        live_a_while(chance, drivers)
        drivers.settle()
        wrong = stale_after(drivers.world)
        assert not wrong, (seed, wrong)
        assert not drivers.vain, (seed, [str(r) for r in drivers.vain])


@pytest.mark.parametrize("block", range(BLOCKS))
def test_planners_ask_for_each_partition_once(block: int) -> None:
    """After a single change each partition that it reaches is published once."""
    for seed in range(block * CASES // BLOCKS, (block + 1) * CASES // BLOCKS):
        chance = Random(seed)
        drivers = Drivers(World(company(chance)))
        world = drivers.world
        for it in [d for d in world.datasets.values() if not d.is_computed]:
            for _ in range(3):
                world.arrive(it.name, _some_key(chance, it, world))
        drivers.settle()
        drivers.published.clear()
        it = chance.choice([d for d in world.datasets.values() if not d.is_computed])
        late = sorted(world.rows[it.name])
        world.arrive(it.name, chance.choice(late))
        for _ in range(3 * len(world.datasets)):
            asked = [r for t in TEAMS for r in drivers.look(t)]
            for request in asked:
                drivers.do(request)
            world.pass_time(timedelta(seconds=1))
        assert len(drivers.published) == len(set(drivers.published)), (seed, drivers.published)


def test_a_company_starts_where_its_calendar_does() -> None:
    assert all(c is None or c.start <= START for c in CADENCES)


def test_running_partitions_are_not_over() -> None:
    it = made("north.curated.d", CADENCES[0], {"north.raw.s": {}})
    world = World({})
    assert it.cadence is not None
    assert is_running(it, it.cadence.key_of(world.now), world.now)
