"""Alerts as the facts that a table keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal
from watermain.observe.alert.alert import Alert, Telling

_INSTANTS = {"at", "began_at", "pending_since", "absent_since", "fired_at", "acknowledged_until"}
_INSTANTS |= {"resolved_at", "reminded_at", "due_at"}


def alert_facts(alert: Alert) -> dict[str, Any]:
    """An alert as JSON can hold it."""
    return _facts(alert)


def alert_of(facts: Mapping[str, Any]) -> Alert:
    """The alert that was kept as these facts."""
    words = _words(facts)
    return Alert(
        **{
            **words,
            "root": DatasetName.parse(facts["root"]),
            "signals": tuple(signal_of(each) for each in facts["signals"]),
            "members": tuple(DatasetName.parse(each) for each in facts["members"]),
            "affected": tuple(DatasetName.parse(each) for each in facts["affected"]),
            "consumers": tuple(facts["consumers"]),
            "told": tuple((severity, level) for severity, level in facts["told"]),
        }
    )


def telling_facts(telling: Telling) -> dict[str, Any]:
    """A telling as JSON can hold it."""
    return _facts(telling)


def telling_of(facts: Mapping[str, Any]) -> Telling:
    """The telling that was kept as these facts."""
    levels = tuple((severity, level) for severity, level in facts["levels"])
    return Telling(**{**_words(facts), "levels": levels})


def signal_facts(signal: Signal) -> dict[str, Any]:
    """A signal as JSON can hold it."""
    return _facts(signal)


def signal_of(facts: Mapping[str, Any]) -> Signal:
    """The signal that was kept as these facts."""
    words = _words(facts)
    words |= {"dataset": DatasetName.parse(facts["dataset"])}
    return Signal(**{**words, "partitions": tuple(facts["partitions"])})


def _words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _INSTANTS and value else value
        for name, value in facts.items()
    }


def _facts(value: Any) -> dict[str, Any]:
    return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, DatasetName):
        return str(value)
    if isinstance(value, Signal):
        return _facts(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
