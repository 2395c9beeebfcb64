"""How much it matters that a promise is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from watermain.declare.errors import InvalidDeclarationError, quoted

SEVERITIES = ("page", "ticket")
TIERS = (1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class Urgency:
    """Who is to act on a broken promise, and how soon.

    Shapes: `tier` is 1 for what the company stands still without, up to 3 for what can wait;
    `severity` is the most that a breach may be, a `page` that wakes somebody or a `ticket`; one
    odd miss wakes nobody unless `page_on_first_miss` says so.
    """

    tier: int = 2
    severity: Literal["page", "ticket"] = "page"
    page_on_first_miss: bool = False

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            self._refuse(f"tier {self.tier!r} is unknown", f"use one of {quoted(TIERS)}")
        if self.severity not in SEVERITIES:
            self._refuse(
                f"severity {self.severity!r} is unknown", f"use one of {quoted(SEVERITIES)}"
            )
        if self.page_on_first_miss and self.severity != "page":
            self._refuse("a ticket pages nobody", "leave `page_on_first_miss` out")

    def __str__(self) -> str:
        first = ", also on the first miss" if self.page_on_first_miss else ""
        return f"tier {self.tier}, {self.severity}{first}"

    def _refuse(self, what: str, next: str) -> None:
        raise InvalidDeclarationError.nothing_happened(
            f"Urgency: {what}", declared="Urgency", next=next
        )
