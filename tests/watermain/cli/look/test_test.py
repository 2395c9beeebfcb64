"""`watermain test` finds the tests of a room."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.cli.exits import FAILED, exit_code
from watermain.cli.look import test as command
from watermain.cli.look.test import files_of
from watermain.declare.errors import InvalidProjectError, UnknownDatasetError, WatermainError
from watermain.engine.rooms import doors
from watermain.project import Project
from watermain.settings import project

FILES = {
    "tests/rooms/sales/test_anything.py": "",
    "tests/test_sales.py": "",
    "tests/test_orders.py": "from rooms.sales.curated import orders\n",
    "tests/test_whole.py": "import rooms.sales\n",
    "tests/test_parts.py": "from rooms import billing, sales\n",
    "tests/test_other.py": "from rooms.billing import raw\n",
    "tests/test_alike.py": "from rooms.salesmen import raw\n",
    "tests/test_words.py": '"""Tells of rooms.sales."""\n',
    "elsewhere/test_sales.py": "",
}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    """A project with tests of several rooms."""
    (tmp_path / "pyproject.toml").write_text("[tool.watermain]\n")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Project(root=tmp_path, rooms="rooms")


def found(room: str, shop: Project) -> list[str]:
    return [str(path.relative_to(shop.root)) for path in files_of(room, shop)]


def test_files_of_a_room_lie_in_its_folder_or_import_it(shop: Project) -> None:
    """Neither those of other rooms, nor of rooms whose names begin alike."""
    assert found("sales", shop) == [
        "tests/rooms/sales/test_anything.py",
        "tests/test_orders.py",
        "tests/test_parts.py",
        "tests/test_sales.py",
        "tests/test_whole.py",
    ]
    assert found("billing", shop) == ["tests/test_other.py", "tests/test_parts.py"]
    assert found("shipping", shop) == []


def test_tests_lie_where_the_project_says(shop: Project) -> None:
    """As pytest reads it."""
    (shop.root / "pyproject.toml").write_text(
        '[tool.watermain]\n[tool.pytest.ini_options]\ntestpaths = ["elsewhere", "gone"]\n'
    )
    assert found("sales", shop) == ["elsewhere/test_sales.py"]


def test_this_project_s_rooms_have_tests() -> None:
    """Each room of the demo's company is tested by somebody."""
    for room in ("operations", "weather", "prediction"):
        assert files_of(room, project())


@pytest.mark.parametrize(
    ("room", "kind"), [("nowhere", UnknownDatasetError), ("bare", InvalidProjectError)]
)
def test_room_without_tests_is_told_in_four_lines(
    room: str, kind: type[WatermainError], shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not there, one that nothing tests."""
    (shop.root / "rooms" / "bare").mkdir(parents=True)
    (shop.root / "rooms" / "bare" / "definitions.py").write_text("")
    monkeypatch.setattr(command, "project", lambda: shop)
    monkeypatch.setattr(doors, "project", lambda: shop)
    done = CliRunner().invoke(app, ["test", room])
    assert isinstance(done.exception, kind)
    assert exit_code(done.exception) == 2
    assert len(str(done.exception).splitlines()) == 4


def test_run_ends_as_pytest_does() -> None:
    """Nothing that matches is a failure, too."""
    done = CliRunner().invoke(app, ["test", "weather", "-k", "no_test_is_called_like_this"])
    assert done.exit_code == FAILED
    assert "no test of room weather matches" in done.stderr
