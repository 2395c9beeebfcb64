"""What of a team's datasets is under way or was tried before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES, RunRecord

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidPartitionError
from watermain.engine.plan.driven import guard, pause
from watermain.engine.plan.planner import Planner
from watermain.engine.plan.request import Request
from watermain.engine.plan.survey import Around
from watermain.engine.publish.attempt import Attempt, Attempts, Pair
from watermain.orchestrate.tags import PARTITION, PLAN, RANGE_END, RANGE_START
from watermain.settings import load_settings

UNSEEN = timedelta(minutes=1)  # in which a run that was asked for is sure to be seen


class Resolved(Mapping[Pair, Attempt]):
    """Earlier tries as their runs stand now; a run is looked up when its try is asked for."""

    def __init__(
        self, kept: Mapping[Pair, Attempt], instance: dg.DagsterInstance, now: datetime
    ) -> None:
        self._kept, self._instance, self._now = kept, instance, now
        self._records: dict[str, RunRecord | None] = {}

    def __getitem__(self, pair: Pair) -> Attempt:
        attempt = self._kept[pair]
        return attempt if attempt.state != "asked" else self._became(attempt)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def _became(self, attempt: Attempt) -> Attempt:
        """What came of a run that was asked for; one that nobody saw in a while is lost."""
        record = self._record(attempt.run)
        if record is None:
            is_new = attempt.at <= self._now < attempt.at + UNSEEN
            return attempt if is_new else replace(attempt, state="lost")
        run = record.dagster_run
        if not run.is_finished:
            return attempt
        ended = datetime.fromtimestamp(record.end_time or record.create_timestamp.timestamp(), UTC)
        word = "ended without it" if run.is_success else "failed"
        return replace(attempt, state="failed", at=ended, why=f"run {run.run_id[:8]} {word}")

    def _record(self, run: str) -> RunRecord | None:
        if run not in self._records:
            found = self._instance.get_run_records(dg.RunsFilter(tags={PLAN: run}), limit=1)
            self._records[run] = found[0] if found else None
        return self._records[run]


@dataclass
class Tried:
    """Earlier tries of what a planner knows, with what became of their runs.

    Guarantees: a try whose run nobody has seen within a minute is made again under the same key.
    """

    planner: Planner
    kept: Attempts
    instance: dg.DagsterInstance
    now: datetime
    asked: dict[Pair, Attempt] = field(default_factory=dict)

    @cached_property
    def running(self) -> frozenset[Pair]:
        """What runs are under way, whoever asked for them."""
        known = {dg.AssetKey(d.name.key): d for d in self.planner.graph.driven}
        found: set[Pair] = set()
        for run in self.instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES))):
            for key in run.asset_selection or ():
                if key in known:
                    found |= {(known[key].name, k) for k in _keys(run.tags, known[key])}
        return frozenset(found)

    @cached_property
    def told(self) -> Resolved:
        """The last try of each partition; one whose run ended without it has failed."""
        kept = self.kept.of(d.name for d in self.planner.graph.driven)
        return Resolved(kept, self.instance, self.now)

    def ask(self, request: Request) -> str:
        """Note that a request is made; give the key of its run."""
        again = 1
        for pair, wanted in request.wanted.items():
            before = self.told.get(pair)
            if before is not None and before.wanted == wanted:
                again = max(again, before.tries + (before.state != "lost"))
        key = f"{request.key}-{again}"
        for pair, wanted in request.wanted.items():
            self.asked[pair] = Attempt(
                wanted=wanted, tries=again, state="asked", why="", run=key, at=self.now
            )
        return key

    def remember(self) -> None:
        """Write down what was asked for."""
        self.kept.write(self.asked)


def around(tried: Tried) -> Around:
    """What a planner must know beside the ledger."""
    settings = load_settings()
    return Around(
        now=tried.now,
        attempts=tried.told,
        running=tried.running,
        own=tried.planner.owns,
        guard=guard(settings),
        pause=pause(settings),
    )


def _keys(tags: Mapping[str, str], dataset: Dataset) -> list[str]:
    """The partitions of a dataset that a run's tags name."""
    if dataset.cadence is None:
        return [""]
    first = tags.get(RANGE_START) or tags.get(PARTITION)
    last = tags.get(RANGE_END) or tags.get(PARTITION)
    try:
        return dataset.cadence.keys(first, last) if first and last else []
    except InvalidPartitionError:
        return []
