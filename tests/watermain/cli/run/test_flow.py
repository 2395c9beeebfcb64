"""What flows in the rooms, also while one of them does not load."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from watermain.cli.run.flow import files_behind, of_rooms_that_load, processes, tell_broken
from watermain.cli.run.stream import chosen
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.rooms.declared import teams
from watermain.engine.rooms.directory import find
from watermain.process.platform import Services, is_stream
from watermain.project import Project
from watermain.settings import load_settings, project
from watermain.trouble import troubles

LIVE = {
    "operations.raw.flights",
    "operations.raw.airline_contacts",
    "operations.raw.movements",
    "weather.raw.station_telemetry",
}


@pytest.fixture
def odd_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A room of the project that does not load."""
    real = [*teams()]
    for place in ("flow", "stream"):
        monkeypatch.setattr(f"watermain.cli.run.{place}.teams", lambda: [*real, "odd"])
    return "odd"


def test_all_that_is_live_flows_in_the_demo(home: Path) -> None:
    """Movements, flights, contacts and telemetry; no files, no REST; and what follows."""
    names = {str(d.name) for d in chosen([])}
    assert {n for n in names if ".raw." in n} == LIVE
    assert "operations.curated.movements" in names
    assert {n for n in names if n.startswith("prediction.features")}
    weather = [str(d.name) for d in chosen(["weather"])]
    assert weather == ["weather.raw.station_telemetry"]


def test_what_flows_is_what_everybody_else_finds(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its calendar begins with the data, or what looks back would be stale without end."""
    monkeypatch.setenv("WATERMAIN_DATA_SINCE", "2026-10-30")
    flowing = chosen([])
    assert [d.name for d in flowing if d is not find(d.name)] == []
    begins = {d.cadence.since for d in flowing if d.cadence is not None}
    assert begins == {date(2026, 10, 30)}


def test_a_dataset_that_is_named_is_captured_whatever_its_source(home: Path) -> None:
    """Whoever wants a file within seconds says so."""
    (found,) = chosen(["operations.raw.airlines"])
    assert found.source_kind == "files"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("upkeep", "`upkeep` has nothing to capture without end"),
        ("operations.curated.flights", "`operations.curated.flights` has nothing to capture"),
    ],
)
def test_what_does_not_flow_is_refused(home: Path, name: str, said: str) -> None:
    """It names the rooms."""
    with pytest.raises(InvalidDeclarationError, match=said) as told:
        chosen([name])
    assert "operations, prediction" in told.value.next


def test_a_room_that_does_not_load_holds_up_no_other(home: Path, odd_room: str) -> None:
    """It is trouble that status tells, until it loads."""
    told: list[str] = []
    found, broken = of_rooms_that_load(["weather", odd_room])
    assert [str(d.name) for d in found] == ["weather.raw.station_telemetry"]
    assert list(broken) == [odd_room]
    assert {str(d.name) for d in chosen([]) if ".raw." in str(d.name)} == LIVE
    tell_broken(broken, told.append)
    assert "room odd does not load: ModuleNotFoundError" in told[0]
    assert [t.dataset for t in troubles(home)] == [odd_room]
    tell_broken({}, told.append)
    assert troubles(home) == []


def test_every_file_of_a_room_that_does_not_load_may_mend_it() -> None:
    """Of the others those count that were loaded."""
    assert project().rooms_folder / "weather" / "raw.py" in files_behind(["weather"])
    assert [p for p in files_behind([]) if p.suffix] == []


@pytest.mark.parametrize(
    ("stream", "services", "words"),
    [
        ("all", ["stream"], [()]),
        ("rooms", ["stream-operations", "stream-prediction", "stream-weather"],
         [("operations",), ("prediction",), ("weather",)]),
        (("weather", "operations.raw.flights"), ["stream"],
         [("weather", "operations.raw.flights")]),
        ((), [], []),
    ],
)  # fmt: skip
def test_the_project_says_which_processes_stream(
    home: Path,
    stream: str | tuple[str, ...],
    services: list[str],
    words: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All in one, one for each room in which something flows, what is listed, or none."""
    said = Project(root=project().root, stream=stream)
    for place in ("watermain.cli.run.flow", "watermain.process.platform"):
        monkeypatch.setattr(f"{place}.project", lambda: said)
    assert processes() == services
    platform = Services(load_settings())
    commands = [platform.service(name).command for name in services]
    assert [command[command.index("stream") + 1 :] for command in commands] == words
    assert all(map(is_stream, services))
    assert not is_stream("serve")


def test_a_room_that_does_not_load_has_its_process(
    home: Path, odd_room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something may flow in it once it is mended."""
    said = Project(root=project().root, stream="rooms")
    monkeypatch.setattr("watermain.cli.run.flow.project", lambda: said)
    assert "stream-odd" in processes()
