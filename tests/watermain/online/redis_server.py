"""A Redis server of one's own, which forgets everything when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port
from watermain.process.broker import answers

PROGRAM = Path("/usr/bin/redis-server")  # Debian's; tests/services/install.sh installs it
START_SECONDS = 30


class RedisServer:
    """Run Debian's Redis as a child of this process, on a loopback port, with nothing on disk."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder, self.port = folder, port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, as the setting of the online store takes it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *words: str) -> None:
        """Start it, with further `words` of its command line; return when it answers."""
        command = [
            *(str(PROGRAM), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--dir", str(self.folder), *words),
        ]
        with (self.folder / "redis.log").open("ab") as log:
            self._child = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.port):
            assert self._child.poll() is None, (self.folder / "redis.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it in order, if it runs."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without any warning: what it held is gone."""
        self._end(signal.SIGKILL)

    def _end(self, order: signal.Signals) -> None:
        child, self._child = self._child, None
        if child is not None:
            os.kill(child.pid, order)
            child.wait(START_SECONDS)


@contextmanager
def redis_server(folder: Path, *words: str) -> Iterator[RedisServer]:
    """Give a server that is stopped after the block."""
    server = RedisServer(folder)
    server.start(*words)
    try:
        yield server
    finally:
        server.stop()
