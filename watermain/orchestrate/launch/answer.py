"""One question, answered in a fork of the process that has imported the world."""

from __future__ import annotations

import importlib
import io
import os
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from watermain.orchestrate.launch.workers import Task
from watermain.process import wire
from watermain.settings import take_environment

PATIENCE_SECONDS = 5.0  # for a client to take a line


def begin(client: socket.socket, question: wire.Line, part: Callable[[], None]) -> Task | None:
    """Fork what answers a client; in the fork, give what it is to do.

    Guarantees: the fork tells its own number first, and then the answer; where the client has gone
    away before hearing of it, nothing is done.
    """
    environment = {str(name): str(value) for name, value in question["environment"].items()}
    module, asked = str(question["module"]), str(question["question"])
    if os.fork() == 0:
        return partial(_answer, client.detach(), module, asked, environment, part)
    return None


def _answer(
    way: int, module: str, asked: str, environment: Mapping[str, str], part: Callable[[], None]
) -> int:
    """Run `main` of a module with the question on its stdin; send what it prints, and end.

    Guarantees: the process ends at once, since to take apart what it shares would copy it.
    """
    part()
    os.setsid()
    with suppress(OSError), socket.socket(fileno=way) as client:
        client.settimeout(PATIENCE_SECONDS)
        wire.send(client, {"pid": os.getpid()})
        take_environment(environment)
        wire.send(client, _said(module, asked))
    os._exit(0)


def _said(module: str, asked: str) -> wire.Line:
    """What a module says to a question, and what it ends with."""
    sys.stdin = io.StringIO(asked)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for number, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), number)
        code, said = _ended(module), []
        for stream, file in ((sys.stdout, out), (sys.stderr, err)):
            stream.flush()
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
    if sum(map(len, said)) > wire.MOST_BYTES // 2:
        return {"again": True}
    return {"code": code, "out": said[0], "err": said[1]}


def _ended(module: str) -> int:
    """What a process would end with that had done the same."""
    sys.argv = [module]
    try:
        importlib.import_module(module).main()
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)  # noqa: T201
        return 1
    except Exception:  # the entry point of a process: whatever it is, who asked is told
        traceback.print_exc()
        return 1
    return 0
