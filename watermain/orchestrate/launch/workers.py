"""The processes of runs, as the process sees them that started them."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from watermain.machine.system import Ended, ended_child
from watermain.process import wire
from watermain.process.worker_record import WorkerRecords

Task = Callable[[], int]


class Workers:
    """Start a process for each run, and note how it ends.

    `start` forks, with 0 in the fork, or else starts a Python that does what the words say; `part`
    has a fork let go of what belongs to this process alone.
    """

    def __init__(
        self,
        folder: Path,
        start: Callable[..., int],
        part: Callable[[], None],
        pids: dict[int, tuple[str, str]] | None = None,
    ) -> None:
        self.records, self._start, self._part = WorkerRecords(folder), start, part
        self.pids = pids or {}

    @property
    def runs(self) -> list[str]:
        """The runs whose processes were started here, and have not ended."""
        return [run_id for run_id, _ in self.pids.values()]

    def known(self, client: socket.socket, run_id: str) -> bool:
        """Answer for a run that has its process already, even one that has not claimed it yet."""
        record = self.records.get(run_id)
        begun = [pid for pid, (run, _) in self.pids.items() if run == run_id]
        pid = record.process.pid if record is not None else next(iter(begun), None)
        if pid is not None:
            wire.send(client, {"pid": pid})
        return pid is not None

    def launch(self, client: socket.socket, run_id: str, instance_ref: str) -> Task | None:
        """Start the process of a run; tell the client its number."""
        if self.known(client, run_id):
            return None
        pid = self._start("work", run_id, instance_ref)
        if pid == 0:
            return partial(self._work_on, run_id, instance_ref)
        self.pids[pid] = run_id, instance_ref
        wire.send(client, {"pid": pid})
        return None

    def reap(self, other: Callable[[Ended], None]) -> Task | None:
        """Note how processes ended; fork one to tell Dagster of a run that lost its worker."""
        while True:
            try:
                ended = ended_child(self._end_group)
            except ChildProcessError:
                return None
            if ended is None:
                return None
            run_id, instance_ref = self.pids.pop(ended.pid, ("", ""))
            if not run_id:
                other(ended)
                continue
            self.records.ended(run_id, ended.pid, ended.code)
            if ended.code and self._start("report", run_id, instance_ref, str(ended.code)) == 0:
                return partial(self._report_death, run_id, instance_ref, ended.code)

    def _end_group(self, ended: Ended) -> None:
        """End what a run that died had started; its leader's number is not given away yet."""
        if ended.code and ended.pid in self.pids:
            with suppress(ProcessLookupError):
                os.killpg(ended.pid, signal.SIGKILL)

    def _work_on(self, run_id: str, instance_ref: str) -> int:
        self._leave(run_id)
        from watermain.orchestrate.launch.worker import work_on

        return work_on(run_id, instance_ref, self.records)

    def _report_death(self, run_id: str, instance_ref: str, code: int) -> int:
        self._leave(run_id)
        from watermain.orchestrate.launch.worker import report_death

        return report_death(run_id, instance_ref, code)

    def _leave(self, run_id: str) -> None:
        self._part()
        leave(self.records.log(run_id))


def leave(log: Path) -> None:
    """Begin a session of one's own that has the log of the run as its output."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
