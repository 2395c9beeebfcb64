"""Worker processes, forked from one that has imported everything but started nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import psutil

from tests.faults.orders import Order, Reply
from watermain.settings import PREFIX

PATIENCE_SECONDS = 600
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.faults.worker", "tests.faults.pager", "pytest"])


@dataclass(frozen=True)
class Ended:
    """How a worker ended: by a signal, or with a reply."""

    code: int
    reply: Reply | None

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.code == -signal.SIGKILL

    @property
    def results(self) -> Mapping[str, Any]:
        """What each verb gave, once all of them succeeded."""
        assert self.reply is not None, f"the worker ended with {self.code} before it could reply"
        assert self.reply.error is None, self.reply.message
        return self.reply.results

    @property
    def error(self) -> tuple[str, str]:
        """The name of the declared error that stopped it, with its message."""
        assert self.reply is not None, f"the worker ended with {self.code} before it could reply"
        assert self.reply.error is not None, f"no error: {self.reply.results}"
        return self.reply.error, self.reply.message


class Worker:
    """One process at work on one order."""

    def __init__(self, order: Order) -> None:
        from tests.faults.worker import work

        self._pipe, theirs = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=work, args=(order, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def stopped(self) -> bool:
        """Wait until it stops itself at a failpoint; False when it ended instead."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if not self._process.is_alive():
                return False
            with suppress(psutil.NoSuchProcess):  # it ended just now
                if psutil.Process(self._pid).status() == psutil.STATUS_STOPPED:
                    return True
            time.sleep(0.01)
        raise TimeoutError(f"worker {self._pid} neither stopped nor ended")

    def resume(self) -> None:
        """Let a stopped process go on."""
        os.kill(self._pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it without any warning."""
        self._process.kill()

    def wait(self) -> Ended:
        """Wait for the end."""
        reply = _received(self._pipe)
        self._process.join(PATIENCE_SECONDS)
        assert self._process.exitcode is not None, f"worker {self._pid} does not end"
        return Ended(self._process.exitcode, reply)

    @property
    def _pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid


def run(order: Order) -> Ended:
    """Do an order in a process of its own."""
    return Worker(order).wait()


def dies(work: Callable[..., object], *given: object, at: str) -> None:
    """Do work that a module names in a process of its own, under the settings of this one.

    Raises: AssertionError, unless the failpoint `at` kills it.
    """
    settings = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    settings["WATERMAIN_FAILPOINT"] = f"{at}=kill"
    process = _CONTEXT.Process(target=under, args=(settings, work, given), daemon=True)
    process.start()
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == -signal.SIGKILL, f"it ended with {process.exitcode}, not killed {at}"


def under(
    settings: Mapping[str, str], work: Callable[..., object], given: tuple[object, ...]
) -> None:
    """Do work in this process under settings of its own."""
    for name in [n for n in os.environ if n.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(settings)
    work(*given)


def _received(pipe: Connection) -> Reply | None:
    if not pipe.poll(PATIENCE_SECONDS):
        raise TimeoutError("a worker neither replied nor ended")
    try:
        reply: Reply = pipe.recv()
    except EOFError:
        return None
    return reply
