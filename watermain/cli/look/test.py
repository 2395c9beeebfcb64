"""`watermain test`: the tests of one room, or of all."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watermain.cli.exits import FAILED
from watermain.cli.screen import ERR, OUT
from watermain.declare.errors import (
    InvalidProjectError,
    MissingExtraError,
    UnknownDatasetError,
    quoted,
)
from watermain.engine.rooms.declared import teams
from watermain.project import FILE, Project
from watermain.settings import child_environment, project

if TYPE_CHECKING:
    from watermain.engine.mart.beside.unit_test import UnitVerdict

NONE_FOUND = 5  # as pytest tells that nothing was chosen


def run_tests(
    room: Annotated[
        str | None, typer.Argument(help="The room, such as operations; all without one.")
    ] = None,
    chosen: Annotated[
        str | None, typer.Option("-k", help="Only tests whose names match, as pytest has it.")
    ] = None,
) -> None:
    """Run the tests of one room: those in its folder, and those that import it.

    Without a room every test is run. The unit tests of its dbt models are run, too.
    Ends with 1 when one fails.
    """
    here = project()
    if room is not None and room not in teams():
        raise UnknownDatasetError.nothing_happened(
            f"there is no room `{room}`",
            declared=f"{here.rooms}/",
            next=f"use one of {quoted(teams())}",
        )
    if find_spec("pytest") is None:
        raise MissingExtraError.nothing_happened(
            "extra `test` of watermain is not installed: there is no module `pytest`",
            declared="pytest, which runs the tests",
            next="pip install 'watermain[test]'",
        )
    units = _units(room, here) if chosen is None else []
    files = files_of(room, here) if room else []
    if room and not files and not units:
        raise InvalidProjectError.nothing_happened(
            f"room {room} has no tests: none imports {here.rooms}.{room}",
            declared=", ".join(f"{folder.relative_to(here.root)}/" for folder in _folders(here)),
            next=f"write tests/rooms/test_{room}.py",
        )
    failed = bool(room is None or files) and _pytest(room, files, chosen, here)
    if _told(units) or failed:
        raise typer.Exit(FAILED)


def _pytest(room: str | None, files: list[Path], chosen: str | None, here: Project) -> bool:
    """Run the tests of the project in Python; say whether one fails, or none matches."""
    shown = [str(path.relative_to(here.root)) for path in files]
    ERR.print(f"pytest {' '.join(shown)}".rstrip(), style="dim", markup=False)
    words = [*shown, *(("-k", chosen) if chosen else ())]
    code = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=here.root,
        env=child_environment(),
        check=False,
    ).returncode
    if code == NONE_FOUND and chosen:
        ERR.print(f"no test of room {room} matches {chosen!r}", markup=False)
    return bool(code)


def _units(room: str | None, here: Project) -> list[UnitVerdict]:
    """What becomes of the unit tests of dbt models; nothing where there is no dbt project."""
    if not (here.dbt_folder / "dbt_project.yml").exists():
        return []
    from watermain.engine.rooms.directory import manifest
    from watermain.engine.rooms.from_dbt import run_unit_tests

    return run_unit_tests(manifest(), room)


def _told(units: list[UnitVerdict]) -> bool:
    """Print what became of unit tests, with the rows that differ; say whether one did not pass."""
    for each in units:
        if not each.passed:
            where = f"{each.status.upper()}  {each.declared} {each.model}::{each.name}"
            OUT.print(where, markup=False, highlight=False, soft_wrap=True)
            OUT.print(each.told, markup=False, highlight=False, soft_wrap=True)
    wrong = sum(not each.passed for each in units)
    if units:
        OUT.print(f"unit tests of dbt models: {len(units) - wrong} of {len(units)} pass")
    return wrong > 0


def files_of(room: str, here: Project) -> list[Path]:
    """The files of tests that lie in a folder of the room's name, or that import the room."""
    imports = re.compile(
        rf"^\s*(?:import|from)\s+{re.escape(here.rooms)}"
        rf"(?:\.{room}\b|\s+import\s+(?:\(?[\w\s,]*\b)?{room}\b)",
        re.MULTILINE,
    )
    return sorted(
        path
        for folder in _folders(here)
        for path in {*folder.rglob("test_*.py"), *folder.rglob("*_test.py")}
        if room in path.relative_to(folder).parts[:-1]
        or path.stem in (f"test_{room}", f"{room}_test")
        or imports.search(path.read_text(encoding="utf-8"))
    )


def _folders(here: Project) -> list[Path]:
    """Where the project says that its tests lie."""
    told = tomllib.loads((here.root / FILE).read_text(encoding="utf-8"))
    options = told.get("tool", {}).get("pytest", {}).get("ini_options", {})
    named = options.get("testpaths", ["tests"])
    paths = named.split() if isinstance(named, str) else named
    return [here.root / path for path in paths if (here.root / path).is_dir()]
