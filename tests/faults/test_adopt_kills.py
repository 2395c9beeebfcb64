"""An adoption that is killed wherever it hurts goes on: 0 lost, 0 doubled, cut as declared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.adopting import adopt
from tests.watermain.engine.adopt.parquet import declared, job, months, proposed, rows, source
from watermain.engine.adopt.storage import is_cut
from watermain.engine.capture.ingest import capture
from watermain.lake import ledger
from watermain.lake.lake import Lake, text

# Each with the turn at which it kills: some files are in the lake by then, others are not.
POINTS = (
    "adopt.after_uncut=kill",
    "adopt.after_file_before_transaction=kill:2",
    "adopt.before_transaction=kill:2",
    "adopt.after_files_before_ledger=kill:2",
    "adopt.after_ledger_before_commit=kill:2",
    "publish.before_commit=kill:5",
    "adopt.after_commit=kill:2",
    "adopt.before_cut=kill",
)


@pytest.mark.slow
def test_killed_adoption_goes_on(lake: Lake, tmp_path: Path) -> None:
    """Killed at each failpoint in turn over one lake, with a month more each time."""
    folder = tmp_path / "outside"
    for number, point in enumerate(POINTS, start=3):
        months(folder, number)
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.adopting", str(folder)],
            env={**os.environ, "WATERMAIN_FAILPOINT": point, "WATERMAIN_LEASE_SECONDS": "2"},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, (point, done.stdout, done.stderr)
    adopt(folder)
    dataset = declared(proposed(folder))
    assert is_cut(lake, dataset)
    capture(dataset, job(lake, dataset), source=source(dataset, folder))
    count = 40 * (len(POINTS) + 2)
    assert rows(lake, dataset, "count(*), count(distinct order_id), count(_row)") == [
        (count, count, 0)
    ]
    with lake.get_connection() as connection:
        told = connection.execute(
            f"select sum(rows), count(*), count(distinct shard) from {ledger.BATCHES}"
            f" where stream = {text(str(dataset.name))}"
        ).fetchone()
        standing = ledger.standing(connection, [dataset.name])[dataset.name]
    assert told == (count, len(POINTS) + 2, len(POINTS) + 2)
    assert sum(each.rows_ever for each in standing.values()) == count
