"""The rhythm in which a dataset is partitioned."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watermain.declare.errors import InvalidCadenceError, InvalidPartitionError
from watermain.declare.wording import lasting

SINCE = date(2013, 1, 1)  # where neither a declaration nor the platform says it
BEGIN, END = datetime(1000, 1, 1), datetime(9999, 1, 1)  # four digits, with room for a zone


@dataclass(frozen=True)
class Window:
    """A half-open interval of UTC instants, `start <= t < end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """Cut event time into partitions by a calendar.

    Units: `zone` is an IANA name, `start` the first local day, `late_for` how long after a
    partition's end its rows may still arrive, `idle_after` how long a shard of a stream may give
    nothing before the others' event time goes on without it, and `every` how often a stream
    computes anew the partitions of a dataset whose inputs changed; None leaves that to runs.
    `closes_after` is how long after a partition's end late rows still compute it anew by
    themselves: later ones are kept, reported, and redone on command; None closes it never.
    Without a `start` the calendar begins on the day that the platform's data begin; the platform
    says it in `begun`, which is no word of a declaration.
    """

    zone: str = "UTC"
    start: date | None = None
    late_for: timedelta = timedelta(0)
    idle_after: timedelta = timedelta(minutes=10)
    every: timedelta | None = field(default=None, compare=False, repr=False)
    closes_after: timedelta | None = field(default=None, compare=False, repr=False)
    begun: date | None = field(default=None, compare=False, repr=False)
    format: ClassVar[str] = "%Y-%m-%d"
    unit: ClassVar[str] = "day"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._refuse(f"zone {self.zone!r} is no IANA time zone", "use one such as `UTC`")
        if not BEGIN.date() <= self.since < END.date():
            self._refuse(
                f"start {self.since} lies outside the years {BEGIN.year} to {END.year - 1}",
                "give the first day that has rows",
            )
        if self.late_for < timedelta(0):
            self._refuse(f"late_for {self.late_for} is negative", "give a positive timedelta")
        if self.idle_after <= timedelta(0):
            self._refuse(f"idle_after {self.idle_after} is no time", "give a positive timedelta")
        if self.closes_after is not None and self.closes_after < self.late_for:
            self._refuse(
                f"closes_after {self.closes_after} is less than late_for {self.late_for}",
                "await late rows at least as long as they may arrive",
            )
        if self.every is not None and self.every <= timedelta(0):
            self._refuse(f"every {self.every} is no time", "give a positive timedelta")

    def __str__(self) -> str:
        told = f"{type(self).__name__.lower()} in {self.zone} from {self.since}"
        if self.late_for:
            told += f", rows may come {lasting(self.late_for)} late"
        return told if self.every is None else f"{told}, streams follow every {lasting(self.every)}"

    def _refuse(self, what: str, next: str) -> None:
        raise InvalidCadenceError.nothing_happened(
            f"{type(self).__name__}: {what}",
            declared=type(self).__name__,
            next=next,
        )

    def floor(self, local: datetime) -> datetime:
        """The local beginning of the partition that holds a local wall-clock time."""
        return local.replace(hour=0, minute=0, second=0, microsecond=0)

    def following(self, local: datetime) -> datetime:
        """The local beginning of the partition after the one that begins at `local`."""
        return local + timedelta(days=1)

    @property
    def since(self) -> date:
        """The first local day: as declared, or the first of the partition that data begin in."""
        if self.start is not None:
            return self.start
        return self.floor(datetime.combine(self.begun or SINCE, datetime.min.time())).date()

    @property
    def first(self) -> str:
        """The key of the first partition, which begins on the first day or after it."""
        start = datetime.combine(self.since, datetime.min.time())
        floor = self.floor(start)
        return (floor if floor == start else self.following(floor)).strftime(self.format)

    @property
    def beyond(self) -> str:
        """The key of what would be the first partition behind the calendar's last one."""
        return END.strftime(self.format)

    def key_of(self, instant: datetime) -> str:
        """The key of the partition that holds an aware instant."""
        local = instant.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        return self.floor(local).strftime(self.format)

    def local(self, key: str) -> datetime:
        """The local beginning of a partition.

        Raises: InvalidPartitionError, when the key names no partition of this cadence.
        """
        try:
            begin = datetime.strptime(key, self.format)
        except (ValueError, TypeError):
            begin = None
        first = datetime.combine(self.since, datetime.min.time())
        if (
            begin is None
            or begin.strftime(self.format) != key
            or self.floor(begin) != begin
            or begin < first
        ):
            raise InvalidPartitionError.nothing_happened(
                f"partition {str(key)[:80]!r} is outside {self}",
                declared=str(self),
                next=f"use keys such as {self.floor(first).strftime(self.format)!r}",
            )
        return begin

    def window(self, key: str) -> Window:
        """The UTC instants that a partition covers; 23 or 25 hours on days the clock moves."""
        return _window(self, key)

    def keys(self, first: str, last: str) -> list[str]:
        """Every key from first to last, both included."""
        begin, end = self.local(first), self.local(last)
        found = []
        while begin <= end:
            found.append(begin.strftime(self.format))
            begin = self.following(begin)
        return found


@lru_cache(maxsize=65_536)
def _window(cadence: Cadence, key: str) -> Window:
    begin, zone = cadence.local(key), ZoneInfo(cadence.zone)
    end = cadence.following(begin)
    return Window(
        begin.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)
    )


@dataclass(frozen=True, kw_only=True)
class Daily(Cadence):
    """One partition for each local day."""


@dataclass(frozen=True, kw_only=True)
class Hourly(Cadence):
    """One partition for each hour of UTC."""

    format: ClassVar[str] = "%Y-%m-%d-%H:%M"
    unit: ClassVar[str] = "hour"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.zone != "UTC":
            self._refuse("hours repeat where clocks move", "leave the zone at `UTC`")

    def floor(self, local: datetime) -> datetime:
        return local.replace(minute=0, second=0, microsecond=0)

    def following(self, local: datetime) -> datetime:
        return local + timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Monthly(Cadence):
    """One partition for each local month."""

    unit: ClassVar[str] = "month"

    def floor(self, local: datetime) -> datetime:
        return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def following(self, local: datetime) -> datetime:
        return (local.replace(day=1) + timedelta(days=32)).replace(day=1)
