"""What rooms told, read without loading them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lakes import use
from tests.watermain.console.seeded import SeededPlatform, declared
from tests.watermain.engine.promise.promises import june
from watermain.console import rooms
from watermain.console.rooms import ToldRooms, doors, told
from watermain.declare.name import DatasetName
from watermain.engine.rooms import last_good
from watermain.engine.rooms.declared import teams

FEES = "operations.curated.fees"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which one room has told what it declares."""
    use(monkeypatch, tmp_path, "host=/nowhere")
    SeededPlatform(tmp_path, "", june(20)).rooms()
    return tmp_path


def test_files_are_those_that_rooms_write() -> None:
    """The console names them itself, since who writes them brings the types of the lake along."""
    assert (rooms.FOLDER, rooms.FORMAT) == (last_good.FOLDER, last_good.FORMAT)
    assert doors() == teams()


def test_datasets_are_told_as_they_were_declared(folder: Path) -> None:
    """Name, owner, grain, promise, inputs, columns, checks."""
    found = told(folder).datasets
    assert set(found) == set(declared())
    for name, dataset in declared().items():
        one = found[name]
        assert one.name == dataset.name
        assert (one.owner, one.grain) == (dataset.owner, dataset.contract.grain)
        assert one.inputs == tuple(dataset.inputs.values())
        assert (one.promised.slo if one.promised else None) == dataset.slo
        assert [c.name for c in one.columns] == [c.name for c in dataset.contract.columns]
        assert {c.name for c in one.checks} == {c.label for c in dataset.checks}
    assert [c.name for c in found[FEES].columns if c.is_key] == ["fee_id"]
    assert [(c.name, c.blocks) for c in found[FEES].checks] == [("between_amount", True)]


def test_order_is_that_in_which_data_flow(folder: Path) -> None:
    """Raw, curated, marts."""
    stages = [each.name.stage for each in told(folder).datasets.values()]
    assert stages == ["raw", "curated", "curated", "curated", "marts"]


def test_readers_are_found(folder: Path) -> None:
    """Of the source three datasets, of a mart none."""
    found = told(folder)
    read = found.readers(DatasetName.parse("operations.raw.fees"))
    assert sorted(name.table for name in read) == ["broken_fees", "fees", "late_fees"]
    assert found.readers(DatasetName.parse("operations.marts.fct_fees")) == []


def test_nothing_is_read_again_until_a_file_changes(folder: Path) -> None:
    """The same value while the files are the same; another one after a room told anew."""
    before = told(folder)
    assert told(folder) is before
    last_good.remember("operations", [declared()[FEES]])
    assert set(told(folder).datasets) == {FEES}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "it has never loaded here"),
        ("", "what it told last cannot be read"),
        ('{"format": 2, "datasets": []}', "what it told last cannot be read"),
        ('{"format": 1, "datasets": [{"name": "x"}]}', "what it told last cannot be read"),
        ('{"format": 1, "datasets": 3}', "what it told last cannot be read"),
    ],
)
def test_room_that_tells_nothing_is_silent(folder: Path, text: str | None, why: str) -> None:
    """It is named with the reason, and the others are read."""
    path = folder / rooms.FOLDER / "weather.json"
    if text is not None:
        path.write_text(text)
    found = told(folder)
    assert found.silent["weather"] == why
    assert FEES in found.datasets


def test_room_that_the_project_has_no_more_tells_nothing(folder: Path) -> None:
    """Its file stays in the data folder and counts for nothing."""
    (folder / rooms.FOLDER / "gone.json").write_text('{"format": 1, "datasets": []}')
    assert "gone" not in told(folder).silent


def test_promise_in_unknown_words_is_known_to_be_one(folder: Path) -> None:
    """It is not taken for a dataset that promises nothing."""
    path = folder / rooms.FOLDER / "operations.json"
    said = json.loads(path.read_text())
    for facts in said["datasets"]:
        if facts["name"] == FEES:
            facts["promised"]["slo"] = {"someWord": 1}
    path.with_suffix(".new").write_text(json.dumps(said))
    path.with_suffix(".new").replace(path)
    one = told(folder).datasets[FEES]
    assert (one.promised, one.is_unread) == (None, True)


def test_nothing_is_known_of_an_empty_folder(tmp_path: Path) -> None:
    """Every room is silent."""
    assert told(tmp_path) == ToldRooms({}, dict.fromkeys(doors(), "it has never loaded here"))
