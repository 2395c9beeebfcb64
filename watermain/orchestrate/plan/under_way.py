"""What of a team's datasets is under way or was tried before."""

from __future__ import annotations

from collections.abc import Mapping
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
    def active(self) -> list[dg.DagsterRun]:
        """The runs that have not ended."""
        return list(self.instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES))))

    @cached_property
    def running(self) -> set[Pair]:
        """What runs are under way, whoever asked for them."""
        known = {dg.AssetKey(d.name.key): d for d in self.planner.graph.driven}
        found: set[Pair] = set()
        for run in self.active:
            for key in run.asset_selection or ():
                if key in known:
                    found |= {(known[key].name, k) for k in _keys(run.tags, known[key])}
        return found

    @cached_property
    def told(self) -> dict[Pair, Attempt]:
        """The last try of each partition; one whose run ended without it has failed."""
        found = self.kept.of(d.name for d in self.planner.graph.driven)
        runs = {a.run for a in found.values() if a.state == "asked"}
        known = {run: self._record(run) for run in runs}
        return {
            pair: _became(a, known[a.run]) if a.state == "asked" else a for pair, a in found.items()
        }

    @cached_property
    def waiting(self) -> set[Pair]:
        """What was asked for, while its run is under way or will be seen soon."""
        found = set()
        for pair, attempt in self.told.items():
            if attempt.state == "asked":
                record = self._record(attempt.run)
                if record is not None or attempt.at <= self.now < attempt.at + UNSEEN:
                    found.add(pair)
        return found

    def _record(self, run: str) -> RunRecord | None:
        records = self._records
        if run not in records:
            found = self.instance.get_run_records(dg.RunsFilter(tags={PLAN: run}), limit=1)
            records[run] = found[0] if found else None
        return records[run]

    @cached_property
    def _records(self) -> dict[str, RunRecord | None]:
        return {}

    def ask(self, request: Request) -> str:
        """Note that a request is made; give the key of its run."""
        again = 1
        for pair, wanted in request.wanted.items():
            before = self.told.get(pair)
            if before is not None and before.wanted == wanted:
                lost = before.state == "asked"
                again = max(again, before.tries if lost else before.tries + 1)
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
        running=frozenset(tried.running | tried.waiting),
        own=tried.planner.owns,
        guard=guard(settings),
        pause=pause(settings),
    )


def _became(attempt: Attempt, record: RunRecord | None) -> Attempt:
    """A try, told by how its run stands."""
    if record is None or not record.dagster_run.is_finished:
        return attempt
    ended = datetime.fromtimestamp(record.end_time or record.create_timestamp.timestamp(), UTC)
    run = record.dagster_run
    word = "ended without it" if run.is_success else "failed"
    return replace(attempt, state="failed", at=ended, why=f"run {run.run_id[:8]} {word}")


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
