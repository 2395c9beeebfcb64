"""Broken promises of a small company's datasets, in few words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Severity, Signal
from watermain.observe.alert.alert import Alert, Sighting
from watermain.observe.alert.cause import Lineage
from watermain.observe.alert.decide import Decided, decide

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def name(text: str) -> DatasetName:
    """A dataset; a word alone is a curated one of the shop."""
    return DatasetName.parse(text if "." in text else f"shop.curated.{text}")


def lineage(**inputs: str) -> Lineage:
    """Who reads whom, each by words with blanks between."""
    return Lineage(
        {name(reader): [name(each) for each in read.split()] for reader, read in inputs.items()},
        {name("orders"): "team:shop"},
        {name("report"): ("the board",)},
    )


CHAIN = lineage(orders="", lines="orders", report="lines", stock="", shelf="stock lines")


def late(
    dataset: str, at: datetime = NOON, severity: Severity = "page", promise: str = "on_time"
) -> Signal:
    """A dataset that is late."""
    return Signal(
        dataset=name(dataset),
        promise=promise,
        severity=severity,
        rule="burn 14.4x over 1 h and 5 m",
        told="2026-11-29 is late",
        at=at,
        partitions=("2026-11-29",),
    )


class Days:
    """Look after look at the same datasets; what was told is kept by kind."""

    def __init__(self, lineage: Lineage = CHAIN) -> None:
        self.lineage, self.now = lineage, NOON
        self.alerts: dict[str, Alert] = {}
        self.last = Decided((), ())

    def look(
        self, *datasets: str | Signal, after: timedelta = MINUTE, **words: object
    ) -> list[str]:
        """Look at datasets that are late after a while; give what is told, as `kind dataset`."""
        self.now += after
        signals = tuple(late(d, self.now) if isinstance(d, str) else d for d in datasets)
        seen = Sighting(at=self.now, signals=signals, **words)  # type: ignore[arg-type]
        self.last = decide(tuple(self.alerts.values()), seen, self.lineage)
        self.alerts |= {alert.cause_id: alert for alert in self.last.alerts}
        return [f"{t.kind} {t.cause_id.partition('@')[0]}" for t in self.last.tellings]

    def one(self) -> Alert:
        """The only alert that there ever was."""
        (alert,) = self.alerts.values()
        return alert
