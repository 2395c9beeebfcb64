"""Where the code servers of the rooms are found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import yaml

from watermain import durable

AGAIN_SECONDS = 5.0  # between two starts of a process that keeps dying
MOST_BYTES = 128 * 1024  # of what a room's process and the warm one say at once
SOCKET_ROOT = Path("/tmp")  # never TMPDIR: every process must derive the same short address
HEAD = "# Written by the warm process: Dagster's way to the code servers of the rooms.\n"


def rooms_workspace(folder: Path) -> Path:
    """The workspace file that leads to the servers of a state folder."""
    from watermain.process.instance import (
        ROOMS_FILE,
    )  # loaded by then: the world is preloaded first

    return folder / ROOMS_FILE


def write_workspace(folder: Path, rooms: Iterable[str]) -> None:
    """Tell Dagster the socket of each room."""
    servers = [
        {"grpc_server": {"socket": str(room_socket(folder, room)), "location_name": room}}
        for room in rooms
    ]
    text = HEAD + yaml.safe_dump({"load_from": servers}, sort_keys=False)
    durable.replace(rooms_workspace(folder), text)


def room_socket(folder: Path, room: str) -> Path:
    """The socket of a room: in a folder of its own, for a socket's path must be short."""
    mark = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    place = SOCKET_ROOT / f"watermain-rooms-{mark}"
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise PermissionError(f"{place} belongs to another user")
    return place / f"{room}.sock"


def fresh_socket(folder: Path, room: str, number: int) -> Path:
    """Where a server listens until it takes the place of the one that serves."""
    path = room_socket(folder, room)
    return path.with_name(f"{room}.{os.getpid()}-{number}")


def sweep(folder: Path) -> None:
    """Delete the sockets of servers that an earlier warm process left."""
    for path in room_socket(folder, "any").parent.iterdir():
        path.unlink(missing_ok=True)
