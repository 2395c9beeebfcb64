"""`watermain verify`: damage is named, mended where it can be, told by the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner, Result

from tests.watermain.engine.damaging import cut, listed
from watermain.__main__ import app
from watermain.cli.exits import FAILED, WRONG_USE, exit_code
from watermain.declare.errors import DamagedDataError, UnknownDatasetError, WatermainError
from watermain.lake.lake import Lake
from watermain.lake.ledger import CHECKSUMS
from watermain.orchestrate.instance.opening import open_instance
from watermain.process.instance import dagster_home, storage_url, write_instance
from watermain.settings import load_settings

COSTS = "upkeep.curated.run_costs"


def verify(*words: str) -> Result:
    return CliRunner().invoke(app, ["verify", *words])


def facts(*words: str) -> Any:
    """What the command prints for a script."""
    return json.loads(verify(*words, "--json").stdout)


@pytest.fixture
def costs(lake: Lake) -> Lake:
    """A lake with one computed dataset of a real room."""
    write_instance(load_settings())
    for _ in range(2):  # the second tells what the first cost
        done = CliRunner().invoke(app, ["materialize", COSTS], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    return lake


def error(result: Result) -> WatermainError:
    """The four lines that the command ends with."""
    assert isinstance(result.exception, WatermainError), result.output
    assert len(str(result.exception).splitlines()) == 4
    return result.exception


@pytest.mark.timeout(600)
def test_command_names_damage_then_mends_it(costs: Lake) -> None:
    """Whole, damaged, repaired: 0, 1, 0; the grid has dataset, snapshots, reason and file."""
    assert verify(COSTS).exit_code == 0
    (file,) = listed(costs, COSTS)
    cut(Path(file.path))
    told = verify(COSTS)
    found = error(told)
    assert isinstance(found, DamagedDataError)
    assert exit_code(found) == FAILED
    assert f"{COSTS} [whole table]: {file.file}, read since snapshot {file.begun}" in found.what
    assert found.next == f"watermain verify {COSTS} --repair"
    line = next(row for row in told.stdout.splitlines() if file.file in row)
    why = f"it holds {file.bytes - 1} bytes, {file.bytes} were written"
    assert line.split("  ")[0] == COSTS
    assert why in line
    (damaged,) = facts()["damaged"]
    assert (damaged["dataset"], damaged["why"], damaged["is_read"]) == (COSTS, why, True)
    mended = facts(COSTS, "--repair")
    assert mended["rebuilt"] == [{"dataset": COSTS, "partitions": [""]}]
    assert mended["left"] == {}
    after = verify(COSTS)
    assert after.exit_code == 0
    assert f"{file.begun} to " in after.stdout
    with open_instance(dagster_home(load_settings()), storage_url(load_settings())) as instance:
        assert instance.get_latest_materialization_event(dg.AssetKey(COSTS.split(".")))


@pytest.mark.timeout(600)
def test_command_says_what_it_sees_first(costs: Lake) -> None:
    """A lake of an older release: no file is called whole before it was seen once."""
    with costs.get_connection() as connection:
        connection.execute(f"delete from {CHECKSUMS}")
    assert "1 not vouched for until now: first seen" in verify(COSTS).stderr
    assert facts(COSTS)["whole"] == 1


def test_command_names_the_right_datasets(lake: Lake) -> None:
    """A wrong name is wrong use; an empty lake is whole."""
    found = error(verify("upkeep.curated.run_cost"))
    assert isinstance(found, UnknownDatasetError)
    assert exit_code(found) == WRONG_USE
    assert "`upkeep.curated.run_costs`" in found.next
    assert facts() == {"files": 0, "bytes": 0, "whole": 0, "first_seen": 0, "damaged": []}
