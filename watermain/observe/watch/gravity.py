"""How grave a failure of a dataset is, by who was promised something of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Severity
from watermain.engine.rooms.promises import RoomPromises
from watermain.observe.alert.cause import Lineage


class Gravity:
    """Say whether a failure may wake somebody.

    Guarantees: without a declared promise everything waits for the morning, as a ticket. It is a
    page where the dataset, or one that is computed from it, promises something whose urgency is a
    page.
    """

    def __init__(self, known: RoomPromises) -> None:
        self._known = known

    @cached_property
    def _grave(self) -> frozenset[DatasetName]:
        """What somebody may be woken for; looked for when something has failed."""
        lineage, found = Lineage(self._known.inputs), set[DatasetName]()
        for each in self._known.promises:
            if each.slo.urgency.severity == "page":
                found |= {each.dataset, *lineage.above(each.dataset)}
        return frozenset(found)

    def of(self, dataset: DatasetName) -> Severity:
        """What a failure of a dataset is at most."""
        return "page" if dataset in self._grave else "ticket"

    def gravest(self, datasets: Iterable[DatasetName]) -> Severity:
        """What a failure of several is at most."""
        return "page" if "page" in map(self.of, datasets) else "ticket"
