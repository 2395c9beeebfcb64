"""What becomes of rows that are put aside."""

from __future__ import annotations

from dataclasses import dataclass

from watermain.declare.errors import InvalidDeclarationError


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """Say how many rows may be put aside, whether they come back by themselves, and for how long.

    Units: `limit` is rows of a partition when an int, or a share of them when a float; None is no
    limit. `replays` runs open rows again after each change of the contract or the code. Rows that
    were decided about, or computed anew, are forgotten after `keep_days`; None keeps them for ever.
    Raises: InvalidDeclarationError.
    """

    limit: int | float | None = None
    replays: bool = False
    keep_days: int | None = None

    def __post_init__(self) -> None:
        share = isinstance(self.limit, float) and self.limit > 1
        if self.limit is not None and (self.limit < 0 or share):
            raise InvalidDeclarationError.nothing_happened(
                f"a quarantine limit of {self.limit!r} is neither rows nor a share",
                declared="Quarantine",
                next="give whole rows, such as 100, or a share between 0.0 and 1.0",
            )
        if self.keep_days is not None and self.keep_days < 1:
            raise InvalidDeclarationError.nothing_happened(
                f"rows in quarantine cannot be kept for {self.keep_days!r} days",
                declared="Quarantine",
                next="give whole days, such as 90, or leave keep_days out",
            )

    def allows(self, aside: int, rows: int) -> bool:
        """Whether a partition of so many rows may be published without those put aside."""
        most = self.limit
        if most is None:
            return True
        return aside <= (most * rows if isinstance(most, float) else most)


UNLIMITED = Quarantine()
