"""What consumers say of a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from watermain.record.vote import Vote, counted

FEWEST = 3


@dataclass(frozen=True)
class Opinion:
    """The mean vote with what it rests on.

    Units: `mean` from 1 to 5; None where nobody voted. `voters` are persons.
    """

    mean: float | None
    voters: int

    @property
    def is_thin(self) -> bool:
        """Whether it is the opinion of hardly anybody."""
        return self.voters < FEWEST

    def __str__(self) -> str:
        if self.mean is None:
            return "nobody voted"
        people = "1 person" if self.voters == 1 else f"{self.voters} people"
        few = f", too few for a mean to say much: fewer than {FEWEST}" if self.is_thin else ""
        return f"{self.mean:.1f} of 5 by {people}{few}; whoever voted chose to"


def votes(given: Iterable[Vote]) -> Opinion:
    """Take the mean of the votes that count; of a person the mean of their months.

    Shapes: votes about one dataset within a window, oldest first.
    Guarantees: nobody weighs more by voting more often.
    """
    said: dict[str, list[int]] = {}
    for each in counted(given):
        said.setdefault(each.who, []).append(each.score)
    persons = [sum(scores) / len(scores) for scores in said.values()]
    return Opinion(sum(persons) / len(persons) if persons else None, len(persons))
