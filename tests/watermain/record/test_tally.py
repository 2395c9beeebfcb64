"""Refusals counted, so that being refused fills no disk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from watermain.clock import FixedClock
from watermain.record import tally
from watermain.record.audit import AuditEntry
from watermain.record.tally import AuditTally, Denial

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
NO_KEY = Denial("key", "nobody", "the request has no key")
NOW = timedelta(0)


class Written:
    """What a tally wrote, row by row."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int]] = []

    def __call__(self, entries: Sequence[AuditEntry]) -> str:
        """Take the entries."""
        self.rows += [(each.who, each.count) for each in entries]
        return ""


def test_add_makes_one_row_of_a_minute():
    """The first is written at once, a thousand more are one row of the minute."""
    clock, written = FixedClock(NOON), Written()
    counted = AuditTally(written, clock, soon=NOW)
    for _ in range(1_001):
        counted.add(NO_KEY)
    assert written.rows == [("nobody", 1)]
    counted.flush()
    assert written.rows == [("nobody", 1), ("nobody", 1_000)]


def test_add_writes_at_once_again_when_a_minute_was_quiet():
    """What comes after a quiet minute does not wait."""
    clock, written = FixedClock(NOON), Written()
    counted = AuditTally(written, clock, soon=NOW)
    counted.add(NO_KEY)
    clock.instant += timedelta(minutes=1)
    counted.add(NO_KEY)
    assert written.rows == [("nobody", 1), ("nobody", 1)]


def test_add_counts_together_whoever_is_beyond_the_limit(monkeypatch):
    """However many names somebody makes up, the rows are few and none is left out."""
    monkeypatch.setattr(tally, "MOST_KEYS", 3)
    written = Written()
    counted = AuditTally(written, FixedClock(NOON))
    for number in range(50):
        counted.add(Denial("key", f"name-{number}", ""))
    counted.flush()
    assert written.rows == [("name-0", 1), ("name-1", 1), ("name-2", 1), ("others", 47)]


def test_flush_writes_nothing_of_nothing():
    """A quiet minute makes no row."""
    written = Written()
    AuditTally(written, FixedClock(NOON)).flush()
    assert written.rows == []


def test_flush_says_why_nothing_was_written(caplog: pytest.LogCaptureFixture):
    """Where the database is away, the log of the service has it."""
    counted = AuditTally(lambda _: "the audit log does not answer", FixedClock(NOON), soon=NOW)
    counted.add(NO_KEY)
    assert caplog.messages == ["the audit log does not answer"]
