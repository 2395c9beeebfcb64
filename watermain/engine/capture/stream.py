"""Captured datasets taken without end, each in a thread of its own."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import duckdb
import psycopg

from watermain import trouble
from watermain.backoff import Backoff
from watermain.declare.dataset import Dataset
from watermain.declare.errors import (
    LostLeaseError,
    SourceError,
    TransientError,
    UnreachableSystemError,
    WatermainError,
)
from watermain.engine.capture.ingest import Intake, intake
from watermain.engine.capture.waiting import note
from watermain.engine.publish.publication import Job
from watermain.lake.fence import STREAM
from watermain.metrics import Metrics
from watermain.settings import load_settings
from watermain.source.opening import open_source
from watermain.source.protocol import Limit, Listener, Source

PREFIX = "stream:"  # how the ledger's run ids begin that no Dagster run stands behind
LOOK_SECONDS = 5.0  # where metrics are served
NOTE_SECONDS = 60.0
LISTEN_SECONDS = 30.0  # then it reads though nothing was heard: only reading moves some things
LEASE_WAIT_SECONDS = 1.0
# What passes when a server behind the engine comes back, though nobody gave it a name.
PASSING = (duckdb.IOException, duckdb.ConnectionException, psycopg.OperationalError)
LEAST_PAUSE_TO_CURE = timedelta(seconds=5)

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Say when a stream commits: after `rows`, or `every` so often when fewer came.

    A source that can be listened to is read when something came; others are asked `every` so often.
    """

    rows: int = 50_000
    every: timedelta = timedelta(seconds=3)


@dataclass(kw_only=True)
class Stream:
    """Capture one dataset until told to stop.

    Guarantees: nothing is read ahead of what is committed, so that a slow lake slows the reading;
    after an error the positions come from the ledger again, under a lease of its own. What is
    away is tried again, ever more rarely up to a bound; so is what somebody must cure.
    """

    dataset: Dataset
    job: Job
    pace: Pace
    stop: threading.Event
    metrics: Metrics
    tell: Tell
    source: Source | None = None
    said: str = ""
    is_proved: bool = False
    looked: float = field(default=-NOTE_SECONDS)
    backoff: Backoff = field(default_factory=Backoff)

    def run(self) -> None:
        """Capture until `stop` is set."""
        while not self.stop.is_set():
            try:
                source = self.source or self._opened()
                with intake(
                    self.dataset, self.job, source, holder=STREAM, wait_seconds=LEASE_WAIT_SECONDS
                ) as held:
                    self._flow(held)
            except LostLeaseError as error:
                self._say(error)
            except WatermainError as error:
                self._wait(error)
            except PASSING as error:
                self._wait(unnamed(error))
            except (
                Exception
            ) as error:  # the entry point of a thread: no other stream may pay for it
                traceback.print_exc()
                self._wait(unexpected(self.dataset, error))
        trouble.end(load_settings().home, str(self.dataset.name))

    def _opened(self) -> Source:
        return open_source(self.dataset, load_settings(), self.job.connections)

    def _wait(self, error: WatermainError) -> None:
        """Tell of an error in the log, in a metric and to `watermain status`; then pause."""
        self._say(error)
        name, now = str(self.dataset.name), self.job.clock.now()
        least = timedelta(0) if isinstance(error, TransientError) else LEAST_PAUSE_TO_CURE
        pause = self.backoff.pause(least)
        self.metrics.trouble(name, True, pause)
        trouble.begin(load_settings().home, name, error, now=now, again_at=now + pause)
        self.stop.wait(pause.total_seconds())

    def _works(self) -> None:
        """Tell once that what was away is there again."""
        name = str(self.dataset.name)
        self.metrics.trouble(name, False)
        if self.backoff.tries or self.said or not self.is_proved:  # a former one died in trouble
            trouble.end(load_settings().home, name)
        if self.backoff.tries:
            self.tell(f"{name} goes on, after {self.backoff.tries} tries")
        self.backoff.rest()
        self.said, self.is_proved = "", True

    def _flow(self, held: Intake) -> None:
        limit = Limit(rows=self.pace.rows, seconds=max(self.pace.every.total_seconds(), 0.1))
        while not self.stop.is_set():
            began, taken, most = time.monotonic(), held.taken, 0
            held.landing.outcomes.clear()
            for row in held.take(limit):
                most = max(most, row.rows_in)
                self.metrics.batch(row)
                if self.stop.is_set():
                    return
            self._works()
            self._look(held)
            if most < limit.rows:
                self._pause(held, began, took_any=held.taken > taken)

    def _pause(self, held: Intake, began: float, *, took_any: bool) -> None:
        """Keep the pace while rows come; when none did, wait until some are heard of."""
        source = held.source
        if not took_any and isinstance(source, Listener):
            source.listen(after=held.positions, seconds=LISTEN_SECONDS, stop=self.stop)
        else:
            self.stop.wait(self.pace.every.total_seconds() - (time.monotonic() - began))

    def _look(self, held: Intake) -> None:
        """Measure what waits, now and then, for metrics and for who watches."""
        pause = LOOK_SECONDS if self.metrics.is_served else NOTE_SECONDS
        if time.monotonic() < self.looked + pause:
            return
        name, keeps_log = str(self.dataset.name), self.dataset.origin.keeps_log
        waits, now = held.source.backlog(), self.job.clock.now()
        self.metrics.backlog(name, keeps_log, waits, now)
        note(load_settings().home, name, waits.finest, oldest=waits.oldest, now=now)
        self.looked = time.monotonic()

    def _say(self, error: WatermainError) -> None:
        """Tell of an error once, until something works again."""
        if error.what != self.said:
            self.tell(f"{type(error).__name__}: {error}")
            self.said = error.what


def unnamed(error: Exception) -> UnreachableSystemError:
    """The error for something that did not answer the engine, in the engine's own words."""
    said = str(error).strip().splitlines() or ["no answer"]
    return UnreachableSystemError(
        f"something that the lake stands on does not answer: {said[0][:200]}",
        declared="the lake's settings",
        data="nothing was published; what readers had stands as it was",
        next="watermain doctor",
    )


def unexpected(dataset: Dataset, error: Exception) -> SourceError:
    """The error for what no code of ours names: a defect, of ours or of a client's."""
    return SourceError.nothing_read(
        f"{dataset.name}: its capture met {type(error).__name__}: {str(error)[:200]}",
        declared=dataset.declared,
        next="look at the traceback in the log of `watermain stream`",
    )


class Endless(Protocol):
    """What runs until it is told to stop."""

    def run(self) -> None: ...


def run_streams(streams: Sequence[Endless], stop: threading.Event) -> None:
    """Run every stream until `stop` is set; what no stream expects ends them all and is raised."""
    with ThreadPoolExecutor(max_workers=len(streams)) as pool:
        ends = [pool.submit(stream.run) for stream in streams]
        for end in ends:
            end.add_done_callback(lambda _: stop.set())
    for end in ends:
        end.result()
