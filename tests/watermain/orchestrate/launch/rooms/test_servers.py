"""Rooms are replaced one by one, each by a successor that answers already."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import yaml
from dagster import DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._serdes import serialize_value

from tests.watermain.orchestrate.launch.rooms.company import (
    BROKEN,
    PATIENCE_SECONDS,
    ROOMS,
    Company,
    awaited,
    company,
)
from tests.watermain.orchestrate.launch.scene import JOBS, scene
from watermain import durable
from watermain.orchestrate.launch.rooms.place import room_socket, rooms_workspace
from watermain.process.postgres import EmbeddedPostgres

pytestmark = pytest.mark.slow
ADDED = "\n\n# a remark\n"
MOVED = "\n\n# a remark that moves what is below it\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Two rooms that most tests change."""
    folder = tmp_path_factory.mktemp("company")
    with pytest.MonkeyPatch.context() as patch, company(folder, patch.setenv) as made:
        yield made


@contextmanager
def watched(made: Company) -> Iterator[Counter[str]]:
    """Ask every room without a pause; count what was answered, what was not."""
    seen: Counter[str] = Counter()
    over = threading.Event()

    def ask(room: str) -> None:
        while not over.is_set():
            try:
                made.client(room).list_repositories()
                seen[room] += 1
            except DagsterUserCodeUnreachableError:
                seen[f"{room} dark"] += 1
            over.wait(0.005)

    threads = [threading.Thread(target=ask, args=[room]) for room in ROOMS]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def lit(seen: Counter[str]) -> bool:
    """Whether each room was asked, and answered whenever it was."""
    return set(seen) == set(ROOMS)


def test_workspace_leads_to_the_socket_of_each_room(served: Company) -> None:
    """Dagster finds a room at one address for ever."""
    listed = yaml.safe_load(rooms_workspace(served.folder).read_text())["load_from"]
    sockets = {room: str(room_socket(served.folder, room)) for room in ROOMS}
    assert listed == [
        {"grpc_server": {"socket": sockets[room], "location_name": room}} for room in ROOMS
    ]
    assert "rooms.sales.definitions" in awaited(served.client("sales").list_repositories)
    assert room_socket(served.folder, "sales").parent.stat().st_mode & 0o777 == 0o700


def test_changed_room_is_replaced_alone_without_a_dark_moment(served: Company) -> None:
    """The other room's server is the same before and after; both answer whenever they are asked."""
    before = served.ids()
    with watched(served) as seen:
        served.write("sales", ADDED, above=MOVED)
        served.changed("sales", before)
    assert lit(seen), seen
    assert served.ids()["care"] == before["care"]
    assert served.state()["broken"] == {}


def test_room_that_breaks_serves_on_as_it_was(served: Company) -> None:
    """Until it is mended; the warm process tells where it is broken."""
    before = served.ids()
    with watched(served) as seen:
        served.write("sales", BROKEN)
        awaited(lambda: told(served, "sales"))
        assert served.ids() == before
        served.write("sales", BROKEN * 2)
        served.write("sales", ADDED * 2)
        served.changed("sales", before)
    assert lit(seen), seen
    assert served.ids()["care"] == before["care"]
    assert served.state()["broken"] == {}


def told(made: Company, room: str) -> None:
    """See that a broken room is told of in four lines."""
    broken = made.state()["broken"]
    assert isinstance(broken, dict)
    assert list(broken) == [room]
    first, declared, *_ = broken[room].splitlines()
    assert first == f"room {room} does not load: SyntaxError: invalid syntax"
    assert declared.split()[1].startswith(f"rooms/{room}/curated.py:")


def test_room_that_reads_another_is_replaced_when_that_one_declares_something_else(
    served: Company,
) -> None:
    """A cadence is read by others, unlike a line of code."""
    before = served.ids()
    with watched(served) as seen:
        served.write("sales", cadence="Hourly")
        served.changed("care", before)
        assert served.ids()["sales"] != before["sales"]
        before = served.ids()
        served.write("sales", cadence="Daily")
        served.changed("care", before)
    assert lit(seen), seen


def test_shared_code_that_changed_has_all_rooms_replaced_by_the_same_process(
    served: Company,
) -> None:
    """One after another, none of them dark; what does not load replaces nothing."""
    pid, before = served.state()["pid"], served.ids()
    shared = served.root / "pyproject.toml"
    with watched(served) as seen:
        durable.replace(shared, shared.read_text() + "\n")
        for room in ROOMS:
            served.changed(room, before)
        before = served.ids()
        durable.replace(shared, shared.read_text() + "[tool.watermain.nonsense\n")
        awaited(lambda: refused(served))
        assert served.ids() == before
        durable.replace(shared, shared.read_text().replace("[tool.watermain.nonsense\n", ""))
        for room in ROOMS:
            served.changed(room, before)
    assert lit(seen), seen
    assert served.state()["pid"] == pid


