"""What a room last declared is kept as data, read back without its code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lakes import use
from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenRoomError
from watermain.engine.rooms.declared import on_shelf, teams
from watermain.engine.rooms.last_good import FOLDER, remember, remembered

SHELVES = ("raw", "curated", "features")
WHY = BrokenRoomError.nothing_happened("room x does not load", declared="x.py:1", next="mend it")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder without a lake."""
    use(monkeypatch, tmp_path, "host=/nowhere")
    return tmp_path


def shelves(team: str) -> list[Dataset]:
    """What a room of the demo declares in Python."""
    return [d for shelf in SHELVES for d in on_shelf(team, shelf, Dataset)]


@pytest.mark.parametrize("team", teams())
def test_declarations_are_read_back_as_they_were_but_for_code(team: str, folder: Path) -> None:
    """Contract, cadence, promise, inputs, look-backs, features, kind of source; none can be run."""
    declared = shelves(team)
    remember(team, declared)
    found = {d.name: d for d in remembered(team, WHY)}
    assert list(found) == [d.name for d in declared]
    for was in declared:
        now = found[was.name]
        for word in ("contract", "cadence", "slo", "inputs", "owner", "feature", "declared"):
            assert getattr(now, word) == getattr(was, word), f"{was.name} {word}"
        assert {c.label for c in now.checks} == {c.label for c in was.checks}
        assert [now.looks_back(n) for n in now.upstream] == [
            now.looks_back(n) for n in was.upstream
        ]
        assert now.references == was.references
        assert [now.refresh(n) for n in now.inputs.values()] == [
            was.refresh(n) for n in was.inputs.values()
        ]
        assert (now.schedule, now.is_live) == (was.schedule, was.is_live)
        for word in ("every", "closes_after"):
            assert getattr(now.cadence, word, None) == getattr(was.cadence, word, None)
        assert (now.is_captured, now.is_platforms) == (was.is_captured, was.is_platforms)
        assert (now.source_kind, now.origin.own) == (was.source_kind, was.origin.own)
        assert now.broken == str(WHY)
        with pytest.raises(BrokenRoomError, match="does not load"):
            now.refuse_broken()


def test_what_is_known_already_is_not_written_again(folder: Path) -> None:
    """Whoever reads the room is told of what changed alone: a change of code is none."""
    curated = on_shelf("operations", "curated", Dataset)
    assert remember("operations", curated)
    assert not remember("operations", curated)
    moved = replace(curated[0], declared="elsewhere.py:7", description="Said otherwise.")
    assert not remember("operations", [moved, *curated[1:]])
    known = {d.name: d for d in remembered("operations", WHY)}
    assert known[moved.name].declared == "elsewhere.py:7"
    assert remember("operations", curated[1:])


def test_file_that_cannot_be_read_is_as_if_it_were_not_there(folder: Path) -> None:
    """Whether it is torn, of another release, or not there; one bad entry takes no other along."""
    assert remembered("operations", WHY) == ()
    curated = on_shelf("operations", "curated", Dataset)
    remember("operations", curated)
    path = folder / FOLDER / "operations.json"
    told = json.loads(path.read_text())
    del told["datasets"][0]["promise"]["schema"]
    path.write_text(json.dumps(told))
    assert [d.name for d in remembered("operations", WHY)] == [d.name for d in curated[1:]]
    path.write_text(json.dumps({**told, "format": 0}))
    assert remembered("operations", WHY) == ()
    path.write_text(path.read_text()[:50])
    assert remembered("operations", WHY) == ()
