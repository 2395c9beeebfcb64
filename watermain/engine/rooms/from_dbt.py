"""The datasets that the dbt project of a company declares, over what its rooms promise."""

from __future__ import annotations

from pathlib import Path

from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.mart import mart
from watermain.engine.mart.beside import unit_test
from watermain.engine.mart.beside.unit_test import UnitVerdict
from watermain.engine.rooms.declared import datasets_on, teams


def marts(team: str, manifest: Path) -> list[Dataset]:
    """Every model, seed and snapshot of a team; what `mart.marts` says holds."""
    return mart.marts(team, manifest, promised)


def notes(manifest: Path) -> list[str]:
    """What is wrong with the project beside its marts, a line for each."""
    return mart.notes(manifest, promised)


def run_unit_tests(manifest: Path, team: str | None = None) -> list[UnitVerdict]:
    """What becomes of each unit test of a team's models, or of all."""
    return unit_test.run_unit_tests(manifest, promised, team)


def promised(name: DatasetName) -> Contract | None:
    """What a room promises of a dataset; None where its shelf does not load or has none."""
    if name.team not in teams() or name.stage == "marts":
        return None
    try:
        shelf = datasets_on(name.team, name.stage)
    except (Exception, SystemExit):  # a room's own code, whatever it raises
        return None  # the room tells of it
    return next((d.contract for d in shelf if d.name == name), None)
