"""A platform's books as a month of work leaves them, without the month."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa

from tests.watermain.engine.promise.promises import Commits
from watermain.clock import FixedClock
from watermain.console.asked import LedgerAnswer
from watermain.console.books import ShownBooks
from watermain.console.remembered import Remembered
from watermain.console.sight import EVER, Sight
from watermain.console.standing import StandingsReader
from watermain.declare import (
    AtMost,
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Platform,
    Slo,
    Urgency,
    between,
    dataset,
    raw,
)
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import Evaluator
from watermain.engine.promise.signal import Signal
from watermain.engine.publish.attempt import Attempt, Attempts
from watermain.engine.rooms.last_good import remember
from watermain.observe.alert.alert import Alert, Telling
from watermain.observe.alert.book import AlertBook, Posted
from watermain.observe.incident.book import IncidentBook

SCRIPT = "<script>alert(1)</script>"
DAY = timedelta(days=1)
KEY = Contract(
    grain="one row per fee",
    key=("fee_id",),
    event_time="paid_at",
    columns=(
        Column("fee_id", pa.string(), "the fee"),
        Column("paid_at", pa.timestamp("us", "UTC"), "when it was paid"),
        Column("amount", pa.float64(), f"what is paid {SCRIPT}", unit="USD"),
    ),
)


def declared() -> dict[str, Dataset]:
    """Datasets that are well, late, dark to everybody, and without a promise."""
    source = raw(
        "operations.raw.fees",
        source=Platform(table="batches"),
        description="Take fees as they come.",
        contract=KEY,
        owner="team:operations",
    )
    soon = Slo(
        ready_within=timedelta(hours=2),
        objective=AtMost(3, of=28),
        urgency=Urgency(tier=1),
        consumers=("the board",),
    )
    names = ("fees", "late_fees", "broken_fees")
    made = [_computed(f"operations.curated.{name}", "operations.raw.fees", soon) for name in names]
    made.append(_computed("operations.marts.fct_fees", "operations.curated.late_fees", None))
    return {str(each.name): each for each in (source, *made)}


def _computed(name: str, read: str, slo: Slo | None) -> Dataset:
    @dataset(
        name,
        inputs={"fees": read},
        contract=KEY,
        checks=(between("amount", low=0),),
        cadence=Daily(),
        slo=slo,
        owner="team:operations",
    )
    def body(fees: ibis.Table) -> ibis.Table:
        """Keep fees."""
        return fees

    return replace(body, description=f"Keep fees {SCRIPT}.")


@dataclass(frozen=True)
class SeededPlatform:
    """The books of a platform at an instant, and what looks at them."""

    home: Path
    dsn: str
    now: datetime

    def rooms(self, *, promising: bool = True) -> Sequence[Dataset]:
        """Let a room tell what it declares."""
        found = [d if promising else replace(d, slo=None) for d in declared().values()]
        remember("operations", found)
        return found

    def judged(self, days: int = 30, until: datetime | None = None) -> VerdictBook:
        """Judge what was due: one dataset misses two partitions lately, one every fourth."""
        book, commits = VerdictBook(lambda: self.dsn), Commits()
        promises = [
            Promised(dataset=d.name, slo=d.slo, cadence=d.cadence, owner=d.owner)
            for d in self.rooms()
            if d.slo is not None and d.cadence is not None
        ]
        begin, until = self.now - days * DAY, until or self.now
        evaluator = Evaluator(book, commits)
        evaluator.judge(promises, begin)
        for number in range(days + 1):
            day = (begin + number * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
            for each in promises:
                late = is_late(each.dataset.table, number, days)
                if late is not None:
                    commits.publish(f"{day:%Y-%m-%d}", day + DAY + late, each.dataset)
        for number in range(1, days + 1):
            evaluator.judge(promises, min(until, begin + number * DAY))
        return book

    def troubled(self) -> Alert:
        """Open an alert that reaches a mart, an incident, and a partition that is given up."""
        name = declared()["operations.curated.late_fees"].name
        mart = declared()["operations.marts.fct_fees"].name
        began = self.now - timedelta(hours=3)
        alert = Alert(
            cause_id=f"{name}@20260620T000000Z",
            root=name,
            severity="page",
            owner="team:operations",
            began_at=began,
            signals=(_signal(name, began), replace(_signal(mart, began), promise="completeness")),
            members=(name,),
            affected=(mart,),
            consumers=("the board",),
            state="firing",
            pending_since=began,
            fired_at=began,
            told=(("page", 0),),
        )
        books = AlertBook(self.dsn)
        with books.connected() as connection:
            books.write(connection, [alert], _undelivered(alert, began))
        words = {"owner": "team:operations", "by": "ann", "at": began}
        IncidentBook(self.dsn).open(name, f"late fees {SCRIPT}", **words)  # type: ignore[arg-type]
        Attempts(self.dsn).write(
            {(name, "2026-06-18"): _attempt(self.now), (mart, ""): _attempt(self.now)}
        )
        return alert

    def sight(self, ask: Callable[[], LedgerAnswer] | None = None) -> Sight:
        """What the pages look at, with a clock that stands."""
        clock, books = FixedClock(self.now), ShownBooks(lambda: self.dsn)
        count = StandingsReader(self.home, books)
        read = Remembered(lambda: count(self.now), timedelta(0), timedelta(0))
        asked = Remembered(ask or facts, EVER, EVER)
        return Sight(self.home, books, read, asked, "http://127.0.0.1:3000", clock)


def is_late(table: str, number: int, days: int) -> timedelta | None:
    """How long after its day's end a partition comes; None for never."""
    if table == "broken_fees" and number % 4 == 0:
        return timedelta(hours=9)
    if table == "late_fees" and number >= days - 2:
        return None
    return timedelta(hours=1)


def facts() -> LedgerAnswer:
    """What a ledger may tell."""
    return LedgerAnswer(publishes={}, failed_runs=[], locations={})


def _signal(name: DatasetName, at: datetime) -> Signal:
    return Signal(
        dataset=name,
        promise="on_time",
        severity="page",
        rule="newest bad and 2 of the last 7",
        told=f"2026-06-18 is missing, and 2 of the last 7 were late {SCRIPT}",
        at=at,
        partitions=("2026-06-18",),
    )


def _undelivered(alert: Alert, at: datetime) -> list[Posted]:
    told = Telling(
        id="one",
        kind="fired",
        cause_id=alert.cause_id,
        severity="page",
        owner=alert.owner,
        level=0,
        title="[page] late fees",
        text="late",
        at=at,
        began_at=at,
    )
    return [Posted(telling=told, notifier="oncall")]


def _attempt(now: datetime) -> Attempt:
    why = "refused by between_amount (3 of 9 rows)"
    return Attempt(wanted="a", tries=5, state="held", why=why, run="5cf3", at=now - DAY)
