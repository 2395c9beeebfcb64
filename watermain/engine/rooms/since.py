"""The day on which a project's data begin, given to the calendars that name none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from watermain.declare.dataset import Dataset
from watermain.settings import load_settings

_known: dict[tuple[int, date], tuple[Dataset, Dataset]] = {}  # the declared one is kept with its id


def since(datasets: Iterable[Dataset]) -> list[Dataset]:
    """The declarations as they are, but with the set first day where they name no `start`.

    Guarantees: the same declaration gives the same object, and a code version is not changed.
    Raises: MissingSettingError.
    """
    day = load_settings().data_since
    return [d if day is None else _beginning(d, day) for d in datasets]


def _beginning(dataset: Dataset, day: date) -> Dataset:
    cadence = dataset.cadence
    if cadence is None or cadence.start is not None or cadence.begun == day:
        return dataset
    if (id(dataset), day) not in _known:
        moved = replace(dataset, cadence=replace(cadence, begun=day))
        _known[id(dataset), day] = dataset, moved
    return _known[id(dataset), day][1]
