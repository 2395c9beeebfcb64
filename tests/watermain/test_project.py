"""Projects found upwards, read strictly."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from watermain.declare.errors import InvalidProjectError
from watermain.project import Project, find

TABLE = "[tool.watermain]\n"


def made(folder: Path, text: str = TABLE) -> Path:
    """A folder with that pyproject.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_project_is_found_from_below(tmp_path: Path) -> None:
    """The nearest folder with the table counts; a pyproject.toml without it does not."""
    outer = made(tmp_path / "outer")
    made(outer / "inner", "[project]\nname = 'x'\n")
    deep = outer / "inner" / "deep"
    deep.mkdir()
    assert find(deep) == Project(root=outer)
    nearer = made(deep / "own", TABLE + "rooms = 'teams'\nstream = ['a.raw.b']\n")
    found = find(nearer)
    assert (found.root, found.rooms, found.stream) == (nearer, "teams", ("a.raw.b",))
    assert found.rooms_folder == nearer / "teams"


def test_no_project_is_said_in_four_lines(tmp_path: Path) -> None:
    """The place is named, and what to do."""
    with pytest.raises(InvalidProjectError, match=r"no project in .* or above it") as told:
        find(tmp_path)
    assert "watermain init" in told.value.next


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE + "room = 'x'\n", "`room` is no setting of a project"),
        (TABLE + "rooms = 3\n", "`rooms` is 3"),
        (TABLE + "stream = 'x'\n", "`stream` is 'x'"),
        (TABLE + "stream = true\n", "`stream` is True"),
        (TABLE + "stream = [1]\n", "give `stream` a list of texts, or one of `all`, `rooms`"),
        (TABLE + "rooms = 'my-rooms'\n", "which is the name of no package"),
        (TABLE + "rooms = ''\n", "which is the name of no package"),
        (TABLE + "repository = 'acme/data'\n", "`repository` is 'acme/data', which is no address"),
        (TABLE + "dbt = 'marts'\n", "`dbt` is 'marts', and there is no such folder"),
        ("[tool]\nwatermain = 1\n", "`tool.watermain` is no table"),
        ("[tool.watermain\n", "it is no TOML"),
    ],
)
def test_what_cannot_be_honoured_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Nothing is passed over in silence."""
    with pytest.raises(InvalidProjectError) as told:
        find(made(tmp_path, text))
    assert said in str(told.value)
    assert str(tmp_path / "pyproject.toml") in told.value.declared


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", "all"),
        ("stream = 'all'\n", "all"),
        ("stream = 'rooms'\n", "rooms"),
        ("stream = []\n", ()),
        ("stream = ['a', 'b.raw.c']\n", ("a", "b.raw.c")),
    ],
)
def test_what_streams_take_is_said_or_is_all(
    tmp_path: Path, text: str, meant: str | tuple[str, ...]
) -> None:
    """Nothing said means everything that is live; an empty list means nothing."""
    assert find(made(tmp_path, TABLE + text)).stream == meant


def test_packages_of_a_project_can_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project's folder comes first, once."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    here = find(made(tmp_path))
    here.importable()
    here.importable()
    assert sys.path[0] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1
