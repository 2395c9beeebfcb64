"""A due time by the calendar of whoever needs the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.promise.days import days_off
from watermain.declare.schedule import schedule_complaints

_YEARS = 4  # within which a schedule without holidays comes at least once
_SOME_MONDAY = datetime(2024, 1, 1)
_SHIFT = timedelta(hours=3)  # more than a clock is ever moved


@dataclass(frozen=True)
class Due:
    """The instants by which partitions are needed: five fields of cron, but never on holidays.

    Shapes: a partition is due at the first of them that is not before its end. What a clock that
    is moved leaves out comes as much later; what it repeats comes once, the first time.
    Units: the fields are wall-clock time of `zone`; `holidays` as in `Days`.
    """

    cron: str
    zone: str = "UTC"
    holidays: str = ""

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._refuse(f"zone {self.zone!r} is no IANA time zone", "use one such as `UTC`")
        for complaint, next_step in schedule_complaints(self.cron):
            self._refuse(complaint.replace("schedule", "due time", 1), next_step)
        if self.holidays:
            days_off(self.holidays)
            if not self._comes():
                self._refuse(
                    f"{self.cron!r} never comes but on holidays of {self.holidays}",
                    "name another day, or leave `holidays` out",
                )

    def __str__(self) -> str:
        off = f" but on holidays of {self.holidays}" if self.holidays else ""
        return f"by {self.cron!r} in {self.zone}{off}"

    def _refuse(self, what: str, next: str) -> None:
        raise InvalidDeclarationError.nothing_happened(f"Due: {what}", declared="Due", next=next)

    def _comes(self) -> bool:
        """Whether it comes on a day off the holidays within some years."""
        end = _SOME_MONDAY + timedelta(days=366 * _YEARS)
        return next(self._local(_SOME_MONDAY, forward=True, until=end), None) is not None

    def first_from(self, instant: datetime) -> datetime:
        """The first of them that is not before an instant."""
        return _first_from(self, instant)

    def last_until(self, instant: datetime) -> datetime:
        """The last of them that is not after an instant."""
        return _last_until(self, instant.replace(second=0, microsecond=0))

    def _instants(self, begin: datetime, *, forward: bool) -> Iterator[datetime]:
        zone = ZoneInfo(self.zone)
        for local in self._local(begin, forward=forward):
            yield local.replace(tzinfo=zone).astimezone(UTC)

    def _local(
        self, begin: datetime, *, forward: bool, until: datetime | None = None
    ) -> Iterator[datetime]:
        from croniter import croniter  # type: ignore[import-untyped]

        ticks: Any = croniter(self.cron, begin)
        off = days_off(self.holidays) if self.holidays else ()
        while True:
            local: datetime = ticks.get_next(datetime) if forward else ticks.get_prev(datetime)
            if until is not None and local > until:
                return
            if local.date() not in off:
                yield local

    def next(self, instant: datetime) -> datetime:
        """The same as `first_from`, worked out anew."""
        begin = self._wall(instant) - _SHIFT
        return next(at for at in self._instants(begin, forward=True) if at >= instant)

    def latest(self, instant: datetime) -> datetime:
        """The same as `last_until`, worked out anew."""
        begin = self._wall(instant) + _SHIFT
        return next(at for at in self._instants(begin, forward=False) if at <= instant)

    def _wall(self, instant: datetime) -> datetime:
        return instant.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)


@lru_cache(maxsize=65_536)
def _first_from(due: Due, instant: datetime) -> datetime:
    """Partitions of many datasets end together, and are asked for again and again."""
    return due.next(instant)


@lru_cache(maxsize=4096)
def _last_until(due: Due, minute: datetime) -> datetime:
    """It changes by the minute at most; many datasets share a due time."""
    return due.latest(minute)
