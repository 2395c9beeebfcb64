"""The records of workers are claimed once, kept whole, pruned when old."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from watermain.process.identity import ProcessIdentity
from watermain.process.worker_record import WorkerRecords


@pytest.fixture
def records(tmp_path: Path) -> WorkerRecords:
    """An empty folder of records."""
    return WorkerRecords(tmp_path / "warm")


def test_run_is_claimed_by_one_process(records: WorkerRecords) -> None:
    """The second claim is refused, the record names this process."""
    assert records.get("a-run") is None
    assert records.claim("a-run")
    assert not records.claim("a-run")
    record = records.get("a-run")
    assert record is not None
    assert record.process == ProcessIdentity.of(os.getpid())
    assert record.exit_code is None
    assert [one.run_id for one in records.running()] == ["a-run"]


def test_end_is_noted_for_the_process_that_ended(records: WorkerRecords) -> None:
    """The end of another process, or of an unknown run, changes nothing."""
    records.claim("a-run")
    before = records.get("a-run")
    assert before is not None
    records.ended("a-run", os.getpid() + 1, -9)
    records.ended("no-run", os.getpid(), -9)
    assert records.get("a-run") == before
    records.ended("a-run", os.getpid(), -9)
    assert records.get("a-run") == replace(before, exit_code=-9)
    assert list(records.running()) == []


def test_pruning_spares_what_is_young_or_alive(records: WorkerRecords, tmp_path: Path) -> None:
    """Records with logs of dead workers go after a while, drafts of killed writers too."""
    for run_id in ("alive", "dead", "young"):
        records.claim(run_id)
        records.log(run_id).write_text("said\n")
    for run_id in ("dead", "young"):
        records.ended(run_id, os.getpid(), 0)
    draft = tmp_path / "warm" / "runs" / "dead.17.draft"
    draft.write_text("{")
    long_ago = time.time() - 1000
    for path in tmp_path.rglob("*.*"):
        if not path.name.startswith("young"):
            os.utime(path, (long_ago, long_ago))
    records.prune(500)
    left = {path.name for path in tmp_path.rglob("*.*")}
    assert left == {"alive.json", "alive.log", "young.json", "young.log"}


@pytest.mark.parametrize("run_id", ["../outside", "a/b", "", "a b", "."])
def test_run_id_stays_in_the_folder(records: WorkerRecords, run_id: str) -> None:
    """A run id is letters, digits, dashes."""
    with pytest.raises(ValueError, match="not a run id"):
        records.get(run_id)
