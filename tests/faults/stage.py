"""A lake whose every version of every partition is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.faults import crew
from tests.faults.crew import Ended, Worker
from tests.faults.orders import Order
from tests.watermain.engine.feed import changes

DAYS = ("2013-01-01", "2013-01-02", "2013-01-03")


@dataclass
class Stage:
    """Version v of the source says `amount = v` in each of `rows` pieces of each of three days."""

    environment: dict[str, str]
    rows: int = 100
    version: int = 0

    def order(self, *verbs: str, **words: Any) -> Order:
        """An order for a worker on this stage."""
        return Order(environment=self.environment, verbs=verbs, **words)

    def run(self, *verbs: str, **words: Any) -> Ended:
        """Do an order to its end."""
        return crew.run(self.order(*verbs, **words))

    def start(self, *verbs: str, **words: Any) -> Worker:
        """Begin an order."""
        return Worker(self.order(*verbs, **words))

    def arrive(self, **words: Any) -> None:
        """Capture the next version."""
        given = [
            {
                "id": f"{day}/{number}",
                "shard": 0,
                "seq": number,
                "at": f"{day} 10:00:00",
                "amount": self.version + 1,
                "_op": "u" if self.version else "i",
            }
            for day in DAYS
            for number in range(self.rows)
        ]
        start = str(self.version) if self.version else ""
        batch = changes(given, start=start, end=str(self.version + 1))
        done = self.run("capture", given={"feed": [batch]}, **words).results["capture"]
        assert done == len(DAYS)
        self.version += 1

    def picture(self, version: int) -> list[tuple[Any, ...]]:
        """What a reader must see of a version."""
        return [(day, self.rows, self.rows, version, version) for day in DAYS]

    def seen(self) -> list[tuple[Any, ...]]:
        """What a reader sees."""
        found: list[tuple[Any, ...]] = self.run("look").results["look"]
        return found
