"""The connections of a project are found by the names that they say."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.rooms import connections as module
from watermain.engine.rooms.connections import connections, found_in, notifying_anew
from watermain.project import Project

HEAD = "from watermain import FilesConnection, KafkaConnection\n"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write a module of connections that can be imported by the name that is given back."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = iter(range(9))

    def write(text: str) -> str:
        name = f"company_{tmp_path.name}_{next(names)}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_connections_of_the_demo_are_those_that_its_rooms_name() -> None:
    """Each of the five outside systems."""
    kinds = {name: word.kind for name, word in connections().items()}
    assert kinds == {
        "operations_db": "postgres",
        "partner_drop": "files",
        "movement_bus": "kafka",
        "field_stations": "mqtt",
        "weather": "rest",
    }
    assert connections()["weather"].declared.startswith("resources/connections.py:")


def test_connection_is_found_by_its_name_whatever_its_variable(
    written: Callable[[str], str],
) -> None:
    """An alias is the same connection."""
    module = written(HEAD + 'drop = FilesConnection("partner_drop")\nalias = drop\n')
    assert list(found_in(module)) == ["partner_drop"]


def test_two_connections_of_one_name_are_refused(written: Callable[[str], str]) -> None:
    """Both places are told."""
    module = written(HEAD + 'a = FilesConnection("bus")\nb = KafkaConnection("bus")\n')
    with pytest.raises(InvalidDeclarationError, match="two connections have the name") as raised:
        found_in(module)
    assert f"{module}.py:3" in raised.value.declared
    assert f"{module}.py:2" in raised.value.declared


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of"),
        ("x = (\n", "SyntaxError"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
    ],
)
def test_file_that_cannot_be_imported_is_refused_in_four_lines(
    written: Callable[[str], str], text: str, says: str
) -> None:
    """What it raised is told, with what shows where."""
    module = written(text)
    with pytest.raises(InvalidDeclarationError, match=says) as raised:
        found_in(module)
    assert raised.value.next == f"mend it; python -c 'import {module}' tells where"


def test_wrong_connection_says_so_itself(written: Callable[[str], str]) -> None:
    """Its own four lines go through."""
    module = written(HEAD + 'a = FilesConnection("bus", address="ftp://host")\n')
    with pytest.raises(InvalidDeclarationError, match="its address is no folder and no bucket"):
        found_in(module)


def test_project_without_connections_has_none() -> None:
    """Then the variables alone say where the systems are."""
    assert found_in("company_that_is_not_there") == {}


def test_notifiers_are_read_again_when_their_file_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From none to one, to a torn file, to another."""
    monkeypatch.setattr(module, "project", lambda: Project(root=tmp_path, resources="told_anew"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert notifying_anew() == {}
    (tmp_path / "told_anew").mkdir()
    file = tmp_path / "told_anew" / "notifiers.py"
    text = "from watermain import NotifierConnection\n{0} = NotifierConnection({0!r}, address='json://h')"
    file.write_text(text.format("pager"))
    assert list(notifying_anew()) == ["pager"]
    assert notifying_anew() is notifying_anew()
    file.write_text("raise ValueError('torn file')")
    with pytest.raises(InvalidDeclarationError, match="cannot be imported: ValueError"):
        notifying_anew()
    file.write_text(text.format("other_pager"))
    assert list(notifying_anew()) == ["other_pager"]
    file.unlink()
    assert notifying_anew() == {}
