"""What is installed is told without loading it."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

from tests.watermain.cli.test_command import watermain
from watermain.cli.platform.versions import lines


def test_version_names_the_parts_and_the_data(home: Path) -> None:
    """What somebody who helps asks for first."""
    told = dict(line.split(maxsplit=1) for line in lines())
    assert told["watermain"] == version("watermain")
    assert told["Python"].startswith(f"{platform.python_version()}  ")
    assert (told["Dagster"], told["DuckDB"]) == (version("dagster"), version("duckdb"))
    assert told["data"] == str(home)


def test_version_is_told_outside_of_a_project(tmp_path: Path) -> None:
    """With the word that there is none; of another one with its data."""
    done = watermain("--project", str(tmp_path), "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert "there is no project in" in done.stdout
    here = watermain("--version", WATERMAIN_DATA_DIR=str(tmp_path))
    assert f"data            {tmp_path}\n" in here.stdout
