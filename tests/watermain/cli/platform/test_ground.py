"""What `watermain up` says of the rows that an older lake holds in its catalog."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.house.tree import ROOT
from tests.watermain.engine.table.test_file_resident import (
    DAYS,
    FACTS,
    days,
    facts,
    old_lake,
    wanted,
)
from watermain.cli.platform.ground import settle
from watermain.lake.lake import Lake
from watermain.lake.rest.inlined import catalog, inlined

# The step as `watermain up` does it, errors and exit code of the command included.
PROGRAM = """
import typer
from watermain import __main__ as command
from watermain.cli.platform.ground import lay_ground
from watermain.process.platform import Services
from watermain.settings import load_settings

command.app = lambda: lay_ground(Services(load_settings()))
command.main()
"""


def laid() -> subprocess.CompletedProcess[str]:
    """Lay the ground in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def moved(told: str) -> dict[str, str]:
    """What was said of each table that was moved."""
    found = {}
    for line in told.splitlines():
        title, _, said = line.partition(" s  ")
        words = title.split()
        if words[2:4] == ["into", "files"]:
            assert words[0] == "ok"
            found[words[1]] = said
    return found


def test_ground_is_laid_with_rows_in_files(lake: Lake) -> None:
    """A line for each table, then Dagster's instance; laid again it says nothing of them."""
    old_lake(lake)
    before = days(lake)
    first, second = laid(), laid()
    assert (first.returncode, first.stdout) == (0, ""), first.stderr
    assert moved(first.stderr) == {
        str(DAYS): "992 rows, the same before and after, in 4 files",
        str(FACTS): "5 rows, the same before and after, in 1 files",
    }
    titles = [line.split()[1] for line in first.stderr.splitlines()]
    assert titles == ["data", "lake", str(DAYS), str(FACTS), "Dagster's"]
    assert (second.returncode, moved(second.stderr)) == (0, {}), second.stderr
    assert inlined(lake) == []
    assert days(lake) == before
    assert facts(lake) == wanted(lake)


def test_ground_is_laid_beside_a_damaged_struct(lake: Lake) -> None:
    """Four lines name it with what to do; the other table is moved, the platform starts: 0."""
    old_lake(lake)
    (held,) = [each for each in inlined(lake) if each.name == FACTS]
    with catalog(lake) as connection:
        connection.execute(f"update {held.holders[0]} set what = '{{''word'': ' where n = 1")
    done = laid()
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert list(moved(done.stderr)) == [str(DAYS)]
    lines = done.stderr.splitlines()
    at = lines.index(
        f"  {FACTS}: of 5 rows that the catalog holds, structs in `what` cannot be read back"
        " as they were published"
    )
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == ["declared", "data", "next"]
    assert lines[at + 2].strip() == (
        "data      unchanged; do not read these columns, the engine may end itself"
    )
    assert lines[at + 4].split()[:3] == ["ok", "Dagster's", "instance"]
    assert [(each.name, each.rows) for each in inlined(lake)] == [(FACTS, 5)]


def test_ground_is_laid_beside_a_living_writer(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its table is told and left; once its lease is free, the next start moves it."""
    old_lake(lake)
    monkeypatch.setattr("watermain.engine.table.file_resident.WAIT_SECONDS", 0.2)
    with lake.fence.lease(str(DAYS)):
        settle(lake)
    told = capsys.readouterr()
    assert told.out == ""
    assert list(moved(told.err)) == [str(FACTS)]
    (said,) = [line for line in told.err.splitlines() if line.startswith(f"  {DAYS}: ")]
    assert "lease" in said
    assert [each.name for each in inlined(lake)] == [DAYS]
    settle(lake)
    assert list(moved(capsys.readouterr().err)) == [str(DAYS)]
    assert inlined(lake) == []
