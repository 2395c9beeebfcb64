"""A server is told the same things however it is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.tree import ROOT as HOME
from watermain.orchestrate.launch.options import ServerOptions
from watermain.orchestrate.launch.preload import locations, preload, watched

FULL = ServerOptions(
    folder=Path("/a folder/with spaces"),
    preload=("one.module", "two"),
    watch=(Path("/code"), Path("/manifest.json")),
    environment=("DAGSTER_HOME", "AWS_*"),
)


@pytest.mark.parametrize("options", [FULL, ServerOptions(folder=Path("-odd"))])
def test_command_line_carries_all_options(options: ServerOptions) -> None:
    """What is written as words is read back."""
    read, kept = ServerOptions.parsed(options.words())
    assert read.words() == options.words()
    assert (read.folder, list(read.watch)) == (options.folder, list(options.watch))
    assert (kept.detach, kept.listener, kept.lock_file, kept.kept) == (False, None, None, None)


def test_variables_follow_by_name_or_pattern() -> None:
    """Only what is named crosses over."""
    variables = {"AWS_REGION": "x", "DAGSTER_HOME": "/d", "DAGSTER_HOME_OLD": "/o", "PATH": "/bin"}
    assert FULL.followed(variables) == {"AWS_REGION": "x", "DAGSTER_HOME": "/d"}


def test_locations_are_those_of_the_workspace(tmp_path: Path) -> None:
    """Both spellings of a module count, a file is no module, no workspace has none."""
    workspace = tmp_path / "workspace.yaml"
    assert locations(workspace) == {}
    workspace.write_text(
        "load_from:\n"
        "  - python_module: rooms.one\n"
        "  - python_module: {module_name: rooms.two, location_name: two}\n"
        "  - python_file: elsewhere.py\n"
    )
    assert locations(workspace) == {"rooms.one": "rooms.one", "two": "rooms.two"}


def test_own_modules_with_rooms_and_marts_are_watched() -> None:
    """Whatever definitions are made from."""
    mart = HOME / "dbt_project" / "models" / "marts" / "operations" / "dim_aircraft.sql"
    assert watched()[:2] == [HOME, HOME / "workspace.yaml"]
    assert {HOME / "dbt_project" / "dbt_project.yml", mart} <= set(watched())
    assert HOME / "platform_assets" / "weather" / "raw.py" not in watched()
    assert HOME / "platform_assets" / "weather" / "raw.py" in watched(unread=True)


def test_preload_goes_on_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error, an exit, a missing module: each is told under its name."""
    monkeypatch.syspath_prepend(tmp_path)
    tmp_path.joinpath("raises_early.py").write_text("raise ValueError('no tariff')\n")
    tmp_path.joinpath("exits_early.py").write_text("import sys\nsys.exit(3)\n")
    failures = preload(["raises_early", "exits_early", "not_there_at_all", "json"])
    assert list(failures) == ["raises_early", "exits_early", "not_there_at_all"]
    assert "no tariff" in failures["raises_early"]
