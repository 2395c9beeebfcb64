"""A clock outside is believed as far as a calendar goes."""

from __future__ import annotations

from datetime import UTC, datetime

from watermain.source.instant import instant_of


def test_instant_of_a_record() -> None:
    """Every millisecond of the calendar, nothing else."""
    assert instant_of(-1) == datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)
    assert instant_of(253_402_300_799_999) == datetime.max.replace(tzinfo=UTC, microsecond=999000)
    assert instant_of(-62_135_596_800_000) == datetime.min.replace(tzinfo=UTC)
    assert (instant_of(-62_135_596_800_001), instant_of(253_402_300_800_000)) == (None, None)
