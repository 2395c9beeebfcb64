"""A service of the platform, begun as a fork of the process that has imported the world."""

from __future__ import annotations

import os
import runpy
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from watermain.machine.shown import room_of, show_command, show_variable
from watermain.orchestrate.launch.workers import Task, leave
from watermain.process import wire
from watermain.process.supervisor import MARK, UMASK
from watermain.settings import take_environment


def begin(client: socket.socket, question: wire.Line, part: Callable[[], None]) -> Task | None:
    """Fork the service that a client asks for; in the fork, give what it is to do.

    Guarantees: who has gone away before hearing of the process, and thus may have started another,
    finds none that was begun here.
    """
    environment = {str(name): str(value) for name, value in question["environment"].items()}
    words, log = [str(word) for word in question["words"]], Path(question["log"])
    if room_of(MARK) < len(environment[MARK].encode()):
        wire.send(client, {"again": True})
        return None
    pid = os.fork()
    if pid == 0:
        return partial(_become, words, environment, log, part)
    try:
        wire.send(client, {"pid": pid})
    except OSError:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return None


def _become(
    words: Sequence[str], environment: Mapping[str, str], log: Path, part: Callable[[], None]
) -> int:
    """Run a module as `python -m` does, with this environment alone and the log as its output."""
    part()
    leave(log)
    os.umask(UMASK)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    take_environment(environment)
    show_variable(MARK, environment[MARK])
    show_command((sys.executable, "-m", *words))
    sys.argv = list(words)
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    return 0
