"""All figures of the platform, put together by whoever serves them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from watermain.declare.errors import WatermainError
from watermain.engine.promise.book import VerdictBook
from watermain.lake.catalog import catalog_dsn
from watermain.observe.alert.book import AlertBook
from watermain.observe.export.alert_reading import alert_figures
from watermain.observe.export.figures import AlertFigures, AllFigures, PlatformFigures
from watermain.observe.export.lake_reading import LakeReading
from watermain.observe.export.platform_reading import platform_figures
from watermain.observe.export.promise_reading import PromiseReading, ReadPromises
from watermain.process.instance import DRIVER, storage_url
from watermain.process.platform import Services
from watermain.settings import Settings, load_settings

Found = TypeVar("Found")


class Gathering:
    """Read every part of the figures.

    Guarantees: a part that cannot be read is named in `unread` and keeps no other from being read;
    what it told before is not told again, but for the counts of the lake. No engine is opened in
    this process.
    """

    def __init__(self, settings: Callable[[], Settings] = load_settings) -> None:
        self._settings = settings
        self._alerts = AlertBook(self._dsn)
        self._promises = PromiseReading(VerdictBook(self._dsn), self._dsn)
        self._lake = LakeReading(self._dsn)

    def __call__(self, now: datetime) -> AllFigures:
        """The figures now."""
        unread: list[str] = []

        def read(part: str, reading: Callable[[], Found], otherwise: Found) -> Found:
            try:
                return reading()
            except WatermainError:
                unread.append(part)
                return otherwise

        promises = read("promises", lambda: self._promises(now), ReadPromises((), None))
        platform = read("platform", self._platform, PlatformFigures())
        alerts = read("alerts", lambda: alert_figures(self._alerts), AlertFigures())
        read("lake", lambda: self._lake(now), None)
        return AllFigures(
            at=now,
            evaluated_at=promises.evaluated_at,
            ledger_at=self._lake.asked_at,
            platform=platform,
            promises=promises.figures,
            lake=self._lake.lake,
            captures=self._lake.captures,
            alerts=alerts,
            unread=tuple(unread),
        )

    def _platform(self) -> PlatformFigures:
        settings = self._settings()
        return platform_figures(
            Services(settings), lambda: storage_url(settings).replace(DRIVER, "postgresql:", 1)
        )

    def _dsn(self) -> str:
        return catalog_dsn(self._settings())
