"""What is measured of one dataset, from where the indicators say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import cached_property
from math import isnan

from watermain.cli.promise.volume import rows_by_day
from watermain.clock import micros
from watermain.declare.dataset import Dataset
from watermain.engine.capture.waiting import noted
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.budget import status, window_begin
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import SETTLE
from watermain.engine.promise.indicator import (
    access,
    change,
    content,
    opinion,
    promptness,
    work,
)
from watermain.engine.promise.indicator.indicator import INDICATORS, Indicator, Ratio
from watermain.engine.promise.verdict import Verdict
from watermain.engine.publish.attempt import Attempts
from watermain.engine.release.release import read_all
from watermain.engine.table.reads import plain
from watermain.lake import ledger
from watermain.lake.lake import Lake, text
from watermain.lake.ledger import BATCHES, BatchRow, PublishRow
from watermain.observe.watch.ledger.completeness import volumes
from watermain.record.audit import FOLDER, AuditLog
from watermain.record.query_log import QueryLog
from watermain.record.vote import VoteBook
from watermain.settings import load_settings
from watermain.source.protocol import Backlog

LATELY = timedelta(days=1)  # of what a stream captured, and of what was asked
USUAL = timedelta(days=28)  # where nothing promises a window
VOTED = timedelta(days=90)
FRESH = timedelta(minutes=15)


@dataclass(frozen=True)
class MeasuredIndicator:
    """An indicator with what was measured; None where nothing was.

    Units: those of the indicator; of what waits `unit` says which.
    """

    indicator: Indicator
    value: float | None
    unit: str
    told: str = ""

    def facts(self) -> dict[str, object]:
        """What a program is told."""
        of = self.indicator
        return {
            "number": of.number,
            "name": of.name,
            "value": self.value,
            "unit": self.unit,
            "source": of.source,
            "told": self.told,
        }


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Measure one dataset at an instant.

    Guarantees: what cannot be measured has no value, rather than a zero.
    """

    dataset: Dataset
    everything: Sequence[Dataset]
    promised: Promised | None
    book: VerdictBook
    lake: Lake
    now: datetime

    def all(self) -> Iterator[MeasuredIndicator]:
        """Every indicator in the order of their numbers.

        Raises: UnreachableSystemError.
        """
        for of in INDICATORS:
            found: float | None
            found, told = self._measures[of.name]()
            unit = told.rpartition(" ")[2] if of.name == "backlog" and told else of.unit
            yield MeasuredIndicator(of, found, unit, told)

    @property
    def _measures(self) -> dict[str, Callable[[], tuple[float | None, str]]]:
        return {
            "on_time": lambda: _ratio(promptness.on_time(self._verdicts), "partitions"),
            "fresh_minutes": self._fresh_minutes,
            "completeness": self._completeness,
            "correctness": self._correctness,
            "lag": lambda: _seconds(promptness.lag(self._batches, self.now)),
            "error_rate": self._error_rate,
            "duplicate_rate": lambda: _ratio(content.duplicate_rate(self._batches), "rows"),
            "cost_per_gb": lambda: (None, "no prices are declared"),
            "backlog": self._backlog,
            "schema_compatibility": self._compatibility,
            "breaches": self._breaches,
            "repair_time": lambda: _seconds(promptness.repair_time(self._verdicts)),
            "lineage_coverage": lambda: _ratio(
                change.lineage_coverage(self.everything), "datasets"
            ),
            "query_latency": self._query_latency,
            "votes": self._votes,
            "audit_failures": self._audit_failures,
        }

    @property
    def _begin(self) -> datetime:
        if self.promised is None:
            return self.now - USUAL
        begin: datetime = window_begin(self.promised, self.now - SETTLE)
        return begin

    @cached_property
    def _verdicts(self) -> list[Verdict]:
        name = self.dataset.name
        found = self.book.verdicts([name], self._begin, self.now)[name]
        return sorted(found.values(), key=lambda v: v.due_at)

    @cached_property
    def _batches(self) -> list[BatchRow]:
        if not self.dataset.is_captured:
            return []
        names = [field.name for field in fields(BatchRow)]
        since = micros(self.now - LATELY)
        asked = (
            f"select {', '.join(names)} from {BATCHES}"
            f" where stream = {text(str(self.dataset.name))}"
            f" and committed_at >= make_timestamptz({since})"
        )
        with self.lake.get_connection() as connection:
            rows = connection.execute(asked).fetchall()
        return [BatchRow(**dict(zip(names, row, strict=True))) for row in rows]

    @cached_property
    def _publishes(self) -> dict[str, PublishRow]:
        with self.lake.get_connection() as connection:
            return ledger.latest(connection, self.dataset.name)

    def _fresh_minutes(self) -> tuple[float | None, str]:
        if self.promised is None or not self._verdicts:
            return None, ""
        begin = max(self._begin, self._verdicts[0].due_at)  # before, nobody measured
        hours = [*self.promised.slo.hours.spans(begin, self.now)]
        counted = promptness.fresh_minutes(self._verdicts, hours, self.now)(self.now - begin)
        good = counted.scheduled - counted.bad - counted.unmeasured
        return float(good), f"{good:,} of {counted.scheduled:,} minutes"

    def _completeness(self) -> tuple[float | None, str]:
        if self._batches:
            return _ratio(content.captured(self._batches), "rows read in a day")
        cadence, name = self.dataset.cadence, self.dataset.name
        if cadence is None:
            return None, ""
        captured = self.dataset.is_captured
        days = rows_by_day(
            name, cadence, self.promised, self.lake, is_captured=captured, now=self.now
        )
        key, volume = volumes([days], self.now).get(name, ("", None))
        if volume is None or isnan(volume.typical):
            return None, ""
        found = content.completeness([(volume.rows, round(volume.typical))])
        return found.share, f"{key}: {volume.told}"

    def _correctness(self) -> tuple[float | None, str]:
        weights = dict.fromkeys((check.label for check in self.dataset.all_checks), 1.0)
        lately = [p for p in self._publishes.values() if p.published_at >= self._begin]
        return _ratio(content.correctness(lately, weights), "checks")

    def _error_rate(self) -> tuple[float | None, str]:
        name = self.dataset.name
        tried = Attempts(self.lake.dsn()).of([name])
        stands = {
            (name, key)
            for key, publish in self._publishes.items()
            if (name, key) in tried and plain(publish.data_version) == tried[name, key].wanted
        }
        return _ratio(work.error_rate(tried, stands), "tries")

    def _backlog(self) -> tuple[float | None, str]:
        for name, looks in noted(load_settings().home):
            if name != str(self.dataset.name) or not looks:
                continue
            last = looks[-1]
            if abs(self.now - datetime.fromisoformat(last.at)) > FRESH:
                return None, ""
            waits = Backlog()
            found = work.backlog(replace(waits, **{last.unit: last.amount}))  # type: ignore[arg-type]
            return (None, "") if found is None else (float(found[0]), f"{found[0]:,} {found[1]}")
        return None, ""

    def _compatibility(self) -> tuple[float | None, str]:
        released = read_all().get(self.dataset.name)
        if released is None:
            return None, ""
        found = change.compatibility([released.contract, self.dataset.contract])
        return _ratio(found, "changes since the release")

    def _query_latency(self) -> tuple[float | None, str]:
        log = QueryLog(self.lake.dsn, USUAL)
        found = access.query_latency(log.since(self.now - LATELY, self.dataset.name))
        if found is None:
            return None, ""
        return found.p95, f"half within {found.p50:.2f} s, of {found.of:,} questions"

    def _votes(self) -> tuple[float | None, str]:
        book = VoteBook(self.lake.dsn)
        found = opinion.votes(book.since(self.now - VOTED, self.dataset.name))
        return found.mean, str(found) if found.voters else ""

    def _audit_failures(self) -> tuple[float | None, str]:
        log = AuditLog(self.lake.dsn, load_settings().home / FOLDER)
        refused = access.audit_failures(log.since(self.now - USUAL), self.dataset.name)
        return float(refused), f"{refused:,} refusals in {USUAL.days} days"

    def _breaches(self) -> tuple[float | None, str]:
        counts = [v for v in self._verdicts if v.counts]
        if self.promised is None or not counts:
            return None, ""
        name = self.dataset.name
        terms = self.book.terms().get(name, [])
        verdicts = {v.partition: v for v in self._verdicts}
        stands = status(terms, verdicts, self.promised, self.now - SETTLE).state
        kept = {"breached": "missed", "not measured": "not measured"}.get(stands, "met")
        found = change.breaches([kept])  # type: ignore[list-item]
        return found.part, f"{found.part:g} of {found.whole:g} promises"


def _ratio(found: Ratio, of: str) -> tuple[float | None, str]:
    """A share with what it was counted of; nothing where nothing was."""
    if found.share is None:
        return None, ""
    return found.share, f"{found.part:,g} of {found.whole:,g} {of}"


def _seconds(span: timedelta | None) -> tuple[float | None, str]:
    return (None, "") if span is None else (span.total_seconds(), "")
