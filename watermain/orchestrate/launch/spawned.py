"""What a process does that was started anew, where the warm one may not fork.

A second way for systems other than Linux: slower by what it imports. The tests take it on Linux;
it was never run on macOS.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from watermain.process.worker_record import WorkerRecords


def leave(log: Path) -> None:
    """Begin a session of one's own that has the log of the run as its output."""
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)


def main(words: Sequence[str]) -> int:
    """Do what the warm process would have had its fork do: `<folder> <task> <its words>`."""
    folder, task, *told = words
    if task == "room":
        from watermain.orchestrate.launch.rooms import serve

        room, module, parent = told
        return serve(Path(folder), room, module, int(parent))
    records, (run_id, instance_ref, *code) = WorkerRecords(Path(folder)), told
    leave(records.log(run_id))
    from watermain.orchestrate.launch.worker import report_death, work_on

    if task == "work":
        return work_on(run_id, instance_ref, records)
    return report_death(run_id, instance_ref, int(code[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
