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

from tests.ports import free_port
from watermain.declare import DatasetName
from watermain.lake.lake import Lake, table
from watermain.orchestrate.tags import RANGE_END, RANGE_START, REBUILD
from watermain.process.supervisor import Supervisor
from watermain.process.web import Web
from watermain.process.worker_record import WorkerRecord, WorkerRecords

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROOT = Path(__file__).parents[4]
Facts = dict[str, dict[str, Any]]


class Place:
    """A data folder with the command that runs a platform in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.serve_port = folder, free_port(), free_port()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WATERMAIN_")}
        own = {
            "WATERMAIN_DATA_DIR": str(self.folder),
            "WATERMAIN_SERVE_PORT": str(self.serve_port),
        }
        return subprocess.run(
            [sys.executable, "-m", "watermain", *words],
            cwd=ROOT,
            env={**kept, **own},
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

    def pid(self, name: str) -> int | None:
        """The process of a service while it runs."""
        entry = Supervisor(self.folder).alive(name)
        return entry.pid if entry else None

    def count(self, dataset: str, where: str = "true") -> int:
        """How many rows of a dataset, which stands, a reader sees without a process of its own."""
        name = DatasetName.parse(dataset)
        with pytest.MonkeyPatch.context() as patch:
            for variable in [v for v in os.environ if v.startswith("WATERMAIN_")]:
                patch.delenv(variable)
            patch.setenv("WATERMAIN_DATA_DIR", str(self.folder))
            with Lake.from_settings().get_connection() as connection:
                query = f"select count(*) from {table(name)} where {where}"
                return int(connection.execute(query).fetchall()[0][0])

    def processes(self) -> list[psutil.Process]:
        """Every process that works in the folder."""
        mark = f"{self.folder}:"
        return [p for p in psutil.process_iter() if _mark(p).startswith(mark)]


def _mark(process: psutil.Process) -> str:
    try:
        return process.environ().get("SUPERVISED_BY_WATERMAIN", "").rstrip()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def until(true: Callable[[], object], pause: float = 0.5) -> bool:
    """Wait up to five minutes: by day in New York a living demo keeps more than two cores busy."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(pause)
    return False


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A platform, at first without the demo, taken down whatever happens."""
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
        for link in _links(process):
            assert link.laddr.ip in ("127.0.0.1", "::1"), (process.cmdline(), link)
            assert not link.raddr or link.raddr.ip in ("127.0.0.1", "::1"), link
            seen += 1
    assert seen


def _links(process: psutil.Process) -> list[Any]:
    """The sockets of a process; one that has just ended has none, and hides its files."""
    try:
        return list(process.net_connections(kind="inet"))
    except psutil.NoSuchProcess:
        return []
    except psutil.AccessDenied:
        assert until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
        return []


def test_service_that_was_killed_is_started_again(place: Place) -> None:
    """The detached platform looks after itself."""
    before = place.services()["web"]["pid"]
    os.kill(before, signal.SIGKILL)
    assert until(lambda: place.pid("web") not in (None, before))


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


MOVEMENTS, TELEMETRY = "operations.raw.movements", "weather.raw.station_telemetry"
LOADED = (
    "operations.raw.flights",
    "operations.raw.airports",
    MOVEMENTS,
    "weather.raw.observations",
    "operations.marts.fct_taxi_times",
    "weather.curated.airport_conditions",
)
OUTSIDE = ("bus", "field", "weather", "live", "movements", "stations")


@pytest.fixture(scope="module")
def company(place: Place) -> Place:
    """The platform once the demo's whole outside world was added to it, one day loaded."""
    place.up("--as-recorded", "--until", "2013-01-01")
    return place


def test_all_five_outside_systems_flow(company: Place) -> None:
    """The day is loaded from database, files, bus, weather service; then today flows live."""
    assert runs(company.services(), ("demo database", *OUTSIDE))
    loaded = company.rows()
    assert all(loaded[name] > 0 for name in LOADED), loaded
    assert company.count("operations.raw.flights", "_op = 'r'") == 0  # each change was heard
    assert until(lambda: company.rows()[TELEMETRY] > 0)
    # The bus tells the last six hours first, even at night.
    assert until(lambda: company.count(MOVEMENTS, "happened_at > '2014-01-01'") > 0)


def test_second_up_stops_nothing_and_ends_no_run(company: Place) -> None:
    """A run whose warm process was killed under it goes on, beside services that never stopped."""
    before, web = company.services(), Web(f"http://127.0.0.1:{company.port}")
    records = WorkerRecords(company.folder / "dagster" / "warm")
    span = {RANGE_START: "2013-01-01", RANGE_END: "2013-01-01", REBUILD: "true"}
    run_id = web.launch([DatasetName.parse("operations.curated.flights")], span)
    assert until(lambda: records.get(run_id), pause=0.005)
    worker: WorkerRecord = records.get(run_id)  # type: ignore[assignment]
    assert worker.process.send(signal.SIGSTOP)
    os.kill(before["warm"]["pid"], signal.SIGKILL)
    assert "already runs" in company.up("--as-recorded", "--until", "2013-01-01")
    assert worker.process.send(signal.SIGCONT)
    assert until(lambda: web.progress(run_id)[0] == "SUCCESS")
    after = company.services()
    assert {n: s["pid"] for n, s in after.items() if n != "warm"} == {
        n: s["pid"] for n, s in before.items() if n != "warm"
    }
    assert after["warm"]["pid"] not in (None, before["warm"]["pid"])


def test_status_and_doctor_name_what_should_run_and_does_not(company: Place) -> None:
    """As soon as nobody looks after it; a repeated up starts it again, and that alone."""
    before = company.services()
    os.kill(before["tend"]["pid"], signal.SIGKILL)
    os.kill(before["stations"]["pid"], signal.SIGKILL)
    assert until(lambda: company.pid("stations") is None)
    told = company.run("status")
    assert told.returncode == 3
    assert "not running: stations, tend; next: watermain up" in told.stderr
    assert company.services()["stations"]["state"] == "stopped"
    examined = json.loads(company.run("doctor", "--json").stdout)
    services = next(fact for fact in examined if fact["check"] == "services")
    assert (services["ok"], services["next"]) == (False, "watermain up")
    assert services["found"] == "not running: stations, tend"
    company.up("--as-recorded", "--until", "2013-01-01")
    after = company.services()
    assert runs(after, ("stations", "tend"))
    assert {n for n, s in after.items() if s["pid"] != before[n]["pid"]} == {"stations", "tend"}


def test_outside_system_that_dies_comes_back_where_it_was(company: Place) -> None:
    """Its port, its address stay; the field stations' numbers go on."""
    written = (company.folder / "watermain.env").read_text()
    before = company.services()
    for name in ("field", "weather"):
        os.kill(before[name]["pid"], signal.SIGKILL)
    assert until(
        lambda: all(
            company.pid(name) not in (None, before[name]["pid"]) for name in ("field", "weather")
        )
    )
    assert (company.folder / "watermain.env").read_text() == written
    rows = company.count(TELEMETRY)
    assert until(lambda: company.count(TELEMETRY) > rows)


def test_down_stops_everything_that_up_started(company: Place) -> None:
    """No process is left, of the outside world neither, the port is free, the data stay."""
    assert company.run("down").returncode == 0
    assert company.processes() == []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", company.port))
    assert (company.folder / "postgres").exists()
    assert company.run("status").returncode == 3
