"""What the command tells of a service whose processes come or go."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from watermain.cli.platform.status import server_fact
from watermain.process.family import Families

WAITER = [sys.executable, "-c", "input()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that waits for a line."""
    with subprocess.Popen(WAITER, stdin=subprocess.PIPE) as process:
        yield process
        if process.poll() is None:
            process.communicate(b"\n")


def test_family_is_the_process_with_all_that_it_started(child: subprocess.Popen[bytes]) -> None:
    """What a server has in memory is more than its first process has."""
    look = Families()
    assert child.pid in look.of(os.getpid())
    assert look.of(child.pid) == [child.pid]
    assert os.getpid() in look.of(os.getppid())
    both = look.memory_bytes(os.getpid())
    assert both >= psutil.Process(child.pid).memory_info().rss + 1_000_000


def test_server_runs_though_a_connection_of_its_own_ends(child: subprocess.Popen[bytes]) -> None:
    """PostgreSQL has a process for each connection, which may end between two looks."""
    look = Families()
    child.communicate(b"\n")
    assert child.pid in look.of(os.getpid())
    told = server_fact("postgres", os.getpid(), look, needed=True)
    assert told["state"] == "runs"
    assert told["memory_bytes"] > 0


def test_server_that_is_gone_has_died(child: subprocess.Popen[bytes]) -> None:
    """Its number still stands in the table that was read a moment before."""
    child.communicate(b"\n")
    told = server_fact("postgres", child.pid, Families(), needed=True)
    assert (told["state"], told["pid"]) == ("died", child.pid)
