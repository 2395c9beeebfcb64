"""`watermain diff` of a project in which nothing changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.operations import curated, raw
from tests.watermain.engine.publish.test_standing import has_branches
from watermain.dbt.dbt import manifest_path
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.lake.lake import Lake

AIRLINES = str(curated.airlines.name)
NEEDLESS = ("dagster", "dbt", "pandas", "polars", "httpx", "watermain.orchestrate")
SCRIPT = f"""
import sys
from watermain.__main__ import app
try:
    app({["diff", AIRLINES, "--format", "json"]})
finally:
    print([name for name in {NEEDLESS} if name in sys.modules], file=sys.stderr)
"""


@pytest.fixture
def airlines(lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake that has the airlines of the room, published from a delivery."""
    monkeypatch.setenv("WATERMAIN_SOURCE_PARTNER_DROP", str(home / "drop"))
    (home / "drop").mkdir()
    (home / "drop" / "airlines.csv").write_text("carrier,name\nAA,American\nDL,Delta\n")
    os.utime(home / "drop" / "airlines.csv", (0, 0))
    known = {d.name: d for d in (raw.airlines, curated.airlines)}
    job = Job(lake=lake, find=known.__getitem__)
    capture(raw.airlines, job)
    publish(curated.airlines, None, job).refuse_blocked()
    return lake


def test_diff_of_an_unchanged_project_builds_compiles_imports_nothing(airlines: Lake) -> None:
    """No branch, no manifest, neither Dagster nor dbt; the same answer as ever."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.splitlines()) == (0, ["[]"])
    assert json.loads(done.stdout) == {
        "dataset": AIRLINES,
        "partitions": 1,
        "rows_before": 2,
        "rows_after": 2,
        "added": 0,
        "removed": 0,
        "changed": 0,
        "columns": {},
        "gained": {},
        "lost": {},
        "retyped": {},
        "failing_checks": {},
        "samples": [],
    }
    assert not has_branches(airlines)
    assert not manifest_path().exists()
