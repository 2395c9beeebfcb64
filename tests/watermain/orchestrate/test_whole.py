"""All rooms in one code location."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from watermain.engine.rooms.directory import everything
from watermain.lake.lake import Lake
from watermain.orchestrate.whole import whole


@pytest.mark.slow
def test_every_dataset_of_every_room_is_there() -> None:
    """With the sensors of each room, each name once."""
    repository = whole().get_repository_def()
    keys = {tuple(key.path) for key in repository.asset_graph.get_all_asset_keys()}
    assert {tuple(name.key) for name in everything()} <= keys
    names = [sensor.name for sensor in repository.sensor_defs]
    assert len(set(names)) == len(names)
    assert {"operations_planner", "weather_planner", "unclaimed_deliveries"} <= set(names)


PYPROJECT = """
[project]
name = "company"
version = "0.1.0"

[tool.watermain]
rooms = "rooms"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "rooms"
defs_module = "rooms"
code_location_target_module = "watermain.orchestrate.whole"
"""
DEFINITIONS = """
from watermain.orchestrate.location import lazy_location

defs = lazy_location("sales", ".defs")
"""
PLAIN = """
import dagster as dg
import pandas as pd

@dg.asset
def quotes():
    return pd.DataFrame({"id": [1, 2]})
"""
RAW = """
import pyarrow as pa
from watermain import Column, Contract, DagsterAsset, raw

quotes = raw(
    "sales.raw.quotes",
    source=DagsterAsset(key="quotes"),
    contract=Contract(
        grain="one row per quote", key=("id",), columns=(Column("id", pa.int64(), "it"),)
    ),
    owner="team:sales",
)
"""


def dg_tool(folder: Path, *words: str) -> str:
    """What Dagster's own tool says in a project."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dg")), *words],
        cwd=folder,
        env={**os.environ, "WATERMAIN_PROJECT": str(folder), "DAGSTER_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_tool_of_dagsters_works_in_a_project(lake: Lake, tmp_path: Path) -> None:
    """It lists, checks, launches plain assets as it does datasets."""
    folder = tmp_path / "company"
    files = {
        "pyproject.toml": PYPROJECT,
        "rooms/__init__.py": "",
        "rooms/sales/__init__.py": "",
        "rooms/sales/definitions.py": DEFINITIONS,
        "rooms/sales/raw.py": RAW,
        "rooms/sales/defs/__init__.py": "",
        "rooms/sales/defs/quotes.py": PLAIN,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "home").mkdir()
    listed = json.loads(dg_tool(folder, "list", "defs", "--json"))
    assert {"quotes", "sales/raw/quotes"} <= {each["asset_key"] for each in listed["assets"]}
    assert "All component YAML validated successfully" in dg_tool(folder, "check", "defs")
    dg_tool(folder, "launch", "--assets", "quotes,key:sales/raw/quotes")
    with lake.get_connection() as connection:
        found = connection.execute('select id from lake."sales_raw"."quotes" order by 1').fetchall()
    assert found == [(1,), (2,)]
