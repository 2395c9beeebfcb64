"""The process that has loaded one room, from which its code server with its runs are forked."""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from watermain.declare.dataset import Dataset
from watermain.engine.rooms.broken_room import broken, stood_in
from watermain.engine.rooms.declared import shelf_file, teams
from watermain.engine.rooms.directory import declared, known_of
from watermain.engine.rooms.last_good import remember
from watermain.machine.system import Ended, started
from watermain.machine.wakeup import Wakeup
from watermain.orchestrate.launch.freshness import module_files
from watermain.orchestrate.launch.native_threads import end_native_threads
from watermain.orchestrate.launch.preload import loaded
from watermain.orchestrate.launch.rooms.code_server import LOOK_SECONDS, READY, serve
from watermain.orchestrate.launch.rooms.own_sources import Looks, OwnSources, room_folder, team_of
from watermain.orchestrate.launch.rooms.place import AGAIN_SECONDS, MOST_BYTES, fresh_socket
from watermain.orchestrate.launch.workers import Task, Workers
from watermain.settings import child_environment

LINGER_SECONDS = 5.0  # for who found the server's address before a successor took it
END_SECONDS = 60.0  # for a server to answer what was asked already


class Keeper:
    """Load a room; serve it, start its runs, and say when its files change.

    Guarantees: single threaded, so that what it forks is sound; it loads nothing twice, for its
    successor loads what changed; it ends when the process that started it has, its runs go on.
    """

    def __init__(
        self, folder: Path, room: str, module: str, *, parent: int, channel: int, forks: bool
    ) -> None:
        began_ns = time.time_ns()
        self._folder, self._room, self._module = folder, room, module
        self._parent, self._me, self._forks = parent, os.getpid(), forks
        self._channel = socket.socket(fileno=channel)
        self._wakeup = Wakeup()
        self._workers = Workers(folder, self._start, self._part)
        self._server, self._ready, self._at = 0, -1, Path()
        self._due, self._end_at, self._kill_at = float("-inf"), float("inf"), float("inf")
        self._is_retired, self._numbers = False, 0
        self._told: Looks = ()
        self._load(began_ns)
        self._serves = self._why is None  # what does not load serves where it is asked to
        if not self._serves:
            self._say({**self._facts, "ready": ""})
        end_native_threads()
        gc.collect()
        gc.freeze()

    def _load(self, began_ns: int) -> None:
        team, error = team_of(self._module), loaded(self._module)
        self._why, news = None, False
        own = declared(team) if team and error is None else ()
        if error is not None:
            why = broken(self._room, error, shelf_file(team, "definitions") if team else "")
            self._why = str(why)
            print(f"{type(why).__name__}: {why}", file=sys.stderr, flush=True)  # noqa: T201
        elif team:
            news = remember(team, own)
        self._facts = {
            "why": self._why,
            "news": news,
            "reads": sorted({*_imported(), *_around(own)} - {team}),
            "stood_in": sorted(stood_in()),
        }
        self._sources = OwnSources(
            team, self._module, own, since_ns=began_ns, failed=error is not None
        )

    def keep(self) -> Task:
        """Keep the room until it has a successor, but in a fork return what that one is to do."""
        while True:
            task = self._workers.reap(self._ended) or self._serve_due()
            if task is not None:
                return task
            ears = [self._channel, self._wakeup.ears, *([self._ready] if self._ready >= 0 else [])]
            ready, _, _ = select.select(ears, [], [], LOOK_SECONDS)
            self._wakeup.heard()
            if self._ready in ready:
                self._hear_server()
            task = self._hear() if self._channel in ready else None
            if task is not None:
                return task
            if os.getppid() != self._parent or self._is_over():
                return lambda: 0
            self._look()

    def _serve_due(self) -> Task | None:
        """Have a code server; in the fork that is one, give what it does."""
        if self._server or not self._serves or time.monotonic() < self._due:
            return None
        self._due = time.monotonic() + AGAIN_SECONDS
        self._numbers += 1
        self._at = fresh_socket(self._folder, self._room, self._numbers)
        self._at.unlink(missing_ok=True)
        ears, mouth = os.pipe()
        os.set_inheritable(mouth, not self._forks)
        words = (self._room, self._module, str(self._me), str(self._at), str(mouth))
        pid = self._start("room", *words)
        if pid == 0:
            os.close(ears)
            return partial(self._serve, mouth)
        os.close(mouth)
        self._close_ready()
        self._server, self._ready = pid, ears
        return None

    def _serve(self, mouth: int) -> int:
        self._part()
        return serve(self._room, self._module, self._me, self._at, mouth)

    def _hear_server(self) -> None:
        answers = os.read(self._ready, 1) == READY
        self._close_ready()
        if answers:
            self._say({**self._facts, "ready": str(self._at)})

    def _hear(self) -> Task | None:
        """Do what the warm process asks for; it is gone when nothing more can come from it."""
        told, files, _, _ = socket.recv_fds(self._channel, MOST_BYTES, 1)
        if not told:
            self._is_retired, self._workers.pids = True, {}
            self._end_server(signal.SIGKILL)
            self._server = 0
            return None
        question = json.loads(told)
        if question["do"] == "launch":
            with socket.socket(fileno=files[0]) as client:
                return self._launch(client, str(question["run_id"]), question["instance_ref"])
        self._serves = question["do"] == "serve"
        if self._serves:
            return None
        self._is_retired = True
        self._end_at = time.monotonic() + LINGER_SECONDS
        self._kill_at = self._end_at + END_SECONDS
        return None

    def _launch(self, client: socket.socket, run_id: str, instance_ref: str) -> Task | None:
        try:
            return self._workers.launch(client, run_id, instance_ref)
        except (OSError, ValueError) as error:
            print(f"a client got no answer: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
            return None

    def _look(self) -> None:
        if time.monotonic() > self._end_at:
            self._end_server(signal.SIGTERM)
            self._end_at = float("inf")
        if time.monotonic() > self._kill_at:
            self._end_server(signal.SIGKILL)
        found = () if self._is_retired else self._sources.changed()
        if found != self._told:
            self._told = found
            if found:
                self._say({"changed": [str(path) for path, _ in found]})

    def _ended(self, ended: Ended) -> None:
        if ended.pid == self._server:
            self._server = 0
            self._at.unlink(missing_ok=True)

    def _end_server(self, number: signal.Signals) -> None:
        if self._server:
            with suppress(ProcessLookupError):
                os.kill(self._server, number)

    def _is_over(self) -> bool:
        return self._is_retired and not self._server and not self._workers.pids

    def _say(self, message: dict[str, Any]) -> None:
        with suppress(ConnectionError):  # to a process that is gone, which is seen elsewhere
            self._channel.send(json.dumps(message).encode())

    def _start(self, *words: str) -> int:
        if self._forks:
            return os.fork()
        module = ("-m", "watermain.orchestrate.launch.spawned", str(self._folder))
        return started((*module, *words), child_environment())

    def _part(self) -> None:
        """Let go of what belongs to this process alone."""
        self._wakeup.close()
        self._channel.close()
        self._close_ready()

    def _close_ready(self) -> None:
        if self._ready >= 0:
            os.close(self._ready)
            self._ready = -1


def _around(own: Iterable[Dataset]) -> set[str]:
    """The rooms whose declarations a room's datasets come of; here they are loaded once for all."""
    rooms, found = set(teams()), set[str]()
    waiting = {n.team for d in own for n in d.upstream}
    while waiting := (waiting & rooms) - found:
        found |= waiting
        waiting = {n.team for team in waiting for d in known_of(team) for n in d.upstream}
    return found


def _imported() -> set[str]:
    """The rooms of which this process has loaded something."""
    files = [path for path in module_files() if path.name != "__init__.py"]
    folders = {team: room_folder(team) for team in teams()}
    return {t for t, folder in folders.items() if any(f.is_relative_to(folder) for f in files)}


def keep(folder: Path, room: str, module: str, *, parent: int, channel: int, forks: bool) -> Task:
    """Be the process of a room, in a process that was forked or started for it."""
    keeper = Keeper(folder, room, module, parent=parent, channel=channel, forks=forks)
    return keeper.keep()
