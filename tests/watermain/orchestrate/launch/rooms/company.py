"""A company of two rooms whose files a test changes while they are served."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from watermain import durable
from watermain.orchestrate.launch.client import WarmServer
from watermain.orchestrate.launch.options import ServerOptions
from watermain.orchestrate.launch.rooms.place import room_socket
from watermain.settings import child_environment

PATIENCE_SECONDS = 240.0
ROOMS = ("sales", "care")
DOOR = """
from watermain.orchestrate.location import lazy_location
defs = lazy_location("{team}")
"""
CURATED = '''
import ibis, pyarrow as pa
from watermain import {cadence}, Column, Contract, Platform, dataset, raw

CONTRACT = Contract(
    grain="one row per order",
    key=("id",),
    event_time="at",
    columns=(Column("id", pa.string(), "which"), Column("at", pa.timestamp("us", "UTC"), "when")),
)

@dataset("{team}.curated.kept", inputs={{"orders": "{read}"}}, contract=CONTRACT,
         owner="team:{team}", cadence={cadence}())
def kept(orders: ibis.Table) -> ibis.Table:
    """Keep each order."""
    return orders
'''
READS = {"sales": "upkeep.raw.publishes", "care": "sales.curated.kept"}
BROKEN = "def broken(:\n"
T = TypeVar("T")


@dataclass(frozen=True)
class Company:
    """A project in a folder, and the warm process that serves its rooms."""

    root: Path
    server: WarmServer

    @property
    def folder(self) -> Path:
        """The state folder of the warm process."""
        return self.server.options.folder

    def write(self, team: str, text: str = "", *, above: str = "", cadence: str = "Daily") -> None:
        """Save a room's shelf between some text."""
        words = {"team": team, "read": READS[team], "cadence": cadence}
        path = self.root / "rooms" / team / "curated.py"
        durable.replace(path, above + CURATED.format(**words) + text)  # nobody sees half of it

    def add(self, team: str) -> None:
        """Open another room, empty."""
        (self.root / "rooms" / team).mkdir()
        (self.root / "rooms" / team / "definitions.py").write_text(DOOR.format(team=team))
        listed = yaml.safe_load((self.root / "workspace.yaml").read_text())
        told = {"module_name": f"rooms.{team}.definitions", "location_name": team}
        listed["load_from"].append({"python_module": told})
        durable.replace(self.root / "workspace.yaml", yaml.safe_dump(listed))

    def client(self, room: str) -> DagsterGrpcClient:
        """Somebody who speaks to a room as Dagster does."""
        return DagsterGrpcClient(socket=str(room_socket(self.folder, room)))

    def server_id(self, room: str) -> str:
        """What Dagster tells two servers of a room apart by."""
        return str(self.client(room).get_server_id())

    def ids(self) -> dict[str, str]:
        """The servers of all rooms, once they answer."""
        return {room: awaited(lambda room=room: self.server_id(room)) for room in ROOMS}

    def changed(self, room: str, before: Mapping[str, str]) -> None:
        """Wait until another server answers for a room."""

        def other() -> None:
            assert self.server_id(room) != before[room]

        awaited(other)

    def state(self) -> dict[str, object]:
        """What the warm process says of itself."""
        found = self.server.state()
        assert found is not None
        return found


def awaited(ask: Callable[[], T]) -> T:
    """Ask again until somebody answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except (DagsterUserCodeUnreachableError, AssertionError):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextmanager
def company(
    root: Path, patched: Callable[[str, str], None], *, forks: bool = True, **modules: str
) -> Iterator[Company]:
    """Serve a company of two rooms in an empty folder, with other modules, until the block ends."""
    (root / "pyproject.toml").write_text('[tool.watermain]\nrooms = "rooms"\n')
    places = []
    for team in ROOMS:
        (root / "rooms" / team).mkdir(parents=True)
        (root / "rooms" / team / "definitions.py").write_text(DOOR.format(team=team))
        told = {"module_name": f"rooms.{team}.definitions", "location_name": team}
        places.append({"python_module": told})
    for name, module in modules.items():
        places.append({"python_module": {"module_name": module, "location_name": name}})
    (root / "workspace.yaml").write_text(yaml.safe_dump({"load_from": places}))
    patched("WATERMAIN_PROJECT", str(root))
    patched("WATERMAIN_DATA_DIR", str(root / "data"))
    patched(
        "PYTHONPATH",
        os.pathsep.join(filter(None, [str(root), child_environment().get("PYTHONPATH", "")])),
    )
    options = ServerOptions(folder=root / "warm", serve_rooms=True, forks=forks)
    made = Company(
        root, WarmServer(options=options, working_directory=root, patience_seconds=PATIENCE_SECONDS)
    )
    for team in ROOMS:
        made.write(team)
    try:
        made.server.start()
        yield made
    finally:
        made.server.stop(end_runs=True)
