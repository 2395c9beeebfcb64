"""What the command tells of a service whose processes come or go."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.cli.platform.status import down, server_fact, service_facts
from watermain.declare.errors import UnreachableSystemError
from watermain.lake.lake import Lake
from watermain.process import family
from watermain.process.family import Families, memory_measure
from watermain.process.platform import Services
from watermain.settings import load_settings

WAITER = [sys.executable, "-c", "input()"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that waits for a line."""
    with subprocess.Popen(WAITER, stdin=subprocess.PIPE) as process:
        yield process
        if process.poll() is None:
            process.communicate(b"\n")


def test_family_is_the_process_with_all_that_it_started(child: subprocess.Popen[bytes]) -> None:
    """What a server has in memory is more than its first process has."""
    look = Families()
    assert child.pid in look.of(os.getpid())
    assert look.of(child.pid) == [child.pid]
    assert os.getpid() in look.of(os.getppid())
    alone = Families(apart=[child.pid])
    assert child.pid not in alone.of(os.getpid())
    assert look.memory_bytes(os.getpid()) >= alone.memory_bytes(os.getpid()) + 1_000_000


def test_family_is_the_same_where_the_kernel_has_no_files(
    child: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There psutil is asked who started whom."""
    monkeypatch.setattr(family, "PROC", tmp_path)
    assert child.pid in Families().of(os.getpid())
    assert os.getpid() in Families().of(os.getppid())


def test_memory_that_is_shared_counts_once(child: subprocess.Popen[bytes]) -> None:
    """Where the kernel tells each process's share; elsewhere whole, and the column says so."""
    whole = psutil.Process().memory_info().rss
    told = Families(apart=[child.pid]).memory_bytes(os.getpid())
    assert 0 < told < whole if memory_measure() == "PSS" else told >= whole


def test_server_runs_though_a_connection_of_its_own_ends(child: subprocess.Popen[bytes]) -> None:
    """PostgreSQL has a process for each connection, which may end between two looks."""
    look = Families()
    child.communicate(b"\n")
    assert child.pid in look.of(os.getpid())
    told = server_fact("postgres", os.getpid(), look, needed=True)
    assert told["state"] == "runs"
    assert told["memory_bytes"] > 0


def test_server_that_is_gone_is_stopped(child: subprocess.Popen[bytes]) -> None:
    """Its number still stands in the table that was read a moment before."""
    child.communicate(b"\n")
    told = server_fact("postgres", child.pid, Families(), needed=True)
    assert (told["state"], told["pid"]) == ("stopped", None)


def test_what_up_was_to_start_should_run_until_down(lake: Lake) -> None:
    """Though the process table knows nothing of it: a service that was given up, or never began."""
    platform = Services(load_settings())
    assert down(service_facts(platform)) == ["web", "daemon"]
    platform.wanted.want(["web", "daemon", "live", "stream"])
    platform.wanted.come()
    found = {s["name"]: (s["state"], s["needed"]) for s in service_facts(platform)}
    assert found["live"] == found["stream"] == ("stopped", True)
    assert found["warm"] == ("stopped", False)
    done = CliRunner().invoke(app, ["status"])
    assert done.exit_code == 3
    assert "not running: daemon, live, stream, web; next: watermain up" in done.output
    platform.stop()
    assert [s["name"] for s in service_facts(platform)] == ["web", "daemon", "warm"]


def test_what_up_has_not_come_to_yet_is_starting(lake: Lake) -> None:
    """It is missing neither to the table nor to the exit code, until that command is done."""
    platform = Services(load_settings())
    platform.wanted.want(["web", "daemon", "observe"])
    found = {s["name"]: s["state"] for s in service_facts(platform)}
    coming = dict.fromkeys(("web", "daemon", "observe"), "starting")
    assert found == {**coming, "warm": "stopped"}
    done = CliRunner().invoke(app, ["status"])
    assert done.exit_code == 0, done.output
    assert "starting: daemon, observe, web; `watermain up` is at work" in done.output
    assert "not running" not in done.output
    platform.wanted.come()
    assert down(service_facts(platform)) == ["web", "daemon", "observe"]
    platform.stop()


DOOR = '''"""A door."""

from watermain.orchestrate.location import lazy_location

defs = lazy_location("{room}")
'''


def test_room_that_does_not_load_is_told_each_time(
    lake: Lake, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """While no platform runs the room is loaded anew for it: of its trouble nothing is kept."""
    root = tmp_path_factory.mktemp("project")
    (root / "pyproject.toml").write_text('[tool.watermain]\nrooms = "rooms"\n')
    for room in ("sound", "odd"):
        (root / "rooms" / room).mkdir(parents=True)
        (root / "rooms" / room / "definitions.py").write_text(DOOR.format(room=room))
    (load_settings().home / "run").mkdir(exist_ok=True)
    odd = root / "rooms" / "odd" / "curated.py"
    odd.write_text("def broken(:\n")
    for _ in range(2):
        assert rooms_told(root) == ["odd"]
    odd.write_text("")
    assert rooms_told(root) == []
    assert (load_settings().home / "run" / "names.json").exists()


def rooms_told(root: Path) -> list[str]:
    """The rooms that the command says do not load."""
    asked = [sys.executable, "-m", "watermain", "--project", str(root), "status"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stderr
    assert "not running: daemon, web; next: watermain up" in told
    return re.findall(r"BrokenRoomError: room (\w+) does not load: SyntaxError: invalid", told)


def test_observing_is_a_service_like_others(lake: Lake) -> None:
    """It stands in the table once it is wanted, and its absence is told."""
    platform = Services(load_settings())
    platform.wanted.want(["observe"])
    platform.wanted.come()
    facts = {s["name"]: s for s in service_facts(platform)}
    assert (facts["observe"]["state"], facts["observe"]["needed"]) == ("stopped", True)
    assert facts["observe"]["log"].endswith("/logs/observe.log")
    done = CliRunner().invoke(app, ["status"])
    assert any(line.split()[:2] == ["observe", "stopped"] for line in done.output.splitlines())
    assert "not running: daemon, observe, web; next: watermain up" in done.output
    platform.stop()
    assert "observe" not in {s["name"] for s in service_facts(platform)}


def test_status_of_an_empty_catalog_says_what_to_do(home: Path) -> None:
    """Nobody has brought the lake up: no ledger, no traceback."""
    done = CliRunner().invoke(app, ["status"])
    assert isinstance(done.exception, UnreachableSystemError)
    assert done.exception.what == "the lake is empty: nobody has brought it up"
    assert done.exception.next == "watermain up"
    assert "not running: daemon, web; next: watermain up" in done.output


def test_telling_the_status_imports_nothing_that_it_does_not_need() -> None:
    """It is asked often, beside a platform that is busy: half of its time was imports."""
    heavy = ("pyarrow", "numpy", "pandas", "ibis", "dagster", "croniter")
    asked = "import sys, watermain.cli.platform.status, watermain.cli.look.facts;"
    asked += f" print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_sources_are_asked_on_demand(lake: Lake) -> None:
    """What waits costs a client of each source."""
    without = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["datasets"]
    assert {d["backlog"] for d in without} == {None}
    asked = json.loads(
        CliRunner().invoke(app, ["status", "--json", "--sources"], catch_exceptions=False).stdout
    )
    waits = {d["dataset"]: d["backlog"] for d in asked["datasets"]}
    assert waits["operations.curated.flights"] == ""
    said = "no address for the source connection `operations_db`"
    assert waits["operations.raw.flights"] == said
