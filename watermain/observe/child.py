"""A question put to a process of its own, which ends with the answer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL
from typing import IO, Any

from watermain.machine.system import short_path
from watermain.process import wire
from watermain.process.identity import ProcessIdentity
from watermain.process.instance import rooms_workspace
from watermain.settings import child_environment, load_settings


class SilentChildError(Exception):
    """Report a process without an answer; what it `said` may hold what nobody should read."""

    def __init__(self, how: str, said: str) -> None:
        super().__init__(how)
        self.said = said.strip()


@dataclass(frozen=True)
class ChildEnd:
    """How a process ended, and what it printed."""

    code: int
    out: str
    err: str


def asked(module: str, question: str, patience: timedelta) -> Any:
    """Have `main` of a module of ours read a question on its stdin; give the JSON that it prints.

    The warm process forks what answers; where it does not, a Python is started, which imports the
    world for a second of a core. Either way nothing of it stays in this process.
    Raises: SilentChildError.
    """
    warm = rooms_workspace(load_settings()).parent
    done = forked(warm, module, question, patience) or _started(module, question, patience)
    if done.code:
        raise SilentChildError(f"ended with {done.code}", done.err)
    return json.loads(done.out)


def forked(warm: Path, module: str, question: str, patience: timedelta) -> ChildEnd | None:
    """Have the warm process of a folder answer by a fork; None where it is away, or will not.

    Raises: SilentChildError, for a fork that gave no answer; it is ended.
    """
    if len(question) > wire.MOST_BYTES // 2:
        return None
    environment = child_environment()
    told = {"do": "answer", "module": module, "question": question, "environment": environment}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(patience.total_seconds())
        try:
            with short_path(warm, wire.SOCKET_NAME) as path:
                client.connect(path)
            wire.send(client, told)
            lines = client.makefile("rb")
            process = _seen(int(_line(lines)["pid"]))
        except (OSError, LookupError):  # nobody is there, or it would be another process
            return None
        try:
            answer = _line(lines)
        except OSError as error:
            if process is not None:
                process.send(SIGKILL)
            raise SilentChildError(f"gave no answer: {type(error).__name__}", str(error)) from error
    if "again" in answer:
        return None
    return ChildEnd(int(answer["code"]), str(answer["out"]), str(answer["err"]))


def _line(lines: IO[bytes]) -> wire.Line:
    """The next line, of which two may have come at once."""
    raw = lines.readline(wire.MOST_BYTES)
    if not raw.endswith(b"\n"):
        raise wire.BrokenLineError(f"no whole line in {len(raw)} bytes")
    found: wire.Line = json.loads(raw)
    return found


def _seen(pid: int) -> ProcessIdentity | None:
    """A process, if it is at work still."""
    with suppress(OSError):
        return ProcessIdentity.of(pid)
    return None


def _started(module: str, question: str, patience: timedelta) -> ChildEnd:
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=question,
            capture_output=True,
            text=True,
            timeout=patience.total_seconds(),
            env=child_environment(),
            check=False,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise SilentChildError(f"gave no answer: {type(error).__name__}", str(error)) from error
    return ChildEnd(done.returncode, done.stdout, done.stderr)
