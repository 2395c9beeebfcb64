"""What others see of a fork is what it tells, in the room that there is."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from watermain.machine.shown import room_of, show_variable

FORKED = """
import os, time
from watermain.machine.shown import room_of, show_command, show_variable
ears, mouth = os.pipe()
pid = os.fork()
if pid == 0:
    assert room_of("SHOWN") == 12
    show_variable("SHOWN", "other")
    show_command(["one", "two" * 4000])
    os.write(mouth, b"x")
    time.sleep(600)
os.read(ears, 1)
print(pid, flush=True)
input()
os.kill(pid, 9)
os.waitpid(pid, 0)
"""


def test_fork_is_seen_as_it_says_and_its_parent_as_before() -> None:
    """The value is filled with spaces; the command is cut; nothing around it changes."""
    environment = {**os.environ, "BEFORE": "b", "SHOWN": "value".ljust(12), "WITHIN_SHOWN": "w"}
    command = [sys.executable, "-c", FORKED]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout is not None
        fork, seen = psutil.Process(int(parent.stdout.readline())), psutil.Process(parent.pid)
        told = fork.environ()
        assert told.pop("SHOWN") == "other".ljust(12)
        assert told == {k: v for k, v in environment.items() if k != "SHOWN"}
        assert fork.cmdline()[0] == "one"
        assert set(fork.cmdline()[1].strip("two")) == set()
        assert len(" ".join(fork.cmdline())) == len(" ".join(command))
        assert (seen.environ(), seen.cmdline()) == (environment, command)
        parent.communicate("\n")
        assert parent.returncode == 0


def test_unknown_variable_has_no_room_neither_has_another_system() -> None:
    """Nothing is shown that nobody left room for."""
    assert room_of("NEVER_SET_ANYWHERE") == 0
    assert room_of("PATH", linux=False) == 0
    with pytest.raises(ValueError, match="longer than the 0 bytes"):
        show_variable("NEVER_SET_ANYWHERE", "x")
