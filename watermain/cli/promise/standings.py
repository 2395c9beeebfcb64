"""How the promises of the rooms stand, from the book of verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from watermain.cli.named import nearest
from watermain.declare.errors import UnknownDatasetError, quoted
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.budget import PromiseStatus, status, window_begin
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import SETTLE
from watermain.engine.promise.verdict import Verdict
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.promises import promises
from watermain.lake.catalog import catalog_dsn
from watermain.settings import load_settings

AWAY = timedelta(minutes=10)  # an evaluator that has not judged for so long is told of


@dataclass(frozen=True)
class PromiseStanding:
    """A promise with how it stands, and the verdict in force of each partition of its window."""

    promised: Promised
    status: PromiseStatus
    verdicts: Mapping[str, Verdict]

    def facts(self) -> dict[str, Any]:
        """What a program is told."""
        stands, slo = self.status, self.promised.slo
        return {
            "dataset": str(self.promised.dataset),
            "promise": slo.told(self.promised.cadence),
            "state": stands.state,
            "good": stands.good,
            "bad": stands.bad,
            "excused": stands.excused,
            "unknown": stands.unknown,
            "allowed": stands.allowed,
            "left": stands.left,
            "coverage": round(stands.coverage, 4),
            "kept": stands.kept,
            "interval": stands.interval,
            "urgency": str(slo.urgency),
            "owner": self.promised.kept_by,
            "consumers": [*slo.consumers],
        }


def book() -> VerdictBook:
    """The book of verdicts of this platform."""
    return VerdictBook(lambda: catalog_dsn(load_settings()))


def promised() -> dict[str, Promised]:
    """What the rooms promise, by the names of the datasets."""
    said = promises(load_settings().home, teams()).promises
    return {str(p.dataset): p for p in said}


def one(dataset: str) -> Promised:
    """The promise of a dataset.

    Raises: UnknownDatasetError, where it makes none.
    """
    known = promised()
    if dataset not in known:
        near = nearest(dataset, sorted(known))
        raise UnknownDatasetError.nothing_happened(
            f"`{dataset[:200]}` promises nothing",
            declared="slo=Slo(...) of a dataset, as its room last loaded",
            next=f"use one of {quoted(near)}" if near else "watermain slo list",
        )
    return known[dataset]


def standings(wanted: list[Promised], kept: VerdictBook, now: datetime) -> list[PromiseStanding]:
    """How promises stand.

    Guarantees: what is due since less than a settling commit takes is not missed yet.
    """
    if not wanted:
        return []
    settled = now - SETTLE
    begin = min(window_begin(p, settled) for p in wanted)
    terms, verdicts = kept.terms(), kept.verdicts([p.dataset for p in wanted], begin, now)
    return [
        PromiseStanding(p, status(terms.get(p.dataset, []), found, p, settled), found)
        for p in wanted
        for found in (verdicts[p.dataset],)
    ]
