"""What the process that starts runs knows of them before they have said a word."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from watermain.orchestrate.launch.workers import Workers
from watermain.process import wire


def test_run_whose_process_has_not_claimed_it_yet_is_not_started_again(tmp_path: Path) -> None:
    """A launcher that asks twice within a moment is told of the same process."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(*_: str) -> int:
        begun.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        return begun[-1].pid

    workers, told = Workers(tmp_path, start, lambda: None), []
    for run_id in ("one", "one", "two"):
        server, client = socket.socketpair()
        with server, client:
            workers.launch(server, run_id, "an instance")
            told.append(wire.receive(client)["pid"])
    first, second = (process.pid for process in begun)
    assert told == [first, first, second]
    for process in begun:
        process.communicate(b"\n")
