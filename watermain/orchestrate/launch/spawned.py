"""What a process does that was started anew, where the warm one may not fork.

A second way for systems other than Linux: slower by what it imports. The tests take it on Linux;
it was never run on macOS.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from watermain.orchestrate.launch.workers import leave
from watermain.process.worker_record import WorkerRecords


def main(words: Sequence[str]) -> int:
    """Do what the warm process would have had its fork do: `<folder> <task> <its words>`."""
    folder, task, *told = words
    if task == "keep":
        from watermain.orchestrate.launch.rooms.keeper import keep

        room, module, parent, channel = told
        way = int(channel)
        return keep(Path(folder), room, module, parent=int(parent), channel=way, forks=False)()
    if task == "compile":
        from watermain.orchestrate.launch.shared_code import compile_models

        return compile_models()
    if task == "room":
        from watermain.orchestrate.launch.rooms.code_server import serve

        room, module, parent, at, *ready = told
        return serve(room, module, int(parent), Path(at), int(ready[0]) if ready else None)
    records, (run_id, instance_ref, *code) = WorkerRecords(Path(folder)), told
    leave(records.log(run_id))
    from watermain.orchestrate.launch.worker import report_death, work_on

    if task == "work":
        return work_on(run_id, instance_ref, records)
    return report_death(run_id, instance_ref, int(code[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
