"""A runbook that may be run without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass, field

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.place import place

MOST_COMMANDS = 24


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """Let the platform run what mends in a runbook, as soon as people are told of an alert.

    Shapes: `runbook` is the name of its page, `covers` are datasets or rooms, and `commands_a_day`
    bounds what is run by itself for each of these datasets within 24 hours.
    Guarantees: only commands that their page marks with `mend:` are run; each is written down as
    one that nobody asked for.
    """

    runbook: str
    covers: tuple[str, ...]
    commands_a_day: int = 3
    declared: str = field(default_factory=place, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.covers, str) or not self.covers:
            self._refuse(
                f"covers {self.covers!r} are no datasets", "name datasets or rooms, in a tuple"
            )
        if not 1 <= self.commands_a_day <= MOST_COMMANDS:
            self._refuse(
                f"commands_a_day {self.commands_a_day!r} is out of bounds",
                f"use one from 1 to {MOST_COMMANDS}",
            )

    def holds(self, dataset: object) -> bool:
        """Whether it covers a dataset."""
        name = str(dataset)
        return name in self.covers or name.partition(".")[0] in self.covers

    def _refuse(self, what: str, next: str) -> None:
        raise InvalidDeclarationError.nothing_happened(
            f"Remedy: {what}", declared=self.declared, next=next
        )
