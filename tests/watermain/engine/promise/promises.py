"""A promise of a made-up dataset, with a lake that says what a test lets it say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta

from watermain.declare import Cadence, Daily, DatasetName, Slo
from watermain.declare.errors import UnreachableSystemError
from watermain.engine.promise.book import Pair
from watermain.engine.promise.calendar import Promised

FEES = DatasetName("billing", "curated", "fees")
TWO_HOURS = Slo(ready_within=timedelta(hours=2))
JUNE = Daily(start=date(2026, 6, 1))


def promise(slo: Slo = TWO_HOURS, cadence: Cadence = JUNE, name: DatasetName = FEES) -> Promised:
    """The promise that partitions are ready two hours after their end."""
    return Promised(dataset=name, slo=slo, cadence=cadence, owner="team:billing")


def june(day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """An instant of June 2026."""
    return datetime(2026, 6, day, hour, minute, second, tzinfo=UTC)


class Commits:
    """Publishes that a test says have happened; it may be away."""

    def __init__(self) -> None:
        self.made: dict[Pair, datetime] = {}
        self.is_away = False

    def publish(self, partition: str, at: datetime, name: DatasetName = FEES) -> None:
        """Publish a partition; the first time counts."""
        self.made.setdefault((name, partition), at)

    def ready(self, partitions: Mapping[DatasetName, Collection[str]]) -> dict[Pair, datetime]:
        """When partitions were first published."""
        if self.is_away:
            raise UnreachableSystemError.nothing_happened("away", declared="a test", next="wait")
        asked = {(name, key) for name, keys in partitions.items() for key in keys}
        return {pair: at for pair, at in self.made.items() if pair in asked}
