"""All rooms together: every name resolves, every room loads alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from watermain.declare import DatasetName
from watermain.declare.errors import UnknownDatasetError
from watermain.engine.rooms.declared import package
from watermain.orchestrate import location

ROOT = Path(__file__).parents[1]


def test_every_input_is_declared_by_some_room() -> None:
    """No dataset reads a name that nothing declares."""
    known = location.everything()
    for dataset in known.values():
        for upstream in dataset.inputs.values():
            assert upstream in known, f"{dataset.name} reads {upstream}"


def test_every_reference_check_names_a_column_of_a_declared_dataset() -> None:
    """`refers_to` reads what its dataset's contract promises."""
    known = location.everything()
    for dataset in known.values():
        for check in dataset.checks:
            other = getattr(check, "other", None)
            if isinstance(other, str):
                names = {c.name for c in known[check.dataset].contract.columns}  # type: ignore[attr-defined]
                assert other in names


def test_workspace_lists_every_room() -> None:
    """`workspace.yaml` names each room's door, in its own code location."""
    listed = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    modules = {entry["python_module"]["module_name"] for entry in listed}
    assert modules == {f"{package(t)}.definitions" for t in location.teams()}


@pytest.mark.parametrize("team", location.teams())
def test_room_loads_into_a_valid_repository(team: str, home: Path) -> None:
    """Dagster accepts the room's assets, checks, jobs."""
    defs = location.code_location(team)
    dg.Definitions.validate_loadable(defs)
    assert defs.get_repository_def().get_all_jobs()  # each resolves, as code servers ask
    keys = {k.path[0] for k in defs.resolve_asset_graph().get_all_asset_keys()}
    assert team in keys


def test_unknown_dataset_is_answered_with_near_names() -> None:
    """A typo is answered with what was meant."""
    with pytest.raises(UnknownDatasetError, match=r"operations\.curated\.flights"):
        location.find(DatasetName.parse("operations.curated.flihgts"))


def test_rooms_are_small_doors() -> None:
    """A definitions file has at most ten lines."""
    for team in location.teams():
        path = ROOT.joinpath(*package(team).split("."), "definitions.py")
        assert len(path.read_text().splitlines()) <= 10


def test_room_that_fails_to_import_does_not_darken_the_others(tmp_path: Path) -> None:
    """With one room broken, another still loads."""
    script = tmp_path / "load.py"
    script.write_text(
        "import sys, types\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'watermain.upkeep.raw': raise RuntimeError('broken room')\n"
        "sys.meta_path.insert(0, Broken())\n"
        "from watermain.orchestrate.location import code_location\n"
        "assert code_location('operations')\n"
        "try:\n"
        "    code_location('upkeep')\n"
        "except RuntimeError as error:\n"
        "    print('dark:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script.read_text()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "dark: broken room\n"
