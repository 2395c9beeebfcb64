"""Days of a week without the holidays of a place."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from watermain.declare.errors import InvalidDeclarationError, quoted

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True)
class Days:
    """The local days on which something is expected.

    Shapes: `weekdays` names days or spans of them, such as `mon-fri` or `mon, wed, sat-sun`;
    `holidays` names a calendar of days off: a country (`US`), a part of one (`US-NY`), or a market
    (`XNYS`); empty knows no holiday.
    """

    weekdays: str = "mon-sun"
    holidays: str = ""

    def __post_init__(self) -> None:
        _weekdays(self.weekdays)
        if self.holidays:
            days_off(self.holidays)

    def __str__(self) -> str:
        off = f" but holidays of {self.holidays}" if self.holidays else ""
        return f"{self.weekdays}{off}"

    @property
    def numbers(self) -> frozenset[int]:
        """Its weekdays, of which Monday is 0."""
        return _weekdays(self.weekdays)

    def __contains__(self, day: date) -> bool:
        if day.weekday() not in self.numbers:
            return False
        return not self.holidays or day not in days_off(self.holidays)


@lru_cache(maxsize=256)
def _weekdays(text: str) -> frozenset[int]:
    """The numbers of the named weekdays.

    Raises: InvalidDeclarationError.
    """
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = (word.strip().lower() for word in part.partition("-"))
        if first not in WEEK or (last or first) not in WEEK:
            raise InvalidDeclarationError.nothing_happened(
                f"weekdays {text!r} are not understood",
                declared="Days",
                next=f"write days or spans such as `mon-fri`, out of {quoted(WEEK)}",
            )
        begin, end = WEEK.index(first), WEEK.index(last or first)
        found.update(day % 7 for day in range(begin, end + (1 if end >= begin else 8)))
    return frozenset(found)


@lru_cache(maxsize=64)
def days_off(name: str) -> Container[date]:
    """The holidays of a country, a part of one, or a market.

    Raises: InvalidDeclarationError, listing the calendars there are.
    """
    import holidays  # seldom needed, and slow to import

    places = holidays.list_supported_countries(include_aliases=True)
    markets = holidays.list_supported_financial(include_aliases=True)
    country, _, part = name.partition("-")
    if country in places and (not part or part in places[country]):
        found: Container[date] = holidays.country_holidays(country, subdiv=part or None)
        return found
    if name in markets:
        market: Container[date] = holidays.financial_holidays(name)
        return market
    known = places.get(country, [*places, *markets])
    raise InvalidDeclarationError.nothing_happened(
        f"there is no calendar of holidays called {name!r}",
        declared="holidays",
        next=f"use one of {quoted(known)}" if known else f"use `{country}`, which has no parts",
    )
