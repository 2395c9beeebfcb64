"""The processes that the platform has started, each known by its pid with its start time.

A table in the data folder says what should run. A mark in each child's environment, which all its
own children inherit, finds what the table lost when its writer was killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import psutil

from watermain import durable
from watermain.declare.errors import UnreachableSystemError
from watermain.process import wire
from watermain.process.identity import ProcessIdentity
from watermain.settings import child_environment

MARK = "SUPERVISED_BY_WATERMAIN"
ORDER_GRACE = timedelta(seconds=5)
UMASK = 0o077  # what a service makes is its owner's alone
LONGEST_NAME = 48  # of a service that may be forked; the mark of what forks it has room for it
FORK_SECONDS = 60.0  # that the warm process may need to have imported what it forks


@dataclass(frozen=True, kw_only=True)
class Service:
    """Say how to start one process, and how long it may take to stop in order.

    Shapes: one that `is_forked` is a module of Python, `python -m <module> <words>`, which the warm
    process may be asked to become in a fork.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: timedelta = timedelta(seconds=20)
    is_forked: bool = False


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Remember one started process."""

    name: str
    identity: ProcessIdentity
    command: tuple[str, ...]
    log: str
    grace_seconds: float

    @property
    def pid(self) -> int:
        """The number of the process, as long as it lives."""
        return self.identity.pid

    def process(self) -> psutil.Process | None:
        """The process while it lives; None when it is gone or its pid belongs to another."""
        if not self.identity.alive():
            return None
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid)
        return None


class Supervisor:
    """Start, watch and stop processes on behalf of one data folder.

    Guarantees: only processes that it started are ever signalled; each lives in a session of its
    own, so no terminal takes it down. What `at_work` tells of outlives the service that it came
    from: it is no stray, and only an order ends it. Where a warm process answers in the folder
    `warm`, it is asked to fork the service, which shares what that has imported.
    """

    # Held by the class: a child outlives the object that started it.
    _children: ClassVar[dict[int, subprocess.Popen[bytes]]] = {}

    def __init__(
        self,
        home: Path,
        at_work: Callable[[], Collection[int]] = tuple,
        warm: Path | None = None,
    ) -> None:
        self.home, self._at_work, self._warm = home, at_work, warm
        self.folder = home / "run"
        self._table = self.folder / "processes.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the right to start and stop; the kernel drops it when its holder dies.

        Raises: UnreachableSystemError, when another command holds it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = durable.lock(self.folder / "lock")
        except BlockingIOError as error:
            raise UnreachableSystemError(
                "another `watermain up` or `watermain down` is at work",
                declared="the lock run/lock in the data folder",
                data="nothing was started or stopped by this command",
                next="wait for it, then: watermain status",
            ) from error
        try:
            yield
        finally:
            os.close(handle)

    def entries(self) -> dict[str, Entry]:
        """Every process that should run.

        One that an earlier release wrote down has no identity: its mark still finds it.
        """
        if not self._table.exists():
            return {}
        rows = json.loads(self._table.read_text())
        return {row["name"]: _entry(row) for row in rows if "identity" in row}

    def alive(self, name: str) -> Entry | None:
        """The entry of a process that runs."""
        self._reap()
        entry = self.entries().get(name)
        return entry if entry is not None and entry.process() is not None else None

    def dead(self) -> list[Entry]:
        """What should run but does not."""
        self._reap()
        return [entry for entry in self.entries().values() if entry.process() is None]

    def start(self, service: Service) -> Entry:
        """Start a process unless it runs; what an earlier one left behind is stopped first."""
        if (running := self.alive(service.name)) is not None:
            return running
        self._end(self._idle(self.members(service.name)), ORDER_GRACE.total_seconds())
        logs = self.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        log = logs / f"{service.name}.log"
        entry = Entry(
            name=service.name,
            identity=self._forked(service, log) or self._started(service, log),
            command=tuple(service.command),
            log=str(log),
            grace_seconds=service.grace.total_seconds(),
        )
        self._write({**self.entries(), service.name: entry})
        return entry

    def _forked(self, service: Service, log: Path) -> ProcessIdentity | None:
        """Have the warm process fork the service; None where it does not answer or will not."""
        if self._warm is None or not service.is_forked or len(service.name) > LONGEST_NAME:
            return None
        words = list(service.command)[2:]  # after `python -m`
        asked = {
            "do": "start",
            "words": words,
            "environment": self._environment(service),
            "log": str(log),
        }
        with suppress(FileNotFoundError, ConnectionError, TimeoutError, ProcessLookupError):
            answer = wire.ask(self._warm, asked, FORK_SECONDS)
            return ProcessIdentity.of(int(answer["pid"])) if "pid" in answer else None
        return None

    def _started(self, service: Service, log: Path) -> ProcessIdentity:
        with log.open("ab") as output, _heard():
            child = subprocess.Popen(
                list(service.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment(service),
                start_new_session=True,
                umask=UMASK,
            )
        self._children[child.pid] = child
        return ProcessIdentity.of(child.pid)

    def _environment(self, service: Service) -> dict[str, str]:
        mark = self._mark(service.name).ljust(len(self._mark("")) + LONGEST_NAME)
        return child_environment(**service.environment, **{MARK: mark})

    def stop(self, name: str) -> list[int]:
        """Stop a process and then whatever it left behind; give the pids that are gone.

        The process is asked, waited for and then killed; what it started gets less time.
        """
        entries = self.entries()
        entry = entries.pop(name, None)
        main = entry.process() if entry is not None else None
        others = [p for p in self.members(name) if main is None or p.pid != main.pid]
        stopped = []
        if main is not None and entry is not None:
            self._end([main], entry.grace_seconds)
            stopped.append(main.pid)
        left = {p.pid: p for p in (*others, *self.members(name)) if _lives(p)}
        self._end(list(left.values()), ORDER_GRACE.total_seconds())
        self._write(entries)
        return stopped + list(left)

    def forget(self, name: str) -> None:
        """Take a dead process off the table."""
        entries = self.entries()
        entries.pop(name, None)
        self._write(entries)

    def members(self, name: str | None = None) -> list[psutil.Process]:
        """Every living process that carries the mark, of one service or of all."""
        wanted, own = self._mark(name or ""), os.getpid()
        found = []
        for process in psutil.process_iter():
            try:
                mark = process.environ().get(MARK, "").rstrip()
                if process.pid == own or not _lives(process):
                    continue
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if mark == wanted or (name is None and mark.startswith(wanted)):
                found.append(process)
        return found

    def stop_strays(self, *, busy: bool = False) -> list[int]:
        """Stop marked processes that no living entry accounts for; give their pids.

        Those that are at work are let be, unless `busy` ends them too.
        """
        names = {entry.name for entry in self.entries().values() if entry.process() is not None}
        kept = {p.pid for name in names for p in self.members(name)}
        found = [p for p in self.members() if p.pid not in kept]
        strays = found if busy else self._idle(found)
        self._end(strays, ORDER_GRACE.total_seconds())
        return [p.pid for p in strays]

    def _idle(self, processes: Sequence[psutil.Process]) -> list[psutil.Process]:
        """Those that no work goes on in."""
        busy = set(self._at_work()) if processes else set[int]()
        return [process for process in processes if process.pid not in busy]

    def _mark(self, name: str) -> str:
        return f"{self.home}:{name}"

    def _reap(self) -> None:
        """Let the kernel forget children of ours that have ended."""
        for pid in [pid for pid, child in self._children.items() if child.poll() is not None]:
            del self._children[pid]

    def _end(self, processes: Sequence[psutil.Process], seconds: float) -> None:
        for process in processes:
            _order(process, kill=False)
        for process in self._remaining(processes, seconds):
            _order(process, kill=True)
        self._remaining(processes, seconds)

    def _remaining(
        self, processes: Sequence[psutil.Process], seconds: float
    ) -> list[psutil.Process]:
        deadline = time.monotonic() + seconds
        left = list(processes)
        while left and time.monotonic() < deadline:
            self._reap()
            left = [p for p in left if _lives(p)]
            if left:
                time.sleep(0.05)
        return left

    def _write(self, entries: Mapping[str, Entry]) -> None:
        rows = [asdict(entry) for entry in entries.values()]
        durable.replace(self._table, json.dumps(rows, indent=1))


@contextmanager
def _heard() -> Iterator[None]:
    """Let a child begun in the block hear what tells it to end.

    A shell's background job ignores interrupts, and whatever it starts would ignore them too.
    """
    main = threading.current_thread() is threading.main_thread()
    orders = (signal.SIGINT, signal.SIGTERM) if main else ()
    deaf = [number for number in orders if signal.getsignal(number) is signal.SIG_IGN]
    for number in deaf:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in deaf:
            signal.signal(number, signal.SIG_IGN)


def _entry(row: dict[str, Any]) -> Entry:
    """An entry as the table has it."""
    identity, command = ProcessIdentity(**row["identity"]), tuple(row["command"])
    return Entry(**{**row, "identity": identity, "command": command})


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _order(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
