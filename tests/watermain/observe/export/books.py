"""A small company whose fees come late, in a real book."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.watermain.engine.promise.promises import FEES, JUNE, TWO_HOURS, Commits, june
from watermain.declare import Slo
from watermain.declare.cadence import Cadence
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import Evaluator
from watermain.observe.export.promise_reading import PromiseReading

OTHER = DatasetName("weather", "curated", "observations")


class Company:
    """Two datasets; of `FEES` nothing comes but what a test publishes, of `OTHER` all does."""

    def __init__(self, dsn: str, slo: Slo = TWO_HOURS, cadence: Cadence = JUNE) -> None:
        self.book, self.commits = VerdictBook(lambda: dsn), Commits()
        self.evaluator = Evaluator(self.book, self.commits)
        self.reading = PromiseReading(VerdictBook(lambda: dsn), lambda: dsn)
        words = {"slo": slo, "cadence": cadence, "owner": "team:billing"}
        self.promises = [Promised(dataset=name, **words) for name in (FEES, OTHER)]  # type: ignore[arg-type]
        for day in range(1, 29):
            self.commits.publish(f"2026-06-{day:02}", june(day) + timedelta(hours=25), OTHER)
        self.judge(june(1))

    def judge(self, now: datetime) -> None:
        """Judge what is due."""
        self.evaluator.judge(self.promises, now)
