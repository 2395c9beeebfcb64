"""The whole platform brought up, wounded, brought up again, taken down."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[4]
Facts = dict[str, dict[str, Any]]


class Place:
    """A data folder with the command that runs a platform in it."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.folder = folder

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WATERMAIN_")}
        return subprocess.run(
            [sys.executable, "-m", "watermain", *words],
            cwd=ROOT,
            env={**kept, "WATERMAIN_DATA_DIR": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    def up(self, *words: str) -> str:
        """Bring it up, without the demo unless told otherwise; give what was told."""
        done = self.run("up", "--detach", "--port", str(self.port), *(words or ("--no-demo",)))
        assert done.returncode == 0, done.stderr
        return done.stderr

    def services(self) -> Facts:
        """What `status` tells of each service."""
        told = json.loads(self.run("status", "--json").stdout)
        return {service["name"]: service for service in told["services"]}

    def rows(self) -> dict[str, int]:
        """How many rows each dataset has."""
        told = json.loads(self.run("status", "--json").stdout)
        return {d["dataset"]: d["rows"] or 0 for d in told["datasets"]}

    def movements_of_today(self) -> int:
        """How many movements came live; the bus tells the last six hours first, even at night."""
        query = "select count(*) n from operations.raw.movements where happened_at > '2014-01-01'"
        told: list[dict[str, int]] = json.loads(self.run("sql", query, "--format", "json").stdout)
        return told[0]["n"]

    def processes(self) -> list[psutil.Process]:
        """Every process that works in the folder."""
        mark = f"{self.folder}:"
        return [p for p in psutil.process_iter() if _mark(p).startswith(mark)]


def _mark(process: psutil.Process) -> str:
    try:
        return process.environ().get("SUPERVISED_BY_WATERMAIN", "")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def until(true: Callable[[], bool]) -> bool:
    """Wait up to five minutes: by day in New York a living demo keeps more than two cores busy."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.5)
    return False


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A platform without the demo, taken down whatever happens."""
    place = Place(tmp_path_factory.mktemp("place"))
    try:
        place.up()
        yield place
    finally:
        place.run("down")


def runs(services: Facts, names: Sequence[str]) -> bool:
    """Say whether all of them run."""
    return all(services[name]["state"] == "runs" for name in names)


def test_up_serves_dagster_with_every_room(place: Place) -> None:
    """The web server answers, the rooms are loaded, the command ends with 0."""
    assert runs(place.services(), ("postgres", "web", "daemon", "tend"))
    query = {"query": "{workspaceOrError{... on Workspace{locationEntries{name loadStatus}}}}"}
    url = f"http://127.0.0.1:{place.port}/graphql"
    found = httpx.post(url, json=query, timeout=60).json()["data"]["workspaceOrError"]
    loaded = {e["name"]: e["loadStatus"] for e in found["locationEntries"]}
    assert loaded == dict.fromkeys(("operations", "prediction", "upkeep", "weather"), "LOADED")


def test_no_process_speaks_to_another_machine(place: Place) -> None:
    """Every socket of every process is on this machine, listening on loopback only."""
    seen = 0
    for process in place.processes():
        for link in process.net_connections(kind="inet"):
            assert link.laddr.ip in ("127.0.0.1", "::1"), (process.cmdline(), link)
            assert not link.raddr or link.raddr.ip in ("127.0.0.1", "::1"), link
            seen += 1
    assert seen


def test_service_that_was_killed_is_started_again(place: Place) -> None:
    """The detached platform looks after itself."""
    before = place.services()["web"]["pid"]
    os.kill(before, signal.SIGKILL)
    assert until(lambda: place.services()["web"].get("pid") not in (None, before))


def test_second_up_finds_the_first_one(place: Place) -> None:
    """Nothing is started twice."""
    before = {name: s["pid"] for name, s in place.services().items()}
    assert "already runs" in place.up()
    assert {name: s["pid"] for name, s in place.services().items()} == before


def test_up_heals_what_a_killed_one_left_behind(place: Place) -> None:
    """Half dead: PostgreSQL gone, the keeper gone, the web server alive."""
    services = place.services()
    for name in ("tend", "daemon", "postgres"):
        os.kill(services[name]["pid"], signal.SIGKILL)
    told = place.up()
    assert "an earlier run: daemon" in told
    assert "an earlier run: PostgreSQL had died" in told
    assert runs(place.services(), ("postgres", "web", "daemon", "tend"))


def test_down_stops_everything_that_up_started(place: Place) -> None:
    """No process of the folder is left, the port is free, the data stay."""
    assert place.run("down").returncode == 0
    assert place.processes() == []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", place.port))
    assert (place.folder / "postgres").exists()
    assert place.run("status").returncode == 3


LOADED = (
    "operations.raw.flights",
    "operations.raw.airports",
    "operations.raw.movements",
    "weather.raw.observations",
    "operations.marts.fct_taxi_times",
    "weather.curated.airport_conditions",
)
OUTSIDE = ("bus", "field", "weather", "live", "movements", "stations")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A platform with the demo's whole outside world, one day loaded."""
    place = Place(tmp_path_factory.mktemp("company"))
    try:
        place.up("--until", "2013-01-01")
        yield place
    finally:
        place.run("down")


def test_all_five_outside_systems_flow(company: Place) -> None:
    """The day is loaded from database, files, bus, weather service; then today flows live."""
    assert runs(company.services(), ("demo database", *OUTSIDE))
    loaded = company.rows()
    assert all(loaded[name] > 0 for name in LOADED), loaded
    assert until(lambda: company.rows()["weather.raw.station_telemetry"] > 0)
    assert until(lambda: company.movements_of_today() > 0)


def test_outside_system_that_dies_comes_back_where_it_was(company: Place) -> None:
    """Its port, its address stay; the field stations' numbers go on."""
    written = (company.folder / "watermain.env").read_text()
    before = company.services()
    for name in ("field", "weather"):
        os.kill(before[name]["pid"], signal.SIGKILL)
    assert until(
        lambda: all(
            company.services()[name].get("pid") not in (None, before[name]["pid"])
            for name in ("field", "weather")
        )
    )
    assert (company.folder / "watermain.env").read_text() == written
    rows = company.rows()["weather.raw.station_telemetry"]
    assert until(lambda: company.rows()["weather.raw.station_telemetry"] > rows)


def test_down_stops_the_outside_world_too(company: Place) -> None:
    """No process of the folder is left."""
    assert company.run("down").returncode == 0
    assert company.processes() == []
