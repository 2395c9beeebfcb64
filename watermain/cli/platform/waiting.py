"""What waits at the sources of captured datasets."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError, WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.rooms.connections import connections
from watermain.settings import Settings
from watermain.source.opening import modules, open_source

MOST_ASKED = 16  # sources at once


def backlogs(datasets: Mapping[DatasetName, Dataset], settings: Settings) -> dict[str, str]:
    """What waits at every source, in words; each source may take its time."""
    captured = {n: d for n, d in datasets.items() if d.is_captured}
    for module in modules():  # by one thread: imports wait for each other
        import_module(module)
    with ThreadPoolExecutor(MOST_ASKED) as pool:
        asked = {n: pool.submit(backlog, d, settings) for n, d in captured.items()}
    return {str(name): told.result() for name, told in asked.items()}


def backlog(dataset: Dataset, settings: Settings) -> str:
    """What waits at a dataset's source, in words."""
    try:
        waiting = open_source(dataset, settings, connections()).backlog()
    except TransientError:
        return "unreachable"
    except WatermainError as error:
        return error.what
    if waiting.is_empty:
        return "nothing"
    known = (
        (("row", "rows"), waiting.rows),
        (waiting.noun, waiting.files),
        (("byte", "bytes"), waiting.bytes),
    )
    return next(f"{count:,} {unit[count > 1]}" for unit, count in known if count)
