"""What becomes of rows that are put aside."""

from __future__ import annotations

from dataclasses import dataclass

from watermain.declare.errors import InvalidDeclarationError


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """Say how many rows may be put aside, and whether they come back by themselves.

    Units: `limit` is rows of a partition when an int, or a share of them when a float; None is no
    limit. `replays` runs open rows again after each change of the contract or the code.
    Raises: InvalidDeclarationError.
    """

    limit: int | float | None = None
    replays: bool = False

    def __post_init__(self) -> None:
        share = isinstance(self.limit, float) and self.limit > 1
        if self.limit is not None and (self.limit < 0 or share):
            raise InvalidDeclarationError.nothing_happened(
                f"a quarantine limit of {self.limit!r} is neither rows nor a share",
                declared="Quarantine",
                next="give whole rows, such as 100, or a share between 0.0 and 1.0",
            )

    def allows(self, aside: int, rows: int) -> bool:
        """Whether a partition of so many rows may be published without those put aside."""
        most = self.limit
        if most is None:
            return True
        return aside <= (most * rows if isinstance(most, float) else most)


UNLIMITED = Quarantine()
