"""The instant that a clock outside means, where a calendar has it."""

from __future__ import annotations

from datetime import datetime, timedelta

from watermain.clock import EPOCH

_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999


def instant_of(milliseconds: int) -> datetime | None:
    """The instant of so many milliseconds since 1970; None for a year without four digits."""
    if not _FIRST <= milliseconds <= _LAST:
        return None
    return EPOCH + timedelta(milliseconds=milliseconds)
