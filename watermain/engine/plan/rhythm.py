"""Which datasets a project leaves to streams."""

from __future__ import annotations

from watermain.declare.dataset import Dataset
from watermain.settings import project


def follows(dataset: Dataset) -> bool:
    """Whether a stream computes the dataset anew, as its cadence says."""
    retired = dataset.feature is not None and dataset.feature.is_retired
    cadence = dataset.cadence
    return dataset.body is not None and cadence is not None and bool(cadence.every) and not retired


def flows(dataset: Dataset) -> bool:
    """Whether a stream takes a dataset where the project does not say otherwise."""
    return dataset.is_live or follows(dataset)


def is_streamed(dataset: Dataset) -> bool:
    """Whether the project leaves a dataset to a stream, so that no run needs to be asked for it.

    Guarantees: a dataset that the project names itself is streamed, whatever its source; of a team
    that it names, what flows is.
    """
    said = project().stream
    if isinstance(said, str):
        return flows(dataset)
    if str(dataset.name) in said:
        return dataset.is_captured or follows(dataset)
    return dataset.name.team in said and flows(dataset)
