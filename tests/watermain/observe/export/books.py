"""A small company whose fees come late, in a real book."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from tests.watermain.engine.promise.promises import FEES, JUNE, TWO_HOURS, Commits, june
from watermain.declare import Slo
from watermain.declare.cadence import Cadence
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import Evaluator
from watermain.observe.export.promise_reading import PromiseReading
from watermain.observe.rounds import RoundStep, rounds

OTHER = DatasetName("weather", "curated", "observations")


class Company:
    """Two datasets; of `FEES` nothing comes but what a test publishes, of `OTHER` all does."""

    def __init__(self, dsn: str, slo: Slo = TWO_HOURS, cadence: Cadence = JUNE) -> None:
        self.book, self.commits = VerdictBook(lambda: dsn), Commits()
        self.evaluator = Evaluator(self.book, self.commits)
        self.reading = PromiseReading(VerdictBook(lambda: dsn), lambda: dsn)
        self.promises = [
            Promised(dataset=name, slo=slo, cadence=cadence, owner="team:billing")
            for name in (FEES, OTHER)
        ]
        self.begin(june(1))

    def begin(self, at: datetime) -> None:
        """Promise from an instant on; the other dataset comes an hour after each day's end."""
        for day in range(35):
            begun = at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=day)
            self.commits.publish(f"{begun:%F}", begun + timedelta(hours=25), OTHER)
        self.judge(at)

    def judge(self, now: datetime) -> None:
        """Judge what is due."""
        self.evaluator.judge(self.promises, now)

    def catch_up(self, now: datetime) -> None:
        """Publish the fees of the last week."""
        for day in range(8):
            self.commits.publish(f"{now - timedelta(days=day):%F}", now)

    @contextmanager
    def judged_each_second(self, *steps: Callable[[datetime], str]) -> Iterator[None]:
        """Judge in rounds of a second as long as the block, and take steps of its own after."""
        stop, trouble = threading.Event(), list[str]()

        def judge(now: datetime) -> str:
            self.evaluator._looked_at = None
            self.judge(now)
            return ""

        told = [RoundStep("judge", judge), *(RoundStep("step", _always(step)) for step in steps)]
        words = (told, trouble.append, stop)
        thread = threading.Thread(
            target=rounds, args=words, kwargs={"pause": timedelta(seconds=1)}, daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        assert trouble == []


def _always(step: Callable[[datetime], str]) -> Callable[[datetime], str]:
    """A step that keeps what it made for half a minute, made to forget that."""

    def run(now: datetime) -> str:
        vars(step)["_made_at"] = None
        return step(now)

    return run
