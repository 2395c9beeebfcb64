"""The processes of all rooms, each replaced by its successor once that one answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watermain.machine.system import Ended
from watermain.orchestrate.launch.rooms.kept import Kept
from watermain.orchestrate.launch.rooms.place import (
    AGAIN_SECONDS,
    room_socket,
    sweep,
    write_workspace,
)
from watermain.process import wire

LOAD_SECONDS = 300.0  # for a room to load, before it is given up
Start = Callable[[str, str, socket.socket], int]


@dataclass
class Place:
    """A room: the process that serves it, and the one that is to take its place.

    A successor that does not load stays, without a server, to see when its files change; `why`
    tells why it does not, until one does.
    """

    room: str
    module: str
    serving: Kept | None = None
    successor: Kept | None = None
    why: str | None = None
    is_wanted: bool = False
    due: float = float("-inf")

    @property
    def loads(self) -> bool:
        """Whether a process is about to load the room."""
        return self.successor is not None and not self.successor.is_ready

    @property
    def is_due(self) -> bool:
        """Whether a process has to load the room."""
        if self.successor is not None or time.monotonic() < self.due:
            return False
        return self.serving is None or self.serving.is_changed or self.is_wanted


class RoomServers:
    """Have one process serve each room, of the code on disk as far as that loads.

    Guarantees: a room that serves is served until its successor answers at the same address; a
    change of one room disturbs no other.
    """

    def __init__(
        self,
        folder: Path,
        rooms: Mapping[str, str],
        start: Start,
        adopted: Sequence[dict[str, Any]] = (),
    ) -> None:
        self._folder, self._start = folder, start
        self._places: dict[str, Place] = {}
        self._retired: dict[int, Kept] = {}
        if rooms and not adopted:
            sweep(folder)
        self.become(rooms)
        for facts in adopted:
            self._adopt(Kept.adopted(facts))

    def become(self, rooms: Mapping[str, str]) -> None:
        """Have these rooms, each by the module that is its door; others are served no more."""
        if rooms == {room: place.module for room, place in self._places.items()}:
            return
        kept = {r: p for r, p in self._places.items() if rooms.get(r) == p.module}
        for room in set(self._places) - set(kept):
            for each in (self._places[room].serving, self._places[room].successor):
                if each is not None:
                    self._retire(each)
            room_socket(self._folder, room).unlink(missing_ok=True)
        fresh = {r: Place(r, module) for r, module in rooms.items() if r not in kept}
        self._places = {room: (kept | fresh)[room] for room in rooms}
        write_workspace(self._folder, rooms)

    def _adopt(self, kept: Kept) -> None:
        place = self._places.get(kept.room)
        if place is None or kept.is_retired or place.module != kept.module:
            self._retire(kept)
            return
        place.serving, place.why, place.is_wanted = kept, kept.why, True

    def __bool__(self) -> bool:
        return bool(self._places)

    @property
    def channels(self) -> list[socket.socket]:
        """What to listen to."""
        return [kept.channel for kept in self._all()]

    def ready(self) -> dict[str, bool]:
        """Whether the server of each room can be spoken to."""
        return {room: place.serving is not None for room, place in self._places.items()}

    def broken(self) -> dict[str, str]:
        """Why rooms do not load, in four lines each; their last good code may still serve."""
        return {room: place.why for room, place in self._places.items() if place.why is not None}

    def launch(self, client: socket.socket, question: wire.Line) -> bool | None:
        """Have the process of a room launch its run; None where the room is none of ours.

        False: there is none at the moment.
        """
        place = self._places.get(str(question.get("room")))
        if place is None:
            return None
        kept = place.serving
        return kept is not None and kept.follows and kept.hand(client, question)

    def ended(self, ended: Ended) -> None:
        """Learn of a child's end."""
        retired = self._retired.pop(ended.pid, None)
        if retired is not None:
            retired.channel.close()
        for place in self._places.values():
            if place.serving is not None and place.serving.pid == ended.pid:
                place.serving.channel.close()
                place.serving = None
            if place.successor is not None and place.successor.pid == ended.pid:
                place.successor.channel.close()
                place.successor, place.is_wanted = None, True
                place.due = time.monotonic() + AGAIN_SECONDS

    def step(self) -> tuple[str, str, socket.socket] | None:
        """Do what is due; in a fork, give the room, its module and the way to the warm process."""
        for kept in self._all():
            kept.hear()
        for place in self._places.values():
            self._settle(place)
        for place in self._places.values():
            if place.is_due and (place.serving is None or not self._loading()):
                begun = self._begin(place)
                if begun is not None:
                    return place.room, place.module, begun
        return None

    def _begin(self, place: Place) -> socket.socket | None:
        """Start a process that loads the room; in that process, give its way to this one."""
        place.due = time.monotonic() + AGAIN_SECONDS * (place.serving is None)
        place.is_wanted = False
        if place.serving is not None:
            place.serving.is_changed = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = self._start(place.room, place.module, theirs)
        if pid == 0:
            ours.close()
            return theirs
        theirs.close()
        ours.setblocking(False)
        place.successor = Kept(room=place.room, module=place.module, pid=pid, channel=ours)
        return None

    def _settle(self, place: Place) -> None:
        """Put a successor that answers in its place."""
        if place.serving is not None and place.serving.at:
            self._bind(place.serving)
        fresh, before = place.successor, place.serving
        if fresh is None:
            return
        if not fresh.is_ready:
            if time.monotonic() - fresh.began > LOAD_SECONDS:
                fresh.kill()
            return
        place.why = fresh.why
        if fresh.why is not None and fresh.is_changed:
            self._retire(fresh)
            place.successor, place.is_wanted = None, True
        elif fresh.at:
            self._bind(fresh)
            place.serving, place.successor = fresh, None
            if before is not None:
                self._retire(before)
                self._tell_readers(place.room, fresh)
        elif (before is None or before.why is not None) and not fresh.is_asked:
            fresh.tell("serve")

    def _bind(self, kept: Kept) -> None:
        """Let the server be found where Dagster looks for the room."""
        Path(kept.at).rename(room_socket(self._folder, kept.room))
        kept.at = ""

    def _tell_readers(self, room: str, fresh: Kept) -> None:
        """Have rooms loaded anew that know other declarations of a room than it has now."""
        for place in self._places.values():
            kept = place.serving
            if kept is None or place.room == room or fresh.why is not None:
                continue
            failed = kept.why is not None and kept.room in self._places
            if (fresh.news and room in kept.reads) or room in kept.stood_in or failed:
                place.is_wanted = True

    def _retire(self, kept: Kept) -> None:
        kept.tell("retire")
        self._retired[kept.pid] = kept

    def _loading(self) -> bool:
        return any(place.loads for place in self._places.values())

    def _all(self) -> Iterator[Kept]:
        for place in self._places.values():
            yield from (kept for kept in (place.serving, place.successor) if kept is not None)
        yield from self._retired.values()

    def facts(self, *, follows: bool) -> list[dict[str, Any]]:
        """What the program that takes this process's place adopts; what does not serve is ended."""
        for place in self._places.values():
            if place.successor is not None:
                place.successor.kill()
        kept = [p.serving for p in self._places.values() if p.serving is not None]
        for each in kept:
            each.follows = each.follows and follows
        return [each.facts() for each in (*kept, *self._retired.values())]

    def part(self) -> None:
        """Let go of every process of a room, in a fork."""
        for kept in self._all():
            kept.channel.close()
