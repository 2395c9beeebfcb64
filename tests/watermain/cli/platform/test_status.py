"""What the command tells of a service while its processes come, go."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from watermain.cli.platform.status import _server


def ended() -> psutil.Process:
    """A process as somebody listed it, just before its end."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = psutil.Process(child.pid)
    child.communicate(b"\n")
    return process


def test_server_runs_though_a_connection_of_its_own_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL has a process for each connection, which may end between two looks."""
    monkeypatch.setattr(psutil.Process, "children", lambda _, recursive: [ended()])
    told = _server("postgres", os.getpid(), needed=True)
    assert told["state"] == "runs"
    assert told["memory_bytes"] > 0


def test_server_that_is_gone_has_died() -> None:
    assert _server("postgres", ended().pid, needed=True)["state"] == "died"
