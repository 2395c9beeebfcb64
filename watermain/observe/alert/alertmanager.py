"""Alerts by the second version of Alertmanager's interface."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from watermain.declare.connection.notifier import AlertmanagerConnection
from watermain.observe.alert.alert import Alert, Telling, labels
from watermain.observe.alert.book import Posted
from watermain.observe.alert.way import undelivered
from watermain.observe.alert.wording import text, title
from watermain.secrets import resolved
from watermain.settings import Settings

# Who stops saying it has stopped: an alert stays until it is said to be over, a heartbeat does not.
LASTS = timedelta(hours=24)
HEARTBEAT, MAINTENANCE = "WatermainHeartbeat", "WatermainMaintenance"
SHOWN = timedelta(minutes=10)
# What ends in the future of the other side's clock would not have ended there.
SKEW = timedelta(seconds=30)
BEATS = 3
AGAIN = timedelta(minutes=1)


class AlertmanagerWay:
    """Post alerts to one Alertmanager; what it already has under the same labels is one alert.

    Guarantees: posting twice makes nobody be told twice.
    """

    def __init__(self, word: AlertmanagerConnection, settings: Settings) -> None:
        self._word, self._settings = word, settings
        self._kept_at: datetime | None = None

    def send(self, post: Posted, now: datetime) -> None:
        """Post one telling; a repair ends every alert that people were told of."""
        told = post.telling
        if told.kind == "heartbeat":
            every = self._word.heartbeat_every or timedelta(minutes=5)
            words = {"alertname": HEARTBEAT, "severity": "none", "cause_id": "heartbeat"}
            self._post([_said(words, told.title, told.text, told.began_at, now + every * BEATS)])
            return
        if told.kind == "maintenance":
            words = {"alertname": MAINTENANCE, "severity": "ticket", "cause_id": told.id}
            self._post([_said(words, told.title, told.text, told.began_at, now + SHOWN)])
            return
        ends = now + LASTS
        if told.kind == "fixed":
            ends = max(now - SKEW, told.began_at + timedelta(seconds=1))
        mine = [each for each in told.levels if self._word.takes("fired", each[0], told.owner, 0)]
        self._post([_of(told, level, ends) for level in mine])

    def keep(self, alerts: Sequence[Alert], now: datetime) -> None:
        """Post what is open once a minute: an Alertmanager that starts anew knows nothing."""
        if self._kept_at is not None and timedelta(0) <= now - self._kept_at < AGAIN:
            return
        said = [
            _said(
                labels(alert.cause_id, alert.owner, level),
                title(alert, "fired"),
                text(alert, "fired", alert.began_at),
                alert.began_at,
                now + LASTS,
            )
            for alert in alerts
            for level in alert.told
            if alert.is_open and self._word.takes("fired", level[0], alert.owner, level[1])
        ]
        if said:
            self._post(said)
        self._kept_at = now

    def _post(self, said: list[dict[str, Any]]) -> None:
        address = resolved(self._word.address, self._settings).rstrip("/")
        wait = self._word.connect_within.total_seconds()
        try:
            answer = httpx.post(
                f"{address}/api/v2/alerts", json=said, timeout=wait, trust_env=False
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._lost(type(error).__name__) from None
        if answer.status_code != httpx.codes.OK:
            raise self._lost(f"it answered {answer.status_code}: {answer.text[:200]}")

    def _lost(self, why: str) -> Exception:
        return undelivered(self._word.name, self._word.declared, why)


def _of(told: Telling, level: tuple[str, int], ends: datetime) -> dict[str, Any]:
    words = labels(told.cause_id, told.owner, level)
    return _said(words, told.title, told.text, told.began_at, ends)


def _said(
    words: dict[str, str], title: str, text: str, begins: datetime, ends: datetime
) -> dict[str, Any]:
    return {
        "labels": {name: value for name, value in words.items() if value},
        "annotations": {"summary": title, "description": text},
        "startsAt": begins.isoformat(),
        "endsAt": ends.isoformat(),
    }
