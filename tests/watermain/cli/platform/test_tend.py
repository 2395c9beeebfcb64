"""What looks after the services keeps their logs within a size, too."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from pathlib import Path

from tests.watermain.orchestrate.launch.scene import soon
from watermain.cli.platform.tend import watch
from watermain.declare.errors import UnreachableSystemError
from watermain.process.platform import Services
from watermain.process.supervisor import Service
from watermain.settings import Settings

SPEAKER = "import time; print('x' * (1 << 20), flush=True); time.sleep(600)"


def stopped(platform: Services) -> bool:
    """Stop the service, unless the watch is at work."""
    with suppress(UnreachableSystemError), platform.supervisor.alone():
        platform.supervisor.stop("speaker")
        return True
    return False


def test_a_log_that_is_too_long_becomes_the_former_one(tmp_path: Path) -> None:
    """The service lives on; with the last service the watch ends."""
    platform = Services(Settings(data_dir=tmp_path, postgres="host=nowhere", log_megabytes=1))
    told: list[str] = []
    speaker = Service(name="speaker", command=(sys.executable, "-c", SPEAKER))
    started = platform.supervisor.start(speaker)
    watcher = threading.Thread(target=watch, args=(platform, told.append))
    watcher.start()
    try:
        former = soon(lambda: [*(tmp_path / "logs").glob("speaker.log.1")])
        assert former[0].stat().st_size == (1 << 20) + 1
        assert Path(started.log).stat().st_size == 0
        assert platform.supervisor.alive("speaker") is not None
    finally:
        soon(lambda: stopped(platform))
        watcher.join()
    assert told == []
