"""The planner: from what changed in the ledger to the runs that are asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidPartitionError
from watermain.declare.name import DatasetName
from watermain.engine.code.code import code_version
from watermain.engine.plan.books import Books, LedgerBooks
from watermain.engine.plan.calendar import running_keys
from watermain.engine.plan.candidates import Candidates, add, of_changes
from watermain.engine.plan.graph import Graph
from watermain.engine.plan.request import Request, requests
from watermain.engine.plan.survey import COMING, Around, Survey
from watermain.lake.lake import Lake

MOST_KEPT = 1000  # partitions of a dataset that a cursor names; beyond them it says "all"


@dataclass(frozen=True, kw_only=True)
class PlanCursor:
    """How far a planner has looked: the snapshot, the code that it knew and what was stale then.

    Shapes: `due` names partitions by dataset, where None stands for all; at `wake_at` some of them
    may be asked for although nothing changed, None where only a change can bring that about.
    """

    snapshot: int | None = None
    code: str = ""
    due: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    wake_at: datetime | None = None
    looked_at: datetime | None = None

    def __str__(self) -> str:
        times = {"wake_at": self.wake_at, "looked_at": self.looked_at}
        told = {"snapshot": self.snapshot, "code": self.code, "due": self.due}
        return json.dumps(told | {k: t.isoformat() if t else None for k, t in times.items()})

    def is_time(self, now: datetime) -> bool:
        """Whether something may be asked for now, or the clock was set back."""
        if self.wake_at is None or self.looked_at is None:
            return False
        return now >= self.wake_at or now < self.looked_at

    @classmethod
    def parse(cls, text: str | None) -> PlanCursor:
        """A cursor as it was written; of another release, or of none, the beginning."""
        try:
            told = json.loads(text or "{}")
            wake, looked = told.get("wake_at"), told.get("looked_at")
            return cls(
                snapshot=told.get("snapshot"),
                code=told.get("code", ""),
                due={n: k if k is None else tuple(k) for n, k in told.get("due", {}).items()},
                wake_at=datetime.fromisoformat(wake) if wake else None,
                looked_at=datetime.fromisoformat(looked) if looked else None,
            )
        except (ValueError, AttributeError, TypeError):
            return cls()


@dataclass(frozen=True, kw_only=True)
class PlanLook:
    """What one look found: the survey, the runs to ask for and where the next look begins."""

    survey: Survey | None
    requests: tuple[Request, ...]
    cursor: PlanCursor


@dataclass(frozen=True)
class Planner:
    """Find what is stale among datasets and ask for it, each partition once.

    Shapes: what it `owns` it asks for, and knows the code of as it runs; of the others it knows
    what their last publish said. Where it is `heard` once, who looks remembers what is coming until
    it is published, and need not be told of it again while nothing changes.
    Guarantees: nothing is kept but in the ledger, so that whoever looks with an old cursor, or
    with none, finds the same; a look that finds no change costs one question.
    """

    graph: Graph
    owns: Callable[[Dataset], bool]
    heard: bool = False

    @classmethod
    def of(
        cls, datasets: Mapping[DatasetName, Dataset], team: str, left: Callable[[Dataset], bool]
    ) -> Planner:
        """The planner of a team, which knows whatever the team's datasets are made of."""
        return cls(Graph(datasets, left).around(team), lambda d: d.name.team == team)

    @cached_property
    def code(self) -> str:
        """What the code of all its datasets is, in one word."""
        own = (d for d in self.graph.driven if self.owns(d))
        told = "\0".join(f"{d.name}={code_version(d)}" for d in own)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def look(
        self, lake: Lake, cursor: PlanCursor, around: Callable[[], Around], now: datetime
    ) -> PlanLook:
        """Look once at the lake."""
        with lake.get_connection() as connection:
            return self.look_into(
                LedgerBooks(connection, lake.snapshot(connection)), cursor, around, now
            )

    def look_into(
        self, books: Books, cursor: PlanCursor, around: Callable[[], Around], now: datetime
    ) -> PlanLook:
        """Look once at a ledger; `around` is asked only where something may be stale."""
        candidates = self._candidates(books, cursor, now)
        if not candidates:
            kept = replace(cursor, snapshot=books.present(), code=self.code, looked_at=now)
            return PlanLook(survey=None, requests=(), cursor=kept)
        survey = Survey(self.graph, books, around()).of(candidates)
        return PlanLook(
            survey=survey,
            requests=tuple(requests(survey, self.owns)),
            cursor=PlanCursor(
                snapshot=books.present(),
                code=self.code,
                due=_kept(survey),
                wake_at=self._wake_at(survey, now),
                looked_at=now,
            ),
        )

    def _candidates(self, books: Books, cursor: PlanCursor, now: datetime) -> Candidates:
        """What may be stale: what was, what changes take part in, or all where nobody can tell."""
        changes = None if cursor.snapshot is None else books.changed(cursor.snapshot)
        if changes is None:
            return {d.name: None for d in self.graph.driven}
        found = of_changes(self.graph, changes)
        if cursor.code != self.code:
            found |= {d.name: None for d in self.graph.driven if self.owns(d)}
        if found or cursor.is_time(now):
            for name, keys in _known(self.graph, cursor.due):
                add(found, name, keys)
            for dataset, cadence in self.graph.timed:
                add(found, dataset.name, running_keys(cadence, now))
        return found

    def _wake_at(self, survey: Survey, now: datetime) -> datetime | None:
        """When something may be asked for although the ledger is as it was."""
        outlooks = [v for of in survey.outlooks.values() for v in of.values()]
        again = () if self.heard else COMING
        found = [now if v.state in again else v.again_at for v in outlooks]
        found += [cadence.window(cadence.key_of(now)).end for _, cadence in self.graph.timed]
        return min((at for at in found if at is not None), default=None)


def _known(
    graph: Graph, due: Mapping[str, Iterable[str] | None]
) -> list[tuple[DatasetName, Iterable[str] | None]]:
    """What was stale, without datasets that are no more."""
    driven = {str(d.name): d for d in graph.driven}
    found: list[tuple[DatasetName, Iterable[str] | None]] = []
    for name, keys in due.items():
        dataset = driven.get(name)
        if dataset is not None:
            is_cut = dataset.cadence is not None
            fits = keys is not None and all(
                _is_key(dataset, k) if is_cut else k == "" for k in keys
            )
            found.append((dataset.name, keys if fits else None))
    return found


def _is_key(dataset: Dataset, key: str) -> bool:
    """Whether a key is one of a dataset's cadence, which may have changed."""
    try:
        return dataset.cadence is not None and bool(dataset.cadence.window(key))
    except InvalidPartitionError:
        return False


def _kept(survey: Survey) -> dict[str, tuple[str, ...] | None]:
    return {
        str(name): tuple(of) if len(of) <= MOST_KEPT else None
        for name, of in survey.outlooks.items()
        if of
    }