def test_room_that_is_added_appears_beside_the_others(served: Company) -> None:
    """None of them is replaced; a list that is wrong changes nothing, a shorter one ends a room."""
    before, listed = served.ids(), served.root / "workspace.yaml"
    sound = listed.read_text()
    served.add("stores")
    awaited(lambda: served.server_id("stores"))
    assert served.ids() == before
    durable.replace(listed, "load_from: [{\n")
    awaited(lambda: unread(served))
    assert served.state()["rooms"] == {"sales": True, "care": True, "stores": True}
    durable.replace(listed, sound)
    awaited(lambda: without(served, "stores"))
    assert served.ids() == before


def unread(made: Company) -> None:
    """See that the list of rooms was found to be wrong."""
    assert "workspace.yaml cannot be read" in made.server.log.read_text()


def without(made: Company, room: str) -> None:
    """See that a room is served no more."""
    assert room not in str(made.state()["rooms"])
    assert not room_socket(made.folder, room).exists()


def refused(made: Company) -> None:
    """See that what changed was tried in vain."""
    assert "what changed does not load" in made.server.log.read_text()


def test_server_of_a_room_that_is_killed_comes_back(served: Company) -> None:
    """Whether the server itself is killed or the process that keeps it."""
    warm = psutil.Process(int(str(served.state()["pid"])))
    before = served.ids()
    kill(server for keeper in warm.children() for server in keeper.children())
    for room in ROOMS:
        served.changed(room, before)
    before = served.ids()
    kill(warm.children())
    for room in ROOMS:
        served.changed(room, before)


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill what has not ended by itself since it was listed."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_run_of_a_room_outlives_the_process_that_forked_it(
    postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is forked by its room's process; how it ends is noted although the room was replaced."""
    (tmp_path / "company").mkdir()
    with (
        company(tmp_path / "company", monkeypatch.setenv, works=JOBS) as made,
        scene(postgres, tmp_path) as opened,
    ):
        before = made.ids()
        ref = serialize_value(opened.instance.get_ref())
        runs = [opened.create(job).run_id for job in ("single", "hang")]
        pids = [made.server.launch(run_id, ref, room="works") for run_id in runs]
        assert opened.finished(runs[0]).status == DagsterRunStatus.SUCCESS
        opened.mark("hanging")
        parent = psutil.Process(pids[1]).parent()
        assert parent is not None
        assert parent.ppid() == made.state()["pid"]
        works = awaited(lambda: made.server_id("works"))
        shared = made.root / "pyproject.toml"
        durable.replace(shared, shared.read_text() + "\n")
        made.changed("works", {"works": works})
        made.changed("care", before)
        assert psutil.Process(pids[1]).ppid() == parent.pid
        os.kill(pids[1], signal.SIGKILL)
        assert opened.finished(runs[1]).status == DagsterRunStatus.FAILURE
        awaited(lambda: ended_by(made, runs[1], -signal.SIGKILL))
        assert psutil.wait_procs([parent], timeout=PATIENCE_SECONDS)[1] == []


def ended_by(made: Company, run_id: str, code: int) -> None:
    """See that the end of a run is on record."""
    record = made.server.records.get(run_id)
    assert record is not None
    assert record.exit_code == code


def test_nothing_outlives_the_warm_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kill -9` of it leaves nothing that serves old code."""
    with company(tmp_path, monkeypatch.setenv) as made:
        made.ids()
        warm = psutil.Process(int(str(made.state()["pid"])))
        left = warm.children(recursive=True)
        warm.kill()
        gone, alive = psutil.wait_procs(left, timeout=PATIENCE_SECONDS)
        assert (len(gone), alive) == (2 * len(ROOMS), [])


def test_rooms_are_replaced_alone_where_nothing_may_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process is started anew; what is promised is the same."""
    with company(tmp_path, monkeypatch.setenv, forks=False) as made:
        before = made.ids()
        with watched(made) as seen:
            made.write("sales", BROKEN)
            awaited(lambda: told(made, "sales"))
            made.write("sales", ADDED)
            made.changed("sales", before)
        assert lit(seen), seen
        assert made.ids()["care"] == before["care"]


def test_folder_of_the_sockets_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else may have made it before us."""
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError, match="belongs to another user"):
        room_socket(tmp_path, "a")
