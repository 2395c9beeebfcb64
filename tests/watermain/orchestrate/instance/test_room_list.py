"""A room that is added is shown by the web server without anybody's doing."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget

from watermain import durable
from watermain.orchestrate.instance.room_list import followed

PATIENCE_SECONDS = 120.0
ROOM = "import dagster as dg\n\n\n@dg.asset\ndef page() -> None: ...\n"


@dataclass(frozen=True)
class Listed(WorkspaceLoadTarget):
    """The rooms that a file names, each loaded in this process."""

    path: Path

    def create_origins(self) -> Sequence[InProcessCodeLocationOrigin]:
        rooms = self.path.read_text().split()
        return [InProcessCodeLocationOrigin(self._door(room), location_name=room) for room in rooms]

    def _door(self, room: str) -> LoadableTargetOrigin:
        file = self.path.with_name(f"{room}.py")
        return LoadableTargetOrigin(executable_path=sys.executable, python_file=str(file))


def listing(path: Path, *rooms: str) -> None:
    """Write the list as the warm process does: a whole one in place of the other."""
    for room in rooms:
        path.with_name(f"{room}.py").write_text(ROOM)
    durable.replace(path, "\n".join(rooms))


def shown(context: WorkspaceProcessContext) -> dict[str, bool]:
    """Each room that is shown, and whether it is lit."""
    entries = context.create_request_context().get_code_location_entries()
    return {name: entry.load_error is None for name, entry in entries.items()}


def awaited(context: WorkspaceProcessContext, wanted: dict[str, bool]) -> dict[str, bool]:
    """What is shown at last; a room that was lit before is so all the while."""
    lit = {room for room, is_lit in shown(context).items() if is_lit}
    until, kept = time.monotonic() + PATIENCE_SECONDS, lit & set(wanted)
    while time.monotonic() < until and shown(context) != wanted:
        found = shown(context)
        assert all(found.get(room) for room in kept), found
        time.sleep(0.1)
    return shown(context)


def test_rooms_that_come_and_go_are_followed(tmp_path: Path) -> None:
    """The others stay lit."""
    path = tmp_path / "rooms.txt"
    listing(path, "sales")
    with (
        dg.instance_for_test() as instance,
        WorkspaceProcessContext(instance, Listed(path)) as context,
    ):
        assert shown(context) == {"sales": True}
        with followed(context, path, every=0.1):
            listing(path, "sales", "care")
            assert awaited(context, {"sales": True, "care": True}) == {"sales": True, "care": True}
            listing(path, "care")
            assert awaited(context, {"care": True}) == {"care": True}


@pytest.mark.filterwarnings("ignore:Error loading repository location")
def test_room_that_does_not_answer_yet_is_asked_again(tmp_path: Path) -> None:
    """A server begins to answer a moment after its room is listed."""
    path = tmp_path / "rooms.txt"
    listing(path, "sales")
    with (
        dg.instance_for_test() as instance,
        WorkspaceProcessContext(instance, Listed(path)) as context,
        followed(context, path, every=0.1),
    ):
        durable.replace(path, "sales\ncare")  # no such file yet
        assert awaited(context, {"sales": True, "care": False}) == {"sales": True, "care": False}
        listing(path, "sales", "care")
        assert awaited(context, {"sales": True, "care": True}) == {"sales": True, "care": True}
