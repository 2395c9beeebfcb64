"""Code servers of rooms: forked, kept, made anew with the code, gone with the warm process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from watermain.orchestrate.launch import rooms
from watermain.orchestrate.launch.client import WarmServer
from watermain.orchestrate.launch.options import ServerOptions
from watermain.settings import child_environment

SERVED = ("operations", "prediction", "upkeep", "weather")
PATIENCE_SECONDS = 240.0
T = TypeVar("T")
ROOMS = {"works": "tests.watermain.orchestrate.launch.jobs", "broken": "tests.watermain.not_there"}
KEEPER = f"""
import os, sys, time
from pathlib import Path
from typing import TypeVar
from watermain.orchestrate.launch import rooms
rooms.AGAIN_SECONDS = 0.5
folder, me = Path(sys.argv[1]), os.getpid()
kept = rooms.RoomServers(folder, {ROOMS})
while True:
    due = kept.start_due(lambda *_: os.fork())
    if due is not None:
        sys.exit(rooms.serve(folder, *due, me))
    try:
        kept.ended(os.waitpid(-1, os.WNOHANG)[0])
    except ChildProcessError:
        pass
    time.sleep(0.05)
"""


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[psutil.Popen]:
    """A process that keeps two rooms' servers."""
    words = [sys.executable, "-c", KEEPER, str(tmp_path)]
    with psutil.Popen(words, env=child_environment(), stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


def await_answer(ask: Callable[[], T]) -> T:
    """Ask again until somebody answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except (DagsterUserCodeUnreachableError, AssertionError):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def client(folder: Path, room: str) -> DagsterGrpcClient:
    """Somebody who speaks to a room as Dagster does."""
    return DagsterGrpcClient(socket=str(rooms.room_socket(folder, room)))


def test_rooms_are_served_over_the_workspace_that_is_written(
    keeper: psutil.Popen, tmp_path: Path
) -> None:
    """One room tells its definitions, another why it has none."""
    told = await_answer(client(tmp_path, "works").list_repositories)
    assert "tests.watermain.orchestrate.launch.jobs" in told
    assert "not_there" in await_answer(client(tmp_path, "broken").list_repositories)
    listed = yaml.safe_load(rooms.rooms_workspace(tmp_path).read_text())["load_from"]
    assert listed == [
        {"grpc_server": {"socket": str(rooms.room_socket(tmp_path, r)), "location_name": r}}
        for r in ROOMS
    ]
    assert keeper.is_running()


def test_server_that_is_killed_comes_back(keeper: psutil.Popen, tmp_path: Path) -> None:
    """Another process answers in its place."""
    works = client(tmp_path, "works")
    first = await_answer(works.get_server_id)
    for child in keeper.children():
        child.kill()

    def other() -> None:
        assert works.get_server_id() != first

    await_answer(other)


def test_servers_end_with_the_process_that_keeps_them(keeper: psutil.Popen, tmp_path: Path) -> None:
    """`kill -9` of the keeper leaves nothing that serves old code."""
    await_answer(client(tmp_path, "works").get_server_id)
    children = keeper.children()
    keeper.send_signal(signal.SIGKILL)
    gone, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert (len(gone), alive) == (len(ROOMS), [])


def test_folder_of_the_sockets_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else may have made it before us."""
    assert rooms.room_socket(tmp_path, "a").parent.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="belongs to another user"):
        rooms.room_socket(tmp_path, "a")


@pytest.mark.slow
def test_changed_code_is_served_without_being_asked_for(tmp_path: Path) -> None:
    """The warm process loads anew what changed on disk; so do its rooms, all of workspace.yaml."""
    watched = tmp_path / "watched"
    watched.write_text("one")
    folder = tmp_path / "warm"
    options = ServerOptions(folder=folder, watch=(watched,), serve_rooms=True)
    assert ServerOptions.parsed(options.words())[0] == ServerOptions(
        folder=folder, preload=[], watch=[watched], environment=[*options.environment],
        serve_rooms=True,
    )  # fmt: skip
    server = WarmServer(options=options, patience_seconds=PATIENCE_SECONDS)
    try:
        assert set(server.start()["rooms"]) == {*SERVED}
        speakers = [client(folder, room) for room in SERVED]
        first = [await_answer(each.get_server_id) for each in speakers]
        watched.write_text("another")

        def others() -> None:
            assert not set(first) & {each.get_server_id() for each in speakers}

        await_answer(others)
    finally:
        server.stop()
