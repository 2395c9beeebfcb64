"""A warm process knows when what it has loaded is no longer what lies on disk."""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from sys import modules

import pytest

from watermain.orchestrate.launch.freshness import LoadedSources

PACKAGE = "watched_rooms"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An imported package of one module, written a while ago."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    for name in ("__init__.py", "room.py", "unused.py"):
        (folder / name).write_text("NUMBER = 1\n")
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module(f"{PACKAGE}.room")
    yield folder
    for name in [name for name in modules if name.startswith(PACKAGE)]:
        del modules[name]


def taken(*roots: Path) -> LoadedSources:
    """What is loaded now."""
    return LoadedSources.taken(roots, since_ns=time.time_ns())


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "edit": (lambda folder: (folder / "room.py").write_text("NUMBER = 2\n"), "room.py"),
    "add": (lambda folder: (folder / "other.py").touch(), ""),
    "add_folder": (lambda folder: (folder / "deeper").mkdir(), ""),
    "remove": (lambda folder: (folder / "room.py").unlink(), "room.py"),
}


def test_nothing_has_changed_at_first(package: Path) -> None:
    """Bytecode that appears beside the modules is no change."""
    sources = taken(package)
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "notes.txt").touch()
    assert sources.changed() == []


@pytest.mark.parametrize("change", CHANGES)
def test_change_is_seen(package: Path, change: str) -> None:
    """A module edited, added, removed; a package added."""
    sources = taken(package)
    act, name = CHANGES[change]
    act(package)
    assert (package / name if name else package) in sources.changed()


def test_file_replaced_with_the_same_size_and_time_is_seen(package: Path) -> None:
    """A checkout may keep both; the file is another one all the same."""
    sources = taken(package)
    shutil.copy2(package / "room.py", package / "draft")
    (package / "draft").rename(package / "room.py")
    assert sources.changed() == [package / "room.py"]


def test_module_that_is_not_loaded_may_change(package: Path) -> None:
    """What a run imports by itself is read from disk anyway."""
    sources = taken(package)
    (package / "unused.py").write_text("NUMBER = 2\n")
    assert sources.changed() == []


def test_file_written_while_loading_counts_as_changed(package: Path) -> None:
    """It may have been read before it was written."""
    began = time.time_ns()
    (package / "room.py").write_text("NUMBER = 2\n")
    sources = LoadedSources.taken([package], since_ns=began)
    assert sources.changed() == [package / "room.py"]


def test_file_from_the_future_does_not_count_for_ever(package: Path) -> None:
    """A clock that ran ahead must not make a server start over without end."""
    future = time.time() + 1000
    os.utime(package / "room.py", (future, future))
    assert taken(package).changed() == []


def test_single_file_is_watched_even_before_it_exists(package: Path) -> None:
    """It may be written after the server has started."""
    single = package / "workspace.yaml"
    sources = taken(single)
    assert sources.changed() == []
    single.write_text("{}")
    assert sources.changed() == [single]


def test_a_new_model_counts_and_so_does_a_new_teams_first(package: Path) -> None:
    """Beside a model that stands, or in a folder beside its folder."""
    team = package / "marts" / "operations"
    team.mkdir(parents=True)
    model = team / "dim_aircraft.sql"
    model.write_text("select 1")
    os.utime(model, (1_000_000_000, 1_000_000_000))
    sources = taken(model)
    assert sources.changed() == []
    (team / "dim_gates.sql").write_text("select 1")
    assert sources.changed() == [team]
    (package / "marts" / "weather").mkdir()
    assert set(sources.changed()) == {team, package / "marts"}
