"""Metrics of every captured dataset, whichever rhythm captures it, from the ledger."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError, WatermainError
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.metrics import Metrics
from watermain.settings import Settings
from watermain.source.opening import open_source
from watermain.source.outside import Connections

LOOK_SECONDS = 10.0


class BatchCounter:
    """Count the batches that the ledger gains, and measure what waits at each source.

    Guarantees: a batch is counted once; what was committed before the first look is not counted,
    as a counter begins anew with its process.
    """

    def __init__(
        self,
        lake: Lake,
        datasets: Sequence[Dataset],
        settings: Settings,
        metrics: Metrics,
        connections: Connections,
    ) -> None:
        self.lake, self.settings, self.metrics = lake, settings, metrics
        self.connections = connections
        self.datasets = [d for d in datasets if d.is_captured]
        self.clock, self.snapshot = Clock(), -1

    def look(self) -> None:
        """Look once; what does not answer is a metric."""
        try:
            with self.lake.get_connection() as connection:
                present = self.lake.snapshot(connection)
                rows = (
                    ledger.batches_between(connection, self.snapshot, present)
                    if 0 <= self.snapshot < present
                    else []
                )
        except TransientError:
            return  # the next look tells of these, too
        for row in rows:
            self.metrics.batch(row)
        self.snapshot = present
        for dataset in self.datasets:
            self._measure(dataset)

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.is_set():
            self.look()
            stop.wait(LOOK_SECONDS)

    def _measure(self, dataset: Dataset) -> None:
        name = str(dataset.name)
        try:
            waiting = open_source(dataset, self.settings, self.connections).backlog()
        except WatermainError:
            self.metrics.trouble(name, True)
            return
        self.metrics.backlog(name, dataset.origin.keeps_log, waiting, self.clock.now())
        self.metrics.trouble(name, False)
