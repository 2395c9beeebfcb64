"""The code servers of the rooms, forked from the warm process, which has imported them already.

Dagster's web server and its daemon would each start a process for each room, every one of which
imports everything anew. Both speak to these instead: the workspace file in the state folder names
a socket for each room. A room that does not load answers with the reason, and the others serve on.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import NoReturn

import yaml

from watermain import durable
from watermain.settings import project

LOOK_SECONDS = 1.0
SOCKET_ROOT = Path("/tmp")  # never TMPDIR: every process must derive the same short address
AGAIN_SECONDS = 5.0  # between two starts of a server that keeps dying
END_SECONDS = 2.0
HEAD = "# Written by the warm process: Dagster's way to the code servers of the rooms.\n"


class RoomServers:
    """Keep one code server for each room; each is a child of this process."""

    def __init__(self, folder: Path, rooms: Mapping[str, str]) -> None:
        self._folder, self._rooms = folder, dict(rooms)
        self._pids: dict[int, str] = {}
        self._due = dict.fromkeys(rooms, float("-inf"))
        if rooms:
            self._write_workspace()

    def __bool__(self) -> bool:
        return bool(self._rooms)

    def ready(self) -> dict[str, bool]:
        """Whether the server of each room can be spoken to."""
        return {room: room_socket(self._folder, room).exists() for room in self._rooms}

    def ended(self, pid: int) -> None:
        """Learn of a child's end."""
        self._pids.pop(pid, None)

    def start_due(self, start: Callable[..., int]) -> tuple[str, str] | None:
        """Start a server for each room without one; in a fork, give the room and its module."""
        for room, module in self._rooms.items():
            if room in self._pids.values() or time.monotonic() < self._due[room]:
                continue
            self._due[room] = time.monotonic() + AGAIN_SECONDS
            room_socket(self._folder, room).unlink(missing_ok=True)
            pid = start("room", room, module, str(os.getpid()))
            if pid == 0:
                return room, module
            self._pids[pid] = room
        return None

    def stop(self) -> None:
        """End every server, for the code that it serves is about to be loaded anew."""
        for number, patience in ((SIGTERM, END_SECONDS), (SIGKILL, END_SECONDS)):
            for pid in self._pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + patience
            while self._pids and time.monotonic() < deadline:
                for pid in [p for p in self._pids if os.waitpid(p, os.WNOHANG)[0] == p]:
                    self.ended(pid)
                time.sleep(0.01)

    def _write_workspace(self) -> None:
        servers = [
            {"grpc_server": {"socket": str(room_socket(self._folder, r)), "location_name": r}}
            for r in self._rooms
        ]
        text = HEAD + yaml.safe_dump({"load_from": servers}, sort_keys=False)
        durable.replace(rooms_workspace(self._folder), text)


def rooms_workspace(folder: Path) -> Path:
    """The workspace file that leads to the servers of a state folder."""
    from watermain.process.instance import (
        ROOMS_FILE,  # loaded by then: the rooms are preloaded first
    )

    return folder / ROOMS_FILE


def room_socket(folder: Path, room: str) -> Path:
    """The socket of a room: in a folder of its own, for a socket's path must be short."""
    mark = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    place = SOCKET_ROOT / f"watermain-rooms-{mark}"
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise PermissionError(f"{place} belongs to another user")
    return place / f"{room}.sock"


def serve(folder: Path, room: str, module: str, parent: int) -> int:
    """Serve one room until this process is told to end or `parent` is gone."""
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.utils import FuturesAwareThreadPoolExecutor
    from dagster._grpc.server import DagsterApiServer, DagsterGrpcServer

    logger = logging.getLogger("dagster.code_server")
    over, workers = threading.Event(), FuturesAwareThreadPoolExecutor()
    origin = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=module, working_directory=str(project().root)
    )
    servicer = DagsterApiServer(
        server_termination_event=over,
        logger=logger,
        server_threadpool_executor=workers,
        loadable_target_origin=origin,
        lazy_load_user_code=True,
        location_name=room,
    )
    server = DagsterGrpcServer(
        server_termination_event=over,
        dagster_api_servicer=servicer,
        logger=logger,
        threadpool_executor=workers,
        socket=str(room_socket(folder, room)),
    )
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    server.serve()
    return 0


def _follow(parent: int) -> NoReturn:
    """End this process when the one that forked it has ended."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(0)
