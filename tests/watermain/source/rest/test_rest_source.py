"""What the REST source promises beyond what every source does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.watermain.source.kinds import Ledger, peek, thing
from tests.watermain.source.web_kinds import BEGIN, HOUR, PAGES, RestKind
from tests.watermain.source.web_server import Fault
from watermain.declare.errors import (
    SourceError,
)
from watermain.source.protocol import Limit
from watermain.source.rest import rest
from watermain.source.rest.pace import Ticks


class Time:
    """Ticks that pass at once, however long somebody sleeps."""

    def __init__(self) -> None:
        self.at, self.slept = 1000.0, 0.0

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.at += seconds
        self.slept += seconds

    @property
    def ticks(self) -> Ticks:
        return Ticks(now=lambda: self.at, sleep=self.sleep)


def once(fault: str, at: int = 1) -> Fault:
    """Spoil one answer, counted from now on."""
    return lambda number: fault if number == at else None


@pytest.fixture
def quick(rest_kind: RestKind) -> Time:
    """Let waiting take no time."""
    time = Time()
    rest_kind.ticks = time.ticks
    return time


@pytest.mark.parametrize("style", PAGES)
def test_rest_reads_every_page(style: str, rest_kind: RestKind, ledger: Ledger) -> None:
    """Seven rows on four pages, whichever way the next page is named."""
    rest_kind.api.style = style
    rest_kind.add([thing(number) for number in range(7)])
    (seen,) = ledger.capture(rest_kind.open())
    assert ledger.rows("id") == [(str(number),) for number in range(7)]
    assert seen.rows["_row"].to_pylist() == list(range(1, 8))
    assert set(seen.rows["_delivered_at"].to_pylist()) == {BEGIN + HOUR}


def test_rest_reads_one_page_when_no_pages_are_declared(
    rest_kind: RestKind, ledger: Ledger
) -> None:
    """One request is one window."""
    rest_kind.api.page = 100
    rest_kind.add([thing(1), thing(2), thing(3)])
    ledger.capture(rest_kind.open(pages=None))
    assert len(ledger.rows()) == 3
    assert len(rest_kind.api.asked) == 1


def test_rest_asks_for_windows_that_are_over(rest_kind: RestKind, ledger: Ledger) -> None:
    """Each request reaches back by the overlap, but not before the start."""
    rest_kind.add([thing(1)])
    rest_kind.add([thing(2)])
    rest_kind.clock.instant += timedelta(minutes=59)
    ledger.capture(rest_kind.open(overlap=timedelta(minutes=90)))
    assert [(each["since"], each["until"]) for each in rest_kind.api.asked] == [
        ("2013-01-01T00:00:00Z", "2013-01-01T01:00:00Z"),
        ("2013-01-01T00:00:00Z", "2013-01-01T02:00:00Z"),
    ]
    assert ledger.positions["rest"].startswith("2013-01-01T02:00:00Z#")


def test_rest_waits_until_a_window_has_been_over_for_the_delay(
    rest_kind: RestKind, ledger: Ledger
) -> None:
    """A window may be held back."""
    rest_kind.add([thing(1)])
    assert ledger.capture(rest_kind.open(delay=timedelta(minutes=10))) == []
    assert rest_kind.open(delay=timedelta(minutes=10)).backlog().is_empty
    rest_kind.clock.instant += timedelta(minutes=10)
    assert len(ledger.capture(rest_kind.open(delay=timedelta(minutes=10)))) == 1


def test_rest_moves_on_when_a_window_is_empty(rest_kind: RestKind, ledger: Ledger) -> None:
    """A batch without rows carries the position."""
    rest_kind.clock.instant += 2 * HOUR
    seen = ledger.capture(rest_kind.open())
    assert [each.rows.num_rows for each in seen] == [0, 0]
    assert ledger.capture(rest_kind.open()) == []


def test_rest_takes_larger_windows_while_it_is_behind(rest_kind: RestKind, ledger: Ledger) -> None:
    """Five hours behind, three at once: three, then two; level with the clock, one."""
    rest_kind.add([thing(1)])
    rest_kind.clock.instant += 4 * HOUR
    assert rest_kind.open(catch_up=3 * HOUR).backlog().files == 5
    ledger.capture(rest_kind.open(catch_up=3 * HOUR))
    rest_kind.add([thing(2)])
    ledger.capture(rest_kind.open(catch_up=3 * HOUR))
    assert [each["until"][11:13] for each in rest_kind.api.asked] == ["03", "05", "06"]
    assert ledger.rows("id") == [("1",), ("2",)]


def test_rest_finds_late_rows_within_the_overlap_once(rest_kind: RestKind, ledger: Ledger) -> None:
    """What was committed late comes with a later window, nothing comes twice."""
    for number in range(4):
        rest_kind.add([thing(number)])
    ledger.capture(rest_kind.open())
    rest_kind.late(thing(10, "late"), 3 * HOUR - timedelta(minutes=1))
    rest_kind.late(thing(11, "too late"), 4 * HOUR)
    rest_kind.add([thing(4)])
    ledger.capture(rest_kind.open())
    rest_kind.add([thing(5)])
    ledger.capture(rest_kind.open())
    assert sorted(ledger.rows("id")) == [("0",), ("1",), ("10",), ("2",), ("3",), ("4",), ("5",)]


def test_rest_keeps_a_changed_row_as_another(rest_kind: RestKind, ledger: Ledger) -> None:
    """Raw holds each version that was told."""
    rest_kind.add([thing(1, "old")])
    ledger.capture(rest_kind.open())
    at, _ = rest_kind.api.things.pop()
    rest_kind.api.add(at, '{"id": "1", "day": "2013-01-01", "note": "new"}')
    rest_kind.add([thing(2)])
    ledger.capture(rest_kind.open())
    assert ledger.rows("id", "note") == [("1", "old"), ("1", "new"), ("2", "x")]


def test_rest_counts_what_came_again(rest_kind: RestKind, ledger: Ledger) -> None:
    """Repetition is told, not hidden."""
    rest_kind.add([thing(1), thing(2)])
    ledger.capture(rest_kind.open())
    rest_kind.add([thing(3)])
    (batch,) = rest_kind.open().batches(after=ledger.positions, limit=Limit())
    assert (batch.row_count, batch.repeated) == (1, 2)


def test_rest_ends_elsewhere_when_the_outside_changes_its_mind(
    rest_kind: RestKind, ledger: Ledger
) -> None:
    """The same window with other rows has another end, so its name does not lie."""
    rest_kind.add([thing(1)])
    (first,) = peek(rest_kind.open(), ledger)
    rest_kind.late(thing(2), timedelta(minutes=5))
    (again,) = peek(rest_kind.open(), ledger)
    assert first.end.split("#")[0] == again.end.split("#")[0]
    assert first.batch_id != again.batch_id
    assert first.content_hash != again.content_hash


def test_rest_asks_the_lake_when_its_memory_is_lost(rest_kind: RestKind, ledger: Ledger) -> None:
    """The memory beside the data is a cache."""
    rest_kind.add([thing(1), thing(2)])
    (seen,) = ledger.capture(rest_kind.open())
    (file,) = rest_kind.folder.rglob("*.seen")
    file.write_bytes(file.read_bytes()[:-1])
    rest_kind.add([thing(3)])
    source = rest_kind.open()
    prints = [bytes.fromhex(value) for value in seen.rows["_content"].to_pylist()]
    asked = []

    def captured(since: Any) -> list[tuple[bytes, Any]]:
        asked.append(since)
        return [(value, BEGIN + HOUR) for value in prints]

    source.memory.captured = captured
    ledger.capture(source)
    assert ledger.rows("id") == [("1",), ("2",), ("3",)]
    assert asked == [BEGIN + HOUR - 3 * HOUR]


def test_rest_keeps_numbers_as_they_were_written(rest_kind: RestKind, ledger: Ledger) -> None:
    """No number passes through a float, nested or not."""
    numbers = ["0.1", "1e400", "12345678901234567890.123456789012345678", "-0", "1E-7", "NaN"]
    for number in numbers:
        note = f'{{"n": [{number}, "{number}", true, null]}}'
        rest_kind.api.add("2013-01-01T00:00:00Z", f'{{"id": {number}, "note": {note}}}')
    rest_kind.clock.instant += HOUR
    ledger.capture(rest_kind.open())
    assert sorted(ledger.rows()) == sorted(
        (number, None, f'{{"n":[{number},"{number}",true,null]}}') for number in numbers
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("[1, 2]", "it is no object"),
        ('{"id": "1", "id": "2"}', "it names something twice"),
        ('{"id": "\\ud800"}', "it holds half a character"),
        ('{"id": "1", "note": {"a": 1, "a": 2}}', "it names something twice"),
    ],
)
def test_rest_rejects_a_record_that_is_no_row(
    record: str, reason: str, rest_kind: RestKind, ledger: Ledger
) -> None:
    """What cannot be a row is kept with the reason, once, though it is told again."""
    rest_kind.api.add("2013-01-01T00:00:00Z", record)
    rest_kind.add([thing(2)])
    (seen,) = ledger.capture(rest_kind.open())
    assert [each["reason"] for each in seen.rejected] == [reason]
    assert seen.rejected[0]["position"].startswith("2013-01-01T01:00:00Z/")
    rest_kind.add([thing(3)])
    (later,) = ledger.capture(rest_kind.open())
    assert later.rejected == []
    assert ledger.rows("id") == [("2",), ("3",)]


def test_rest_stops_when_too_much_cannot_be_read(
    rest_kind: RestKind, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A declaration that fits nothing does not fill the quarantine."""
    monkeypatch.setattr(rest, "MOST_REJECTS", 2)
    for number in range(3):
        rest_kind.api.add("2013-01-01T00:00:00Z", f"[{number}]")
    rest_kind.clock.instant += HOUR
    with pytest.raises(SourceError, match="more than 2 records of a window cannot be read"):
        ledger.capture(rest_kind.open())
