"""Cadences as SQL expressions over an event-time column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from watermain.clock import EPOCH
from watermain.declare.cadence import Cadence, Hourly, Monthly
from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.lake.lake import quote, text


@dataclass(frozen=True)
class Span:
    """The partitions first..last of a cadence, as a filter over an event-time column.

    `days` are the days of UTC since 1970 that have rows, where they are few in a long time.
    """

    cadence: Cadence
    first: str
    last: str
    days: tuple[int, ...] = ()

    @property
    def keys(self) -> list[str]:
        """Every key of the span."""
        return self.cadence.keys(self.first, self.last)

    def filter(self, contract: Contract) -> str:
        """The SQL condition that a row of the contract's table lies in the span."""
        column = quote(str(contract.event_time))
        low, high = self._bounds(contract)
        return f"{column} >= {low} and {column} < {high}"

    def bound(self, contract: Contract, key: str) -> str:
        """The SQL literal of a partition's beginning."""
        return _literal(self.cadence.local(key), contract, self.cadence)

    def _bounds(self, contract: Contract) -> tuple[str, str]:
        begin, end = self.cadence.local(self.first), self.cadence.local(self.last)
        end = self.cadence.following(end)
        return _literal(begin, contract, self.cadence), _literal(end, contract, self.cadence)

    def key(self, contract: Contract) -> str:
        """The SQL expression that gives a row's partition key."""
        return self.named(self.floor(contract))

    def named(self, floor: str) -> str:
        """The SQL expression that turns a partition's beginning into its key."""
        return f"strftime({floor}, {text(self.cadence.format)})"

    def floor(self, contract: Contract) -> str:
        """The SQL expression of the local beginning of a row's partition, cheap to group by."""
        column = quote(str(contract.event_time))
        local = self._local(column) if is_zoned(contract) else column
        if self.cadence.unit == "day":
            return f"{local}::date"
        return f"date_trunc('{self.cadence.unit}', {local})"

    def _local(self, column: str) -> str:
        """Wall-clock time by adding the zone's offset, looked up once for each change of it.

        The sum of microseconds is many times faster than the engine's own time zones.
        """
        if self.cadence.zone == "UTC":
            return f"make_timestamp(epoch_us({column}))"
        zone = ZoneInfo(self.cadence.zone)
        steps = self._steps(zone)
        cases = "".join(
            f" when {column} < timestamptz {text(str(until))} then {seconds}000000"
            for until, seconds in steps[:-1]
        )
        last = f"{steps[-1][1]}000000"
        offset = f"case{cases} else {last} end" if cases else last
        return f"make_timestamp(epoch_us({column}) + {offset})"

    def _steps(self, zone: ZoneInfo) -> list[tuple[datetime, int]]:
        """The offsets of the time that has rows, each with its end."""
        if not self.days:
            begin, end = self.cadence.window(self.first).start, self.cadence.window(self.last).end
            return _offset_changes(begin, end, zone)
        found: list[tuple[datetime, int]] = []
        for day in self.days:
            begin = EPOCH + day * _DAY
            for until, seconds in _offset_changes(begin, begin + _DAY, zone):
                if found and found[-1][1] == seconds:
                    found.pop()
                found.append((until, seconds))
        return found


def _offset_changes(begin: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[datetime, int]]:
    """Pairs of (until, offset in seconds) that cover begin..end; found by bisection."""
    found: list[tuple[datetime, int]] = []
    at = begin
    while at < end:
        offset = at.astimezone(zone).utcoffset()
        low, high = at, min(at + (end - at), end)
        step = at
        while step < high and step.astimezone(zone).utcoffset() == offset:
            low, step = step, step + (_DAY * 7)
        if step >= high and high.astimezone(zone).utcoffset() == offset:
            found.append((high, int(offset.total_seconds()) if offset else 0))
            break
        top = min(step, high)
        while top - low > _SECOND:
            middle = low + (top - low) / 2
            same = middle.astimezone(zone).utcoffset() == offset
            low, top = (middle, top) if same else (low, middle)
        at = top.replace(microsecond=0)
        found.append((at, int(offset.total_seconds()) if offset else 0))
    return found


_DAY = datetime(2000, 1, 2) - datetime(2000, 1, 1)
_SECOND = _DAY / 86400


def _literal(local: datetime, contract: Contract, cadence: Cadence) -> str:
    if is_zoned(contract):
        utc = local.replace(tzinfo=ZoneInfo(cadence.zone)).astimezone(ZoneInfo("UTC"))
        return f"timestamptz {text(utc.isoformat())}"
    if pa.types.is_date(contract.column(str(contract.event_time)).type):
        # A date compared with a timestamp would become one, which not every date can.
        return f"date {text((local + _DAY - _DAY.resolution).date().isoformat())}"
    return f"timestamp {text(local.isoformat())}"


def is_zoned(contract: Contract) -> bool:
    """Whether the event time is an instant, rather than a wall-clock time or a date."""
    kind = contract.column(str(contract.event_time)).type
    return pa.types.is_timestamp(kind) and kind.tz is not None


def layout(cadence: Cadence, column: str) -> str:
    """How files are grouped: each storage partition holds many partitions of the cadence."""
    name = quote(column)
    if isinstance(cadence, Hourly):
        return f"year({name}), month({name}), day({name})"
    if isinstance(cadence, Monthly):
        return f"year({name})"
    return f"year({name}), month({name})"


def spans(cadence: Cadence, keys: Sequence[str]) -> list[Span]:
    """Cut keys in their order into spans without a gap."""
    found: list[Span] = []
    for key in keys:
        begin = cadence.local(key)
        if found and cadence.following(cadence.local(found[-1].last)) == begin:
            found[-1] = replace(found[-1], last=key)
        else:
            found.append(Span(cadence, key, key))
    return found


def overlapping(span: Span, other: Cadence, before: timedelta = timedelta(0)) -> tuple[str, str]:
    """The first and last key of another cadence that a span touches, or the time before it."""
    begin = span.cadence.window(span.first).start - before
    end = span.cadence.window(span.last).end - _SECOND
    floor = other.key_of(max(begin, beginning(other)))
    return floor, other.key_of(max(end, beginning(other)))


def beginning(cadence: Cadence) -> datetime:
    """The instant at which a cadence's first day begins."""
    begin = datetime.combine(cadence.since, datetime.min.time())
    return begin.replace(tzinfo=ZoneInfo(cadence.zone))


def touched(reader: Cadence, other: Cadence, key: str, before: timedelta) -> list[str]:
    """The partitions of a reader that a partition of its input belongs to, where it looks back."""
    window = other.window(key)
    first = reader.key_of(max(window.start, beginning(reader)))
    last = reader.key_of(max(window.end - _SECOND + before, beginning(reader)))
    return reader.keys(first, last)


def span_between(dataset: Dataset, low: str, high: str) -> Span:
    """The partitions between two event times, as UTC or wall-clock text."""
    cadence = dataset.cadence
    assert cadence is not None
    begin, end = datetime.fromisoformat(low), datetime.fromisoformat(high)
    if is_zoned(dataset.contract):
        first = cadence.key_of(begin.replace(tzinfo=UTC))
        return Span(cadence, first, cadence.key_of(end.replace(tzinfo=UTC)))
    return Span(
        cadence,
        cadence.floor(begin).strftime(cadence.format),
        cadence.floor(end).strftime(cadence.format),
    )
