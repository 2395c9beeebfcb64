"""The warm process as its users see it, started when it is not there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM

from watermain.declare.errors import UnreachableSystemError
from watermain.orchestrate.launch.options import ServerOptions
from watermain.process import wire
from watermain.process.identity import ProcessIdentity
from watermain.process.worker_record import WorkerRecords
from watermain.settings import child_environment, project

PAUSE_SECONDS = 0.02
MOST_STARTS = 2


@dataclass(kw_only=True)
class WarmServer:
    """The server of one state folder.

    Units: `patience_seconds` bounds a whole call, including the start of a server within it.
    """

    options: ServerOptions
    working_directory: Path = field(default_factory=lambda: project().root)
    patience_seconds: float = 60.0

    @property
    def records(self) -> WorkerRecords:
        """Give what is known about the workers."""
        return WorkerRecords(self.options.folder)

    @property
    def log(self) -> Path:
        """Name the file that takes the output of the server itself."""
        return self.options.folder / "server.log"

    def launch(self, run_id: str, instance_ref: str, room: str | None = None) -> int:
        """Fork a process for the run, from the one of its room; give its number.

        Raises: UnreachableSystemError.
        """
        answer = self._ask(
            {
                "do": "launch",
                "run_id": run_id,
                "instance_ref": instance_ref,
                "room": room,
                "environment": self.options.followed(child_environment()),
            }
        )
        return int(answer["pid"])

    def start(self) -> wire.Line:
        """Have a server ready; give its state: pid, runs, failures, changed and threads."""
        return self._ask({"do": "ping"})

    def state(self) -> wire.Line | None:
        """Ask a server for its state, without starting one."""
        try:
            return wire.ask(self.options.folder, {"do": "ping"}, self.patience_seconds)
        except (FileNotFoundError, ConnectionError, TimeoutError):
            return None

    def stop(self, *, end_runs: bool = False) -> None:
        """End the server; its runs go on, unless `end_runs` ends them too."""
        try:
            answer = wire.ask(self.options.folder, {"do": "shutdown"}, self.patience_seconds)
            self._end([ProcessIdentity.of(answer["pid"])], ask_first=False)
        except (FileNotFoundError, ProcessLookupError, ConnectionError):
            pass
        if end_runs:
            self._end([record.process for record in self.records.running()], ask_first=True)

    def _ask(self, question: wire.Line) -> wire.Line:
        deadline, starts = time.monotonic() + self.patience_seconds, 0
        while time.monotonic() < deadline:
            try:
                answer = wire.ask(self.options.folder, question, deadline - time.monotonic())
            except TimeoutError:
                break
            except (FileNotFoundError, ConnectionError):
                if starts == MOST_STARTS:
                    break
                starts += 1
                self._start(deadline - time.monotonic())
                continue
            if "again" not in answer:
                return answer
            time.sleep(PAUSE_SECONDS)
        raise UnreachableSystemError(
            f"the launch server of {self.options.folder} does not answer",
            declared="dagster.yaml, run_launcher",
            data="no process was started for the run",
            next=f"read {self.log}, then launch the run again",
        )

    def _start(self, seconds: float) -> None:
        """Start a server unless there is one; come back when it can be spoken to."""
        self.options.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(subprocess.TimeoutExpired), self.log.open("ab") as log:
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "watermain.orchestrate.launch.server",
                    "--detach",
                    *self.options.words(),
                ],
                cwd=self.working_directory,
                env=child_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                timeout=max(0.0, seconds),
                check=False,
            )

    def _end(self, processes: Sequence[ProcessIdentity], *, ask_first: bool) -> None:
        deadline = time.monotonic() + self.patience_seconds / 4
        for process in processes if ask_first else ():
            process.send(SIGTERM)
        while any(process.alive() for process in processes) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        for process in processes:
            process.send(SIGKILL)
