"""What a room's process shares with the warm one stays shared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.tree import ROOT
from watermain.orchestrate.launch.freshness import LoadedSources, module_files
from watermain.orchestrate.launch.preload import locations
from watermain.settings import child_environment

OWN = ("platform_assets", "sensors", "watermain.upkeep")  # what is a room's alone
IN_A_FORK = """
import json, os, sys
from watermain.orchestrate.launch.preload import loaded, shared
from watermain.engine.rooms.last_good import remember
from watermain.engine.rooms.directory import declared
failures, before, found = shared(), set(sys.modules), {}
for team, module in json.loads(sys.argv[1]).items():
    ears, mouth = os.pipe()
    if os.fork() == 0:
        assert loaded(module) is None
        remember(team, declared(team))
        os.write(mouth, json.dumps([n for n in sys.modules if n not in before]).encode())
        os._exit(0)
    os.close(mouth)
    with os.fdopen(ears) as told:
        found[team] = json.loads(told.read() or "null")
    os.wait()
print(json.dumps({"failures": failures, "found": found}))
"""
LIGHT = {
    "watermain.orchestrate.instance.web": ("pyarrow", "numpy", "pandas", "duckdb", "ibis"),
    "watermain.orchestrate.instance.connection": ("pyarrow", "numpy", "duckdb"),
    "watermain.orchestrate.instance.coordinator": ("pyarrow", "numpy", "duckdb"),
    "watermain.orchestrate.instance.compute_logs": ("pyarrow", "numpy", "duckdb"),
    "watermain.orchestrate.launch.launcher": ("pyarrow", "numpy", "duckdb"),
    "watermain.cli.platform.tend": ("pyarrow", "numpy", "duckdb", "dagster", "sqlalchemy"),
}


class Touched(ModuleType):
    """A module that counts how often it is looked at."""

    looks = 0

    def __getattr__(self, name: str) -> str:
        if name != "__file__":
            raise AttributeError(name)
        Touched.looks += 1
        return str(Path(__file__).with_name("touched.py"))


def test_module_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further look would write into what a fork shares."""
    monkeypatch.setattr(Touched, "looks", 0)
    touched = Touched("touched_module")
    del touched.__dict__["__doc__"]
    monkeypatch.setitem(sys.modules, "touched_module", touched)
    for _ in range(3):
        LoadedSources.taken([Path(__file__).parent], since_ns=0)
    assert Touched.looks == 1
    assert Path(__file__).with_name("touched.py") in module_files()


def test_module_is_found_after_another_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest that was looked at may be gone by the next look."""
    for name in ("first_of_two", "second_of_two"):
        made = ModuleType(name)
        made.__file__ = str(Path(__file__).with_name(f"{name}.py"))
        monkeypatch.setitem(sys.modules, name, made)
        assert Path(made.__file__) in module_files()
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.slow
def test_room_imports_nothing_that_all_could_share(tmp_path: Path) -> None:
    """What every room imports for itself lies in memory once for each."""
    words = json.dumps(locations(ROOT / "workspace.yaml"))
    told = _python("-c", IN_A_FORK, words, WATERMAIN_DATA_DIR=str(tmp_path))
    seen = json.loads(told.splitlines()[-1])
    assert seen["failures"] == {}
    others = {
        team: [n for n in names if not n.startswith(OWN)] for team, names in seen["found"].items()
    }
    assert others == {team: [] for team in locations(ROOT / "workspace.yaml")}


@pytest.mark.parametrize("module", LIGHT)
def test_service_imports_no_engine_that_it_never_asks(module: str) -> None:
    """The web server, the daemon and what tends them read no table."""
    told = _python("-c", f"import sys, {module}; print(*sys.modules)")
    assert sorted(set(LIGHT[module]) & set(told.split())) == []


def _python(*words: str, **variables: str) -> str:
    """What a Python of the project prints."""
    ran = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=child_environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
