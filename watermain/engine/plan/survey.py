"""Every stale partition with what it waits for, as one look at the ledger tells."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.plan.books import Books
from watermain.engine.plan.calendar import is_running
from watermain.engine.plan.candidates import Candidates, add, every
from watermain.engine.plan.due import Judge, StalePartition
from watermain.engine.plan.graph import Graph
from watermain.engine.plan.guard import Guard
from watermain.engine.publish.attempt import Attempt
from watermain.engine.table.reads import needed, needed_keys
from watermain.lake.ledger import Standing

State = Literal["ready", "waits", "runs", "rests", "held", "failing", "closed", "large", "later"]
Pair = tuple[DatasetName, str]
COMING: tuple[State, ...] = ("ready", "waits", "runs")  # what will be published by itself
STUCK: tuple[State, ...] = ("held", "failing", "large")  # what will not, and holds its readers back


@dataclass(frozen=True, kw_only=True)
class Pause:
    """How long a partition rests between two publishes that changes ask for.

    Units: `running` is for whole tables and for partitions that are not over, `over` for others.
    """

    running: timedelta = timedelta(minutes=5)
    over: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """A stale partition, what becomes of it, and why in words.

    Shapes: at `again_at` the same may have another state although nothing changed.
    """

    due: StalePartition
    state: State
    why: str = ""
    again_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a survey knows beside the ledger: the time, what was tried and what runs.

    Shapes: `own` are the datasets whose code is known here as it will run.
    """

    now: datetime
    attempts: Mapping[Pair, Attempt] = field(default_factory=dict)
    running: frozenset[Pair] = frozenset()
    own: Callable[[Dataset], bool] = field(default=lambda _: True)
    guard: Guard = field(default_factory=Guard)
    pause: Pause = field(default_factory=Pause)


