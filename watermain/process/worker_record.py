"""What is written down about the process of a run, for whoever asks later."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from watermain import durable
from watermain.process.identity import ProcessIdentity


@dataclass(frozen=True, kw_only=True)
class WorkerRecord:
    """The process that works on a run.

    Units: `recorded_at` is in seconds since the epoch; `exit_code` is negative for a signal, None
    while the process runs or when nobody was there to see it end.
    """

    run_id: str
    process: ProcessIdentity
    recorded_at: float
    exit_code: int | None = None


class WorkerRecords:
    """The records of one folder, which has a file per run.

    Guarantees: a run has one worker at most, and a record is whole or absent.
    """

    def __init__(self, folder: Path) -> None:
        self._runs, self._logs = folder / "runs", folder / "logs"
        for made in (self._runs, self._logs):
            made.mkdir(parents=True, exist_ok=True, mode=0o700)

    def claim(self, run_id: str) -> bool:
        """Record this process as the worker of the run, unless the run has one already."""
        record = WorkerRecord(
            run_id=run_id, process=ProcessIdentity.of(os.getpid()), recorded_at=time.time()
        )
        return durable.create(self._path(run_id), json.dumps(asdict(record)))

    def ended(self, run_id: str, pid: int, exit_code: int) -> None:
        """Add how the worker ended, unless the run belongs to another process."""
        record = self.get(run_id)
        if record is not None and record.process.pid == pid:
            ended = replace(record, exit_code=exit_code)
            durable.replace(self._path(run_id), json.dumps(asdict(ended)))

    def get(self, run_id: str) -> WorkerRecord | None:
        """Find the worker of a run."""
        try:
            fields = json.loads(self._path(run_id).read_text())
        except FileNotFoundError:
            return None
        return WorkerRecord(**{**fields, "process": ProcessIdentity(**fields["process"])})

    def running(self) -> Iterator[WorkerRecord]:
        """List the workers that are alive."""
        for path in self._runs.glob("*.json"):
            record = self.get(path.stem)
            if record and record.exit_code is None and record.process.alive():
                yield record

    def log(self, run_id: str) -> Path:
        """Name the file that takes the console output of a worker."""
        return self._logs / f"{_safe(run_id)}.log"

    def prune(self, older_than_seconds: float) -> None:
        """Delete the records and logs of workers that ended long ago."""
        alive = {record.run_id for record in self.running()}
        for path in (*self._runs.iterdir(), *self._logs.iterdir()):
            old = time.time() - path.stat().st_mtime > older_than_seconds
            if old and path.stem not in alive:
                path.unlink(missing_ok=True)

    def _path(self, run_id: str) -> Path:
        return self._runs / f"{_safe(run_id)}.json"


def _safe(run_id: str) -> str:
    """Refuse a run id that would leave the folder."""
    if not run_id.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"not a run id: {run_id!r}")
    return run_id
