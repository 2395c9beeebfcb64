"""What a worker does with a lake whose files lie in a store that comes, goes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from watermain.declare import Dataset
from watermain.engine.capture.stream import Pace, Stream
from watermain.engine.publish.publication import Job
from watermain.lake.lake import Lake
from watermain.lake.rest.lake_files import lake_files
from watermain.lake.rest.sweep import _named, sweep
from watermain.metrics import Metrics
from watermain.settings import load_settings
from watermain.source.protocol import Source

PATIENCE_SECONDS = 300.0


def swept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Sweep whatever its age; tell what went, what still lies there that no catalog names."""
    lake = Lake.from_settings()
    gone = sweep(lake, older_than=timedelta(seconds=-60))
    named = _named(lake)
    left = lake_files(lake.folder, load_settings()).listed()
    return {
        "gone": len(gone.files),
        "left": [each.path for each in left if each.name not in named or each.upload],
    }


def streamed(captured: Dataset, source: Source, job: Job, given: Mapping[str, Any]) -> list[str]:
    """Stream until the file `until` is there and nothing waits; give what was told."""
    told: list[str] = []
    stop = threading.Event()
    stream = Stream(
        dataset=captured,
        job=job,
        pace=Pace(rows=6, every=timedelta(milliseconds=50)),
        stop=stop,
        metrics=Metrics(),
        tell=told.append,
        source=source,
    )
    stream.backoff.longest = timedelta(seconds=2)
    errors: list[BaseException] = []
    thread = threading.Thread(target=_guarded, args=(stream.run, errors))
    thread.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while thread.is_alive() and time.monotonic() < deadline:
        if os.path.exists(given["until"]) and not stream.backoff.tries and _is_empty(source):
            stop.set()
        time.sleep(0.1)
    stop.set()
    thread.join()
    if errors:
        raise errors[0]
    return told


def _is_empty(source: Source) -> bool:
    return source.backlog().is_empty


def _guarded(run: Callable[[], None], errors: list[BaseException]) -> None:
    try:
        run()
    except BaseException as error:
        errors.append(error)
        raise
