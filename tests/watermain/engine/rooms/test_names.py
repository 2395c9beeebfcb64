"""Names are remembered until a file changes that could change them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from watermain.engine.rooms import names
from watermain.engine.rooms.directory import everything
from watermain.settings import load_settings


def test_names_are_those_of_the_rooms_and_remembered(home: Path) -> None:
    """The second look takes them from the data folder."""
    (home / "run").mkdir(exist_ok=True)
    settings = load_settings()
    assert set(names.dataset_names(settings)) == set(everything())
    path = settings.home / "run" / "names.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "names": ["shop.raw.events"]}))
    assert [*map(str, names.dataset_names(settings))] == ["shop.raw.events"]


@pytest.mark.parametrize("text", ["", "[]", '{"stamp": 1}', '{"stamp": "", "names": ["x"]}'])
def test_memory_that_cannot_be_read_is_made_anew(home: Path, text: str) -> None:
    """As is one of files that have changed since."""
    (home / "run").mkdir(exist_ok=True)
    path = load_settings().home / "run" / "names.json"
    path.write_text(text)
    assert set(names.dataset_names(load_settings())) == set(everything())
    assert json.loads(path.read_text())["stamp"] == names._stamp()


def test_nothing_is_written_where_nothing_stands(home: Path) -> None:
    """Asking makes no data folder."""
    assert names.dataset_names(load_settings())
    assert not (load_settings().home / "run").exists()
