"""The warm process that has imported the world, so that a run starts by a fork.

It is single threaded, opens no database and starts no run twice. When the code or the settings
it has loaded change, it executes itself anew before the next fork. A run it forked is in a session
of its own and outlives it. `watermain.orchestrate.launch.client` starts it, or one does so by hand:
`python -m watermain.orchestrate.launch.server --folder <state folder> --preload <module>...`
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from watermain import durable
from watermain.machine.system import Ended, ended_child, kept_file, started, thread_count
from watermain.orchestrate.launch import wire
from watermain.orchestrate.launch.freshness import LoadedSources
from watermain.orchestrate.launch.native_threads import end_native_threads
from watermain.orchestrate.launch.options import ServerOptions
from watermain.orchestrate.launch.rooms import LOOK_SECONDS, RoomServers
from watermain.orchestrate.launch.spawned import leave
from watermain.process.worker_record import WorkerRecords

PATIENCE_SECONDS = 5.0
PRUNE_EVERY_SECONDS = 3600.0
KEEP_SECONDS = 7 * 24 * 3600.0

Task = Callable[[], int]


class Server:
    """Answer one client after another; fork a process per run."""

    def __init__(
        self,
        options: ServerOptions,
        lock: int,
        listener: socket.socket,
        workers: dict[int, tuple[str, str]],
    ) -> None:
        from watermain.orchestrate.launch.preload import locations, preload, watched
        from watermain.settings import child_environment, load_settings

        load_settings()  # where one of them is wrong nothing can be served
        began_ns = time.time_ns()
        self._options, self._lock, self._listener = options, lock, listener
        self._workers = workers
        self._environment = child_environment()
        self._followed = options.followed(self._environment)
        self._records = WorkerRecords(options.folder)
        self._failures = preload(options.preload)
        roots = (*watched(unread=bool(self._failures)), *options.watch)
        self._sources = LoadedSources.taken(roots, since_ns=began_ns)
        self._rooms = RoomServers(options.folder, locations() if options.serve_rooms else {})
        self._pruned_at = 0.0
        end_native_threads()
        gc.collect()
        gc.freeze()

    def serve(self) -> Task:
        """Serve until told to shut down, but in a forked process return what that one is to do."""
        self._ears, mouth = socket.socketpair()
        self._ears.setblocking(False)
        mouth.setblocking(False)
        self._own = [self._listener, self._ears, mouth]
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(mouth.fileno())
        with selectors.PollSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._ears, selectors.EVENT_READ)
            while True:
                task = self._reap() or self._keep_rooms()
                if task is None:
                    pause = LOOK_SECONDS if self._rooms else PRUNE_EVERY_SECONDS
                    ready = {key.fileobj for key, _ in selector.select(pause)}
                    with suppress(BlockingIOError):
                        self._ears.recv(4096)
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
                wire.send(client, self._state())
                return (lambda: 0) if question.get("do") == "shutdown" else None
            except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
                print(f"a client got no answer: {error!r}", file=sys.stderr, flush=True)  # noqa: T201
                return None

    def _state(self) -> wire.Line:
        return {
            "pid": os.getpid(),
            "runs": [run_id for run_id, _ in self._workers.values()],
            "failures": self._failures,
            "changed": [str(path) for path in self._sources.changed()],
            "threads": thread_count(),
            "rooms": self._rooms.ready(),
        }

    def _launch(self, client: socket.socket, question: wire.Line) -> Task | None:
        run_id, instance_ref = str(question["run_id"]), str(question["instance_ref"])
        variables = {str(k): str(v) for k, v in question["environment"].items()}
        known = self._records.get(run_id)
        if known is not None:
            wire.send(client, {"pid": known.process.pid})
            return None
        if self._sources.changed() or variables != self._followed:
            wire.send(client, {"again": True})
            client.close()
            self._execute_anew(variables)
        pid = self._start("work", run_id, instance_ref)
        if pid == 0:
            return lambda: self._work_on(run_id, instance_ref)
        self._workers[pid] = run_id, instance_ref
        wire.send(client, {"pid": pid})
        return None

    def _reap(self) -> Task | None:
        """Note how processes ended; fork one to tell Dagster of a run that lost its worker."""
        while True:
            try:
                ended = ended_child(self._end_group)
            except ChildProcessError:
                return None
            if ended is None:
                return None
            self._rooms.ended(ended.pid)
            run_id, instance_ref = self._workers.pop(ended.pid, ("", ""))
            if not run_id:
                continue
            self._records.ended(run_id, ended.pid, ended.code)
            if ended.code and self._start("report", run_id, instance_ref, str(ended.code)) == 0:
                return partial(self._report_death, run_id, instance_ref, ended.code)

    def _end_group(self, ended: Ended) -> None:
        """End what a run that died had started; its leader's number is not given away yet."""
        if ended.code and ended.pid in self._workers:
            with suppress(ProcessLookupError):
                os.killpg(ended.pid, signal.SIGKILL)

    def _start(self, *words: str) -> int:
        """Fork, with 0 in the fork, or else start a Python that does what the words say."""
        if self._options.forks:
            return os.fork()
        module = ("-m", "watermain.orchestrate.launch.spawned", str(self._options.folder))
        return started((*module, *words), self._environment)

    def _keep_rooms(self) -> Task | None:
        """Have a code server for each room, of the code on disk."""
        if self._rooms and self._sources.changed():
            self._execute_anew(self._followed)
        room = self._rooms.start_due(self._start)
        return None if room is None else partial(self._serve_room, os.getppid(), *room)

    def _serve_room(self, parent: int, room: str, module: str) -> int:
        self._part()
        from watermain.orchestrate.launch.rooms import serve

        return serve(self._options.folder, room, module, parent)

    def _work_on(self, run_id: str, instance_ref: str) -> int:
        self._leave(self._records.log(run_id))
        from watermain.orchestrate.launch.worker import work_on

        return work_on(run_id, instance_ref, self._records)

    def _report_death(self, run_id: str, instance_ref: str, code: int) -> int:
        self._leave(self._records.log(run_id))
        from watermain.orchestrate.launch.worker import report_death

        return report_death(run_id, instance_ref, code)

    def _leave(self, log: Path) -> None:
        """Cut a forked process off from the server it came from."""
        self._part()
        leave(log)

    def _part(self) -> None:
        """Let go of what belongs to the server alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in self._own:
            one.close()
        os.close(self._lock)

    def _execute_anew(self, variables: dict[str, str]) -> None:
        """Start over in this process with the code on disk and the settings of the client."""
        self._rooms.stop()
        kept = {k: v for k, v in self._environment.items() if k not in self._followed}
        workers = kept_file(json.dumps(self._workers).encode())
        words = [*self._options.words(), f"--lock-file={self._lock}", f"--workers={workers}"]
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
            self._records.prune(KEEP_SECONDS)


def main(words: Sequence[str]) -> int:
    """Serve a state folder once no other process does.

    With `--detach`: return as soon as clients can connect, here or to the other process.
    """
    options, kept = ServerOptions.parsed(words)
    if kept.listener is not None:
        with os.fdopen(kept.workers, "rb") as noted:
            noted.seek(0)
            workers = {int(pid): (run, ref) for pid, (run, ref) in json.load(noted).items()}
        lock, listener = kept.lock_file, socket.socket(fileno=kept.listener)
        for file in (lock, listener.fileno()):
            os.set_inheritable(file, False)
        return Server(options, lock, listener, workers).serve()()
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
