"""Computed datasets kept up with what feeds them, without a run for each change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import duckdb

from watermain import trouble
from watermain.backoff import Backoff
from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    BrokenContractError,
    WatermainError,
)
from watermain.declare.name import DatasetName
from watermain.engine.capture.stream import PASSING, unnamed
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span, spans, touched
from watermain.lake import ledger
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
    what changed, whoever changed it, so nothing is missed while it is away but what became of
    partitions that are over: those stay with Dagster's automation. A dataset that meets an error
    holds up no other.
    """

    datasets: Sequence[Dataset]
    job: Job
    stop: threading.Event
    tell: Tell
    after: Callable[[Dataset, Job], object] = nothing
    since: int | None = None
    pending: dict[DatasetName, set[str]] = field(default_factory=dict)
    due: dict[DatasetName, float] = field(default_factory=dict)
    said: dict[DatasetName, str] = field(default_factory=dict)
    backoff: Backoff = field(default_factory=lambda: Backoff(first=PAUSE))
    waits: bool = False

    def run(self) -> None:
        """Follow until `stop` is set; what is away is tried ever more rarely, up to a bound."""
        order = in_order(self.datasets)
        while not self.stop.is_set():
            failed = dict(each for each in map(self._tried, order) if each is not None)
            if failed:
                self._wait(order, failed)
            else:
                self._works(order)
                self.stop.wait(LOOK_SECONDS)
        self._works(order)

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

    def _tried(self, dataset: Dataset) -> tuple[DatasetName, WatermainError] | None:
        """Refresh a dataset; give the error that it met."""
        try:
            self.look()
            self._refresh(dataset)
        except WatermainError as error:
            self._say(dataset, error)
            return dataset.name, error
        except PASSING as error:
            self._say(dataset, told := unnamed(error))
            return dataset.name, told
        return None

    def _works(self, order: Sequence[Dataset]) -> None:
        if self.waits:
            for dataset in order:
                trouble.end(load_settings().home, str(dataset.name))
        if self.backoff.tries:
            self.tell(f"following goes on, after {self.backoff.tries} tries")
        self.backoff.rest()
        self.waits = False

    def look(self) -> None:
        """Note which partitions have new inputs."""
        with self.job.lake.get_connection() as connection:
            present = self.job.lake.snapshot(connection)
            if self.since is None:
                self._note_open()
            elif present > self.since:
                try:
                    self._note(_published(connection, self.since, present))
                except duckdb.InvalidInputException as error:
                    if "No snapshot found" not in str(error):
                        raise
                    self._note_open()
        self.since = present

    def _note_open(self) -> None:
        for dataset in self.datasets:
            self.pending.setdefault(dataset.name, set()).update(self._open(dataset))

    def _note(self, changes: Sequence[tuple[str, str]]) -> None:
        for reader in self.datasets:
            for name, key in changes:
                if any(str(read) == name for read in reader.inputs.values()):
                    keys = self._touched(reader, DatasetName.parse(name), key)
                    self.pending.setdefault(reader.name, set()).update(keys)

    def _touched(self, reader: Dataset, name: DatasetName, key: str) -> Iterator[str]:
        other = self.job.find(name)
        if reader.cadence is None or other.cadence is None:
            yield from self._open(reader)
            return
        newest = reader.cadence.key_of(self.job.clock.now())
        found = touched(reader.cadence, other.cadence, key, reader.looks_back(name))
        yield from (k for k in found if k <= max(newest, found[0]))

    def _open(self, dataset: Dataset) -> list[str]:
        """The partitions that are not over: the one now running and the one before."""
        if dataset.cadence is None:
            return [""]
        now = self.job.clock.now()
        window = dataset.cadence.window(dataset.cadence.key_of(now))
        before = dataset.cadence.key_of(window.start - (window.end - window.start) / 2)
        return [before, dataset.cadence.key_of(now)]

    def _refresh(self, dataset: Dataset) -> None:
        keys = self.pending.get(dataset.name)
        if not keys or time.monotonic() < self.due.get(dataset.name, 0.0):
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
        self.pending.pop(dataset.name)
        if not refused:
            self.said.pop(dataset.name, None)

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


def follows(dataset: Dataset) -> bool:
    """Whether a stream computes the dataset anew, as its cadence says."""
    retired = dataset.feature is not None and dataset.feature.is_retired
    cadence = dataset.cadence
    return dataset.body is not None and cadence is not None and bool(cadence.every) and not retired


def _published(
    connection: duckdb.DuckDBPyConnection, since: int, present: int
) -> list[tuple[str, str]]:
    gained = ledger.inserted(ledger.PUBLISHES, since, present)
    return connection.execute(f"select distinct dataset, partition from {gained}").fetchall()
