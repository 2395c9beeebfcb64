"""The promise of when data is ready."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.wording import lasting, share


@dataclass(frozen=True, kw_only=True)
class Slo:
    """Promise that a share of partitions is ready in time.

    Units: `ready_within` counts from the partition's end, `target` is a share of 1, and `over` is
    the sliding window in which the share is measured.
    """

    ready_within: timedelta
    target: float = 0.99
    over: timedelta = timedelta(days=28)

    def __post_init__(self) -> None:
        if not 0 < self.target < 1 or self.ready_within <= timedelta(0):
            raise InvalidDeclarationError.nothing_happened(
                f"{self!r} promises nothing that can be measured",
                declared="Slo",
                next="give a positive `ready_within`, with a target above 0 but below 1",
            )

    def __str__(self) -> str:
        return (
            f"{share(self.target)} of partitions ready within {lasting(self.ready_within)},"
            f" over {lasting(self.over)}"
        )
