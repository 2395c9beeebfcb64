"""The plugin as strangers meet it: cheap, found by itself, told by the guide."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import pages
from tests.house.tree import ROOT
from tests.watermain.testing.stranger import run_pytest
from watermain.settings import child_environment
from watermain.testing import plugin

GUIDE = "docs/guides/testing.md"
HEAVY = ("dagster", "duckdb", "hypothesis", "pandas", "pyarrow", "ibis", "psycopg", "pydantic")
LOOKS = """
import sys, time
import pytest
began = time.process_time()
import watermain.testing.plugin
spent = time.process_time() - began
import json
print(json.dumps([spent, sorted(sys.modules)]))
"""
STRANGER = '''
"""A test of somebody who knows the public names alone."""
import pyarrow as pa
import pytest
from watermain import Column, Contract, Daily, Files, dataset, latest_delivery, raw
from watermain.testing import GivenRowsError, failing, run

DAYS = Daily()
COLUMNS = (Column("id", pa.int64(), "which"), Column("at", pa.timestamp("us", "UTC"), "when"))
CONTRACT = Contract(grain="one row per thing", key=("id",), event_time="at", columns=COLUMNS)
told = raw("own.raw.things", source=Files(connection="drop", pattern="*.csv", format="csv"),
           contract=CONTRACT, cadence=DAYS, owner="team:own")

@dataset("own.curated.things", inputs={"told": "own.raw.things"}, contract=CONTRACT, cadence=DAYS,
         owner="team:own")
def things(told):
    """Keep each thing as it was told last."""
    return latest_delivery(told, "id")

ROWS = [{"id": 1, "at": "2013-01-01 12:00:00Z"}, {"id": 1, "at": "2013-01-01 13:00:00Z"}]

def test_body():
    (row,) = run(things, told, told=ROWS)
    assert row["at"].hour == 13
    assert failing(things, [row]) == {}

def test_lake(watermain_lake, watermain_clock):
    watermain_lake.given(told, ROWS)
    watermain_lake.publish(things, "2013-01-01")
    assert [row["at"].hour for row in watermain_lake.rows(things)] == [13]

@pytest.mark.never("fax", reason="paper has no offsets")
def test_wrong():
    with pytest.raises(GivenRowsError, match="`ix`"):
        run(things, told, told=[{"ix": 1}])
'''


def test_plugin_is_cheap_to_import() -> None:
    """Nothing heavy comes with it; a run without it pays less than 50 ms of a processor."""
    spent = []
    for _ in range(3):
        told = subprocess.run(
            [sys.executable, "-c", LOOKS],
            cwd=ROOT,
            env=child_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, modules = json.loads(told.stdout)
        spent.append(seconds)
        assert [name for name in HEAVY if name in modules] == []
    assert min(spent) < 0.05


def test_stranger_needs_public_names_alone(tmp_path: Path) -> None:
    """The entry point brings the fixtures and the mark; the lake is the test's own."""
    done = run_pytest(tmp_path, files={"test_own.py": STRANGER})
    assert re.search(r"^3 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_run_without_our_fixtures_imports_nothing(tmp_path: Path) -> None:
    """A project that only happens to have us installed pays for nothing."""
    ours = ["duckdb", "pyarrow", "dagster", "psycopg"]  # other plugins bring Hypothesis themselves
    looks = (
        f"import sys\ndef test_it():\n    assert [m for m in {ours} if m in sys.modules] == []\n"
    )
    done = run_pytest(tmp_path, files={"test_it.py": looks})
    assert re.search(r"^1 passed", done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_fixtures_have_names_of_their_own() -> None:
    """Whatever other plugins bring: ours begin with our name."""
    named = [
        name for name in vars(plugin) if "fixture" in type(vars(plugin)[name]).__name__.lower()
    ]
    assert sorted(named) == ["watermain_clock", "watermain_lake", "watermain_postgres"]


@pytest.mark.slow
def test_examples_of_the_guide_pass(tmp_path: Path) -> None:
    """Each block of Python on the page is a module of tests."""
    page = {GUIDE: (ROOT / GUIDE).read_text()}
    files = {f"test_line_{b.line}.py": b.text for b in pages.blocks(page, "python")}
    wanted = sum(text.count("\ndef test_") for text in files.values())
    done = run_pytest(tmp_path, files=files, WATERMAIN_PROJECT=str(ROOT))
    passed = re.search(r"^(\d+) passed", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout + done.stderr
    assert int(passed.group(1)) >= wanted + 15


def test_guide_tells_of_every_name() -> None:
    """What the package gives stands on the page, with the fixtures."""
    text = (ROOT / GUIDE).read_text()
    names = ["run", "failing", "rows_of", "tables_of", "trial_lake", "GivenRowsError"]
    assert [n for n in (*names, "watermain_lake", "watermain_clock") if f"`{n}" not in text] == []
