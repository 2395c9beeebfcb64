"""Computed datasets kept up with what feeds them, without a run for each change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial

from watermain import trouble
from watermain.backoff import Backoff
from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenContractError, TooLargeError, WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.capture.stream import PASSING, unnamed
from watermain.engine.plan.driven import follower_of, guard
from watermain.engine.plan.planner import PlanCursor, Planner
from watermain.engine.plan.survey import COMING, Around, Outlook, Pause
from watermain.engine.publish.attempt import Attempts
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span, spans
from watermain.settings import load_settings

LOOK_SECONDS = 1.0
PAUSE = timedelta(seconds=5)

Tell = Callable[[str], None]


def nothing(_: Dataset, __: Job) -> None:
    """Do nothing more with a dataset that was published."""


@dataclass(kw_only=True)
class Follower:
    """Publish computed datasets whenever the partitions that they read change.

    `after` each publish something more is done, such as a push; both are tried again until they
    succeed.
    Guarantees: it stages, audits and publishes as any run does, by the one body; the ledger tells
    what changed, whoever changed it, so nothing is missed while it is away. What is more than the
    guard lets through is told and left alone. A dataset that meets an error holds up no other.
    """

    datasets: Sequence[Dataset]
    job: Job
    stop: threading.Event
    tell: Tell
    after: Callable[[Dataset, Job], object] = nothing
    cursor: PlanCursor = field(default_factory=PlanCursor)
    pending: dict[DatasetName, set[str]] = field(default_factory=dict)
    due: dict[DatasetName, float] = field(default_factory=dict)
    begun: set[DatasetName] = field(default_factory=set)
    said: dict[DatasetName, str] = field(default_factory=dict)
    backoff: Backoff = field(default_factory=lambda: Backoff(first=PAUSE))
    waits: bool = True  # a former one may have died in trouble

    def run(self) -> None:
        """Follow until `stop` is set; what is away is tried ever more rarely, up to a bound."""
        order = in_order(self.datasets)
        while not self.stop.is_set():
            failed = self._round(order)
            if failed:
                self._wait(order, failed)
            else:
                self._works(order)
                self.stop.wait(LOOK_SECONDS)
        self._works(order)

    def _round(self, order: Sequence[Dataset]) -> dict[DatasetName, WatermainError]:
        """Look once, and refresh each dataset behind what it reads; give the errors that they met.

        What a publish of this round makes stale is known before it, so that nobody looks again.
        """
        failed = self._tried(order[0], self.look)
        if failed is not None:
            return {dataset.name: failed for dataset in order}
        tried = {d.name: self._tried(d, partial(self._refresh, d)) for d in order}
        return {name: error for name, error in tried.items() if error is not None}

    def _wait(self, order: Sequence[Dataset], failed: Mapping[DatasetName, WatermainError]) -> None:
        """Pause: ever longer while all fail, since the lake is away; else for the next look."""
        pause = self.backoff.pause() if len(failed) == len(order) else PAUSE
        home, now = load_settings().home, self.job.clock.now()
        for dataset in order:
            error, name = failed.get(dataset.name), str(dataset.name)
            if error is None:
                trouble.end(home, name)
            else:
                trouble.begin(home, name, error, now=now, again_at=now + pause)
        self.waits = True
        self.stop.wait(pause.total_seconds())

    def _tried(self, dataset: Dataset, act: Callable[[], None]) -> WatermainError | None:
        """Do something for a dataset; give the error that it met."""
        try:
            act()
        except WatermainError as error:
            self._say(dataset, error)
            return error
        except PASSING as error:
            self._say(dataset, told := unnamed(error))
            return told
        return None

    def _works(self, order: Sequence[Dataset]) -> None:
        if self.waits:
            for dataset in order:
                trouble.end(load_settings().home, str(dataset.name))
        if self.backoff.tries:
            self.tell(f"following goes on, after {self.backoff.tries} tries")
        self.backoff.rest()
        self.waits = False

    @cached_property
    def planner(self) -> Planner:
        """What tells which partitions are stale."""
        return follower_of(self.datasets, self.job.find)

    def look(self) -> None:
        """Note which partitions are stale."""
        found = self.planner.look(self.job.lake, self.cursor, self._around, self.job.clock.now())
        self.cursor = found.cursor
        outlooks = found.survey.outlooks if found.survey else {}
        for dataset in self.datasets:
            of = outlooks.get(dataset.name, {}).values()
            keys = {v.due.key for v in of if v.state in COMING}
            if keys:
                self.pending.setdefault(dataset.name, set()).update(keys)
            self._tell_large(dataset, [v for v in of if v.state == "large"])

    def _around(self) -> Around:
        """What the planner must know beside the ledger; a dataset rests as its cadence says."""
        tried = Attempts(self.job.lake.dsn()).of(d.name for d in self.datasets)
        none = timedelta(0)
        return Around(
            now=self.job.clock.now(),
            attempts={pair: a for pair, a in tried.items() if a.state == "held"},
            guard=guard(load_settings()),
            pause=Pause(running=none, over=none),
        )

    def _tell_large(self, dataset: Dataset, outlooks: Sequence[Outlook]) -> None:
        """Tell once of what nobody asked for and is more than may be done without being asked."""
        if not outlooks:
            return
        keys = sorted(v.due.key for v in outlooks)
        self._say(
            dataset,
            TooLargeError.nothing_happened(
                f"{dataset.name}: {outlooks[0].why}",
                declared=dataset.declared,
                next=f"watermain run {dataset.name} --from {keys[0]} --to {keys[-1]}",
            ),
        )

    def _refresh(self, dataset: Dataset) -> None:
        keys = self.pending.get(dataset.name)
        if not keys:
            self._begin(dataset)
            return
        if time.monotonic() < self.due.get(dataset.name, 0.0):
            return
        every = dataset.cadence.every if dataset.cadence else None
        self.due[dataset.name] = time.monotonic() + (every.total_seconds() if every else 0.0)
        cadence, refused = dataset.cadence, False
        asked: list[Span | None] = [*spans(cadence, sorted(keys))] if cadence else [None]
        for span in asked:
            done = publish(dataset, span, self.job)
            try:
                done.refuse_blocked()
            except BrokenContractError as error:  # readers keep what stands; the ledger has it
                self._say(dataset, error)
                refused = True
        self.after(dataset, self.job)
        self.begun.add(dataset.name)
        self.pending.pop(dataset.name)
        if not refused:
            self.said.pop(dataset.name, None)

    def _begin(self, dataset: Dataset) -> None:
        """Do once what follows a publish, for nobody knows what was left undone before."""
        if dataset.name not in self.begun:
            self.after(dataset, self.job)
            self.begun.add(dataset.name)

    def _say(self, dataset: Dataset, error: WatermainError) -> None:
        """Tell of a dataset's error once, until it works again."""
        if error.what != self.said.get(dataset.name):
            self.tell(f"{type(error).__name__}: {error}")
            self.said[dataset.name] = error.what


def in_order(datasets: Sequence[Dataset]) -> list[Dataset]:
    """Datasets after those of them that they read or refer to."""
    waiting = {d.name: d for d in datasets}
    found: list[Dataset] = []
    while waiting:
        free = [d for d in waiting.values() if not set(d.upstream) & set(waiting)]
        found += free
        for dataset in free:
            del waiting[dataset.name]
    return found
