"""A dataset's promise as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from watermain.declare.cadence import Cadence, Daily, Hourly, Monthly
from watermain.declare.name import DatasetName
from watermain.declare.promise.plain import plain, promised
from watermain.engine.promise.calendar import Promised

CADENCES: Mapping[str, type[Cadence]] = {c.__name__: c for c in (Daily, Hourly, Monthly)}


def written(promise: Promised) -> dict[str, Any]:
    """A promise as plain values.

    Guarantees: `read` gives the same calendar of expected partitions back.
    """
    cadence = promise.cadence
    return {
        "dataset": str(promise.dataset),
        "owner": promise.owner,
        "slo": plain(promise.slo),
        "cadence": {
            "every": type(cadence).__name__,
            "zone": cadence.zone,
            "start": cadence.start.isoformat() if cadence.start else None,
            "begun": cadence.begun.isoformat() if cadence.begun else None,
        },
    }


def read(words: Mapping[str, Any]) -> Promised:
    """The promise that plain values tell.

    Raises: InvalidDeclarationError, KeyError, TypeError or ValueError, where they tell none.
    """
    rhythm = words["cadence"]
    return Promised(
        dataset=DatasetName.parse(words["dataset"]),
        owner=words["owner"],
        slo=promised(words["slo"]),
        cadence=CADENCES[rhythm["every"]](
            zone=rhythm["zone"], start=_day(rhythm["start"]), begun=_day(rhythm["begun"])
        ),
    )


def same_calendar(one: Promised | None, other: Promised | None) -> bool:
    """Whether two promises expect the same partitions at the same instants."""
    if one is None or other is None:
        return one is other
    return _calendar(one) == _calendar(other)


def _calendar(promise: Promised) -> tuple[object, ...]:
    slo = promise.slo
    return (slo.ready_within, slo.due, slo.expected, written(promise)["cadence"])


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
