"""The online store brought up to what was just published."""

from __future__ import annotations

from watermain.declare.dataset import Dataset
from watermain.engine.feature.online import Pushed, push
from watermain.engine.publish.publication import Job
from watermain.online.opening import open_store
from watermain.settings import load_settings


def keep_online(dataset: Dataset, job: Job) -> Pushed | None:
    """Push a feature table that is kept online; None for what is not, and for work in a branch.

    Raises: UnreachableSystemError, while the store does not answer; what is published stays.
    """
    if dataset.feature is None or not dataset.feature.is_kept_online or job.lake.branch:
        return None
    with open_store(load_settings(), job.clock) as store:
        return push(dataset, job.lake, store, job.clock.now())
