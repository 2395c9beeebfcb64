"""The hours of the day in which somebody waits for data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.promise.days import Days


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Promised hours: from `begin` up to `end` on some days; `end` at 0:00 is the day's end.

    Units: wall-clock time of `zone`.
    """

    begin: time = time(0)
    end: time = time(0)
    days: Days = field(default_factory=Days)
    zone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._refuse(f"zone {self.zone!r} is no IANA time zone", "use one such as `UTC`")
        if self.end != time(0) and self.end <= self.begin:
            self._refuse(
                f"promised hours from {self.begin:%H:%M} to {self.end:%H:%M} are empty",
                "let them end after they begin; what goes past midnight is promised by the day",
            )

    def __str__(self) -> str:
        end = "24:00" if self.end == time(0) else f"{self.end:%H:%M}"
        return f"{self.begin:%H:%M}-{end} {self.zone}, {self.days}"

    def _refuse(self, what: str, next: str) -> None:
        raise InvalidDeclarationError.nothing_happened(
            f"Hours: {what}", declared="Hours", next=next
        )

    def __contains__(self, instant: datetime) -> bool:
        local = instant.astimezone(ZoneInfo(self.zone))
        within = local.time() >= self.begin and (self.end == time(0) or local.time() < self.end)
        return within and local.date() in self.days

    def spans(self, after: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The promised hours between two instants, oldest first, cut off at both."""
        zone, day = ZoneInfo(self.zone), timedelta(days=1)
        date, last = (after.astimezone(zone) - day).date(), until.astimezone(zone).date()
        while date <= last:
            ends = date + day if self.end == time(0) else date
            begin = datetime.combine(date, self.begin, zone).astimezone(UTC)
            end = datetime.combine(ends, self.end, zone).astimezone(UTC)
            if date in self.days and max(begin, after) < min(end, until):
                yield max(begin, after), min(end, until)
            date += day