@dataclass
class Survey:
    """Judge candidates, dataset by dataset behind what they read.

    Guarantees: a partition is judged by the versions that its inputs will have once everything
    that comes by itself has come, so that it is asked for once.
    """

    graph: Graph
    books: Books
    around: Around
    outlooks: dict[DatasetName, dict[str, Outlook]] = field(default_factory=dict)
    coming: dict[DatasetName, dict[str, str]] = field(default_factory=dict)

    def of(self, candidates: Candidates) -> Survey:
        """Judge candidates and whatever they will make stale."""
        waiting = dict(candidates)
        for dataset in self.graph.driven:
            if dataset.name not in waiting:
                continue
            keys = waiting[dataset.name]
            if keys is None:
                keys = every(dataset, self.graph, self.books, self.around.now, self.coming)
            self._judge(dataset, keys)
            coming = [(dataset.name, key) for key in self.coming.get(dataset.name, ())]
            for reader, touched in self.graph.touched(coming):
                add(waiting, reader.name, touched)
        return self

    def _judge(self, dataset: Dataset, keys: Iterable[str]) -> None:
        inputs = self.graph.inputs(dataset)
        known = self.books.standing([dataset.name, *inputs, *dataset.references])
        judge = Judge(
            dataset=dataset,
            inputs=inputs,
            versions={n: self._versions(n, known[n]) for n in inputs},
            own=known[dataset.name],
            codes=self.books.codes(dataset) if self.around.own(dataset) else None,
            is_open=lambda key: is_running(dataset, key, self.around.now),
            read_then=self.books.then,
            stands=lambda name: bool(known[name]) or name in self.coming,
        )
        found = [self._outlook(dataset, due) for due in judge.due(keys)]
        found = self._guarded(found, known[dataset.name])
        self.outlooks[dataset.name] = {v.due.key: v for v in found}
        coming = {v.due.key: v.due.wanted for v in found if v.state in COMING}
        if coming:
            self.coming[dataset.name] = coming

    def _versions(self, name: DatasetName, standing: Mapping[str, Standing]) -> dict[str, str]:
        """The versions that an input will have."""
        return {k: s.version for k, s in standing.items()} | self.coming.get(name, {})

    def _guarded(self, outlooks: list[Outlook], own: Mapping[str, Standing]) -> list[Outlook]:
        """The same, but told instead of asked for where they are too many at once."""
        asked = [v.due for v in outlooks if v.state in ("ready", "waits")]
        why = self.around.guard.refuses(asked, own)
        if why is None:
            return outlooks
        large = {due.key for due in asked}
        return [replace(v, state="large", why=why) if v.due.key in large else v for v in outlooks]

    def _outlook(self, dataset: Dataset, due: StalePartition) -> Outlook:
        for look in (self._later, self._runs, self._tried, self._upstream, self._rests):
            found = look(dataset, due)
            if found is not None:
                return found
        return Outlook(due=due, state="ready")

    def _later(self, dataset: Dataset, due: StalePartition) -> Outlook | None:
        """Leave alone what has not begun, and what is closed to news."""
        cadence, now = dataset.cadence, self.around.now
        if cadence is None:
            return None
        if due.key > cadence.key_of(now):
            begins_at = cadence.window(due.key).start
            return Outlook(due=due, state="later", why="it has not begun", again_at=begins_at)
        if cadence.closes_after is not None and due.cause == "inputs":
            closed_at = cadence.window(due.key).end + cadence.closes_after
            if now >= closed_at:
                why = f"it was closed to late rows at {closed_at:%Y-%m-%d %H:%M}"
                return Outlook(due=due, state="closed", why=why)
        return None

    def _runs(self, _: Dataset, due: StalePartition) -> Outlook | None:
        if (due.name, due.key) in self.around.running:
            return Outlook(due=due, state="runs", why="a run of it is under way")
        return None

    def _tried(self, _: Dataset, due: StalePartition) -> Outlook | None:
        """Leave alone what was refused, and for a while what failed."""
        tried = self.around.attempts.get((due.name, due.key))
        if tried is None or tried.wanted != due.wanted:
            return None
        if tried.state == "asked":
            return Outlook(due=due, state="runs", why="a run of it was asked for")
        if tried.state == "held":
            return Outlook(due=due, state="held", why=tried.why)
        if tried.state == "failed" and not tried.is_due(self.around.now):
            again_at = None if tried.is_given_up else tried.again_at
            return Outlook(due=due, state="failing", why=tried.told, again_at=again_at)
        return None

    def _upstream(self, dataset: Dataset, due: StalePartition) -> Outlook | None:
        """Hold a partition back with what it reads; let it wait for what is on its way."""
        waits = self._references(dataset, due)
        for other in self.graph.inputs(dataset).values():
            refused = self._refused(dataset, other, due.key)
            if refused is not None:
                return Outlook(due=due, state="held", why=refused)
            for outlook in self._read(dataset, other, due.key):
                if outlook.state in STUCK:
                    why = f"{outlook.due} is not published: {outlook.why}"
                    return Outlook(due=due, state="held", why=why, again_at=outlook.again_at)
                if outlook.state in COMING and not joins(dataset, other, outlook):
                    waits = Outlook(due=due, state="waits", why=f"{outlook.due} comes first")
        return waits

    def _refused(self, dataset: Dataset, other: Dataset, key: str) -> str | None:
        """What a blocking check found in captured rows that a partition reads, if it did."""
        severe = {c.label for c in other.all_checks if c.severity == "block"}
        if not severe or other.is_computed:  # of computed ones such rows are never published
            return None
        known = self.books.standing([other.name])[other.name]
        for each in needed_keys(dataset, other, key, known):
            failing = known[each].failing if each in known else "{}"
            found = severe & set(json.loads(failing)) if failing != "{}" else ()
            if found:
                return f"{other.name} {each}".rstrip() + f" breaks {', '.join(sorted(found))}"
        return None

    def _references(self, dataset: Dataset, due: StalePartition) -> Outlook | None:
        """Let a partition wait for what its checks refer to, until that stands."""
        for name in dataset.references:
            other = self.graph.datasets.get(name)
            coming = self.coming.get(name)
            if coming and other and not self.books.standing([name])[name]:
                return Outlook(due=due, state="waits", why=f"{name} comes first")
        return None

    def _read(self, dataset: Dataset, other: Dataset, key: str) -> Iterator[Outlook]:
        """The stale partitions of an input that a partition reads."""
        stale = self.outlooks.get(other.name, {})
        ends = needed(dataset, other, key) if stale else None
        if ends is None:
            yield from stale.values()
            return
        keys = list(stale)
        for each in keys[bisect_left(keys, ends[0]) : bisect_right(keys, ends[1])]:
            yield stale[each]

    def _may_join(self, dataset: Dataset, due: StalePartition) -> bool:
        """Whether something that a partition reads is asked for now, so that it can go with it."""
        return any(
            joins(dataset, other, outlook)
            for other in self.graph.inputs(dataset).values()
            for outlook in self._read(dataset, other, due.key)
        )

    def _rests(self, dataset: Dataset, due: StalePartition) -> Outlook | None:
        """Leave alone for a while what was published just now; it may go with what it reads."""
        if due.stands is None or due.cause == "code":
            return None
        pause, now = self.around.pause, self.around.now
        least = pause.running if is_running(dataset, due.key, now) else pause.over
        until = due.stands.at + least
        soon = until - now <= least / 5 and self._may_join(dataset, due)
        if due.stands.at <= now < until and not soon:
            why = f"it was published just now, and rests until {until:%H:%M:%S}"
            return Outlook(due=due, state="rests", why=why, again_at=until)
        return None


def joins(reader: Dataset, other: Dataset, outlook: Outlook) -> bool:
    """Whether a reader can be computed in the run that computes what it reads."""
    same = (reader.name.team, reader.cadence) == (other.name.team, other.cadence)
    return same and outlook.state == "ready"
