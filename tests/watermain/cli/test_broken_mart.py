"""The commands over a project in which one mart does not compile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from platform_assets.operations import raw
from watermain.cli.exits import FAILED
from watermain.lake.lake import Lake
from watermain.process.instance import write_instance
from watermain.settings import load_settings

ROOT = Path(__file__).parents[3]
COPIED = ("platform_assets", "resources", "sensors", "watermain", "dbt_project")
BROKEN, RIGHT = "operations.marts.fct_departures", "operations.marts.dim_aircraft"
SQL = "dbt_project/models/marts/operations/fct_departures.sql"
FOUR_LINES = [
    "BrokenModelError: dbt model `fct_departures` says `run_started_at`, which differs each time it"
    " is compiled",
    f"  declared  {SQL}:1",
    "  data      nothing new of it is published; what was stays; other marts go on",
]


@pytest.fixture
def house(home: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project with a broken mart; three aircraft wait at their source."""
    house, drop = home / "house", home / "drop"
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(ROOT / name, house / name, ignore=ignored)
    for name in ("workspace.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, house)
    asks = "{% set asked = run_started_at %}"
    (house / SQL).write_text(asks + (house / SQL).read_text())
    schema = pa.schema([(c.name, c.type) for c in raw.planes.contract.columns])
    planes = [{"tailnum": f"N{n}", "seats": 100 + n} for n in range(3)]
    drop.mkdir()
    pq.write_table(pa.Table.from_pylist(planes, schema=schema), drop / "planes.parquet")
    os.utime(drop / "planes.parquet", (0, 0))
    monkeypatch.setenv("WATERMAIN_SOURCE_PARTNER_DROP", str(drop))
    write_instance(load_settings())
    return house


def watermain(house: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command inside the copy."""
    return subprocess.run(
        [sys.executable, "-m", "watermain", *words],
        cwd=house,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def told(house: Path, *words: str) -> object:
    """What a command that succeeds prints as JSON."""
    done = watermain(house, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(900)
def test_commands_name_the_broken_mart_while_others_work(house: Path) -> None:
    """Materialize and diff refuse it, explain tells of it; another is built, told, compared."""
    for verb in ("materialize", "diff"):
        refused = watermain(house, verb, BROKEN)
        assert refused.returncode == FAILED
        *known, then = refused.stderr.splitlines()
        assert known == FOUR_LINES
        assert then.startswith("  next      read the instant from a column")
        assert refused.stdout == ""

    facts = told(house, "explain", BROKEN, "--json")
    assert isinstance(facts, dict)
    first, *rest, then = facts["broken"]
    assert [f"BrokenModelError: {first}", *rest] == FOUR_LINES
    assert then.startswith("  next      read the instant from a column")
    assert (facts["key"], facts["publishes"]) == (["flight_id"], [])

    runs = told(house, "materialize", RIGHT, "--with-upstream", "--json")
    assert isinstance(runs, list)
    assert {name for run in runs for name in run["datasets"]} == {
        "operations.raw.planes",
        "operations.curated.aircraft",
        RIGHT,
    }
    assert [run["ok"] for run in runs] == [True] * len(runs)
    facts = told(house, "explain", RIGHT, "--json")
    assert isinstance(facts, dict)
    assert "broken" not in facts
    assert [p["rows_out"] for p in facts["publishes"]] == [3]
    assert {c["passed"] for c in facts["checks"]} == {True}
    change = told(house, "diff", RIGHT, "--format", "json")
    assert isinstance(change, dict)
    assert (change["rows_before"], change["rows_after"], change["changed"]) == (3, 3, 0)
