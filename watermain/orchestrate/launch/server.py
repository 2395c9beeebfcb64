"""The warm process that has imported the world, so that a run starts by a fork.

It is single threaded, opens no database and starts no run twice. Where it serves rooms, each of
them has a process of its own, which is forked from this one and loads that room alone; a change in
a room's files has that process replaced, and no other. When the code that all share or the settings
change, this process executes itself anew, and then replaces one room's process after another; until
then they serve on. A run is in a session of its own and outlives all of them.
`watermain.orchestrate.launch.client` starts it, or one does so by hand:
`python -m watermain.orchestrate.launch.server --folder <state folder> --preload <module>...`
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from watermain import durable
from watermain.machine.system import Ended, kept_file, started, thread_count
from watermain.machine.wakeup import Wakeup
from watermain.orchestrate.launch import answer, service
from watermain.orchestrate.launch.native_threads import end_native_threads
from watermain.orchestrate.launch.options import ServerOptions
from watermain.orchestrate.launch.rooms.code_server import LOOK_SECONDS
from watermain.orchestrate.launch.rooms.servers import RoomServers
from watermain.orchestrate.launch.shared_code import TRIED, SharedCode
from watermain.orchestrate.launch.workers import Task, Workers
from watermain.process import wire

PATIENCE_SECONDS = 5.0
PRUNE_EVERY_SECONDS = 3600.0
KEEP_SECONDS = 7 * 24 * 3600.0
FORKED = {"start": service.begin, "answer": answer.begin}


class Server:
    """Answer one client after another; fork a process per run or per room."""

    def __init__(
        self,
        options: ServerOptions,
        lock: int,
        listener: socket.socket,
        kept: dict[str, Any],
    ) -> None:
        from watermain.orchestrate.launch.rooms.listed import ListedRooms
        from watermain.settings import child_environment, load_settings

        load_settings()  # where one of them is wrong nothing can be served
        self._options, self._lock, self._listener = options, lock, listener
        self._environment = child_environment()
        self._followed = options.followed(self._environment)
        self._code = SharedCode(options)
        workers = {int(pid): (run, ref) for pid, (run, ref) in kept.get("workers", {}).items()}
        self._workers = Workers(options.folder, self._start, self._part, workers)
        self._listed = ListedRooms()
        rooms = self._listed.now() if options.serve_rooms else {}
        self._rooms = RoomServers(options.folder, rooms, self._start_room, kept.get("rooms", ()))
        self._pruned_at = 0.0
        end_native_threads()
        gc.collect()
        gc.freeze()

    def serve(self) -> Task:
        """Serve until told to shut down, but in a forked process return what that one is to do."""
        self._wakeup = Wakeup()
        while True:
            task = self._workers.reap(self._ended) or self._keep_rooms()
            if task is None:
                pause = LOOK_SECONDS if self._rooms else PRUNE_EVERY_SECONDS
                ears = [self._listener, self._wakeup.ears, *self._rooms.channels]
                ready, _, _ = select.select(ears, [], [], pause)
                self._wakeup.heard()
                task = self._answer() if self._listener in ready else None
            if task is not None:
                return task
            self._prune()

    def _answer(self) -> Task | None:
        client, _ = self._listener.accept()
        with client:
            client.settimeout(PATIENCE_SECONDS)
            try:
                if not wire.same_user(client):
                    return None
                question = wire.receive(client)
                if question.get("do") == "launch":
                    return self._launch(client, question)
                if question.get("do") in FORKED:
                    return self._begin(client, question)
                wire.send(client, self._state())
                return (lambda: 0) if question.get("do") == "shutdown" else None
            except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
                print(f"a client got no answer: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
                return None

    def _state(self) -> wire.Line:
        return {
            "pid": os.getpid(),
            "runs": self._workers.runs,
            "failures": self._code.failures,
            "changed": [str(path) for path in self._code.changed()],
            "threads": thread_count(),
            "rooms": self._rooms.ready(),
            "broken": self._rooms.broken(),
        }

    def _launch(self, client: socket.socket, question: wire.Line) -> Task | None:
        run_id, instance_ref = str(question["run_id"]), str(question["instance_ref"])
        variables = {str(k): str(v) for k, v in question["environment"].items()}
        if self._workers.known(client, run_id):
            return None
        if variables != self._followed or (not self._rooms and self._code.changed()):
            wire.send(client, {"again": True})
            client.close()
            self._execute_anew(variables)
        if self._options.forks:
            asked = self._rooms.launch(client, question)
            if asked is not None:
                if not asked:
                    wire.send(client, {"again": True})
                return None
        return self._workers.launch(client, run_id, instance_ref)

    def _begin(self, client: socket.socket, question: wire.Line) -> Task | None:
        """Fork what is asked for, where what was imported is what a new process would import."""
        followed = self._options.followed(question["environment"])
        if not self._options.forks or followed != self._followed or self._code.changed():
            wire.send(client, {"again": True})
            return None
        return FORKED[question["do"]](client, question, self._part)

    def _ended(self, ended: Ended) -> None:
        self._rooms.ended(ended)
        self._code.ended(ended)

    def _keep_rooms(self) -> Task | None:
        """Have a process for each room, of the code on disk as far as that loads."""
        if not self._rooms:
            return None
        task = self._code.look(self._start)
        if task is not None:
            return partial(self._alone, task)
        if self._code.is_proved:
            self._execute_anew(self._followed)
        self._rooms.become(self._listed.now())
        begun = self._rooms.step()
        return None if begun is None else self._keep(*begun)

    def _keep(self, room: str, module: str, channel: socket.socket) -> Task:
        parent, way = os.getppid(), channel.detach()
        self._part()
        from watermain.orchestrate.launch.rooms.keeper import keep

        return keep(self._options.folder, room, module, parent=parent, channel=way, forks=True)

    def _alone(self, task: Callable[[], int]) -> int:
        self._part()
        return task()

    def _start(self, *words: str) -> int:
        """Fork, with 0 in the fork, or else start a Python that does what the words say."""
        if self._options.forks:
            return os.fork()
        module = ("-m", "watermain.orchestrate.launch.spawned", str(self._options.folder))
        return started((*module, *words), self._environment)

    def _start_room(self, room: str, module: str, channel: socket.socket) -> int:
        os.set_inheritable(channel.fileno(), not self._options.forks)
        return self._start("keep", room, module, str(os.getpid()), str(channel.fileno()))

    def _part(self) -> None:
        """Let go of what belongs to the server alone."""
        self._wakeup.close()
        self._listener.close()
        self._rooms.part()
        os.close(self._lock)

    def _execute_anew(self, variables: dict[str, str]) -> None:
        """Start over in this process with the code on disk and the settings of the client."""
        kept = {k: v for k, v in self._environment.items() if k not in self._followed}
        rooms = self._rooms.facts(follows=variables == self._followed)
        facts = kept_file(json.dumps({"workers": self._workers.pids, "rooms": rooms}).encode())
        words = [*self._options.words(), f"--lock-file={self._lock}", f"--kept={facts}"]
        words.append(f"--listener={self._listener.fileno()}")
        for file in (self._lock, self._listener.fileno()):
            os.set_inheritable(file, True)
        os.execve(
            sys.executable,
            [sys.executable, "-m", "watermain.orchestrate.launch.server", *words],
            {**kept, **variables},
        )

    def _prune(self) -> None:
        if time.monotonic() - self._pruned_at > PRUNE_EVERY_SECONDS:
            self._pruned_at = time.monotonic()
            self._workers.records.prune(KEEP_SECONDS)


def main(words: Sequence[str]) -> int:
    """Serve a state folder once no other process does.

    With `--detach`: return as soon as clients can connect, here or to the other process.
    """
    options, kept = ServerOptions.parsed(words)
    if kept.trial:
        return _tried(SharedCode(options).failures)
    if kept.listener is not None:
        with os.fdopen(kept.kept, "rb") as noted:
            noted.seek(0)
            facts = json.load(noted)
        lock, listener = kept.lock_file, socket.socket(fileno=kept.listener)
        for file in (lock, listener.fileno()):
            os.set_inheritable(file, False)
        return Server(options, lock, listener, facts).serve()()
    options.folder.mkdir(parents=True, exist_ok=True)
    options.folder.chmod(0o700)
    patience = durable.AT_ONCE if kept.detach else None
    try:
        lock = durable.lock(options.folder / "server.lock", patience)
    except BlockingIOError:
        return 0
    listener = wire.listen(options.folder)
    if kept.detach and os.fork():
        os._exit(0)
    return Server(options, lock, listener, {}).serve()()


def _tried(failures: Mapping[str, str]) -> int:
    """Tell the warm process, by how this one ends, what would not load."""
    print(*failures.values(), sep="\n", file=sys.stderr)  # noqa: T201
    return TRIED + len(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
