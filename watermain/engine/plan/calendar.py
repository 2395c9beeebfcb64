"""Where a partition lies from now."""

from __future__ import annotations

from datetime import datetime

from watermain.declare.cadence import Cadence
from watermain.declare.dataset import Dataset


def is_running(dataset: Dataset, key: str, now: datetime) -> bool:
    """Whether a partition is not over; a whole table never is."""
    return dataset.cadence is None or dataset.cadence.window(key).end > now


def running_keys(cadence: Cadence, now: datetime) -> list[str]:
    """The partition that is running and the one before."""
    window = cadence.window(cadence.key_of(now))
    before = cadence.key_of(window.start - (window.end - window.start) / 2)
    return [before, cadence.key_of(now)]
