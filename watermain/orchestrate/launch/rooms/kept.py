"""One process of a room, as the warm process sees it."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from watermain.orchestrate.launch.rooms.place import MOST_BYTES
from watermain.process import wire


@dataclass(kw_only=True)
class Kept:
    """What a room's process has said of itself.

    `at` is where its server listens, empty until that one answers; `why` tells why the room does
    not load; `follows` says that it has the settings of those who launch runs now.
    """

    room: str
    module: str
    pid: int
    channel: socket.socket
    at: str = ""
    why: str | None = None
    news: bool = False
    reads: list[str] = field(default_factory=list)
    stood_in: list[str] = field(default_factory=list)
    is_ready: bool = False
    is_changed: bool = False
    is_asked: bool = False
    is_retired: bool = False
    follows: bool = True
    began: float = field(default_factory=time.monotonic)

    def hear(self) -> None:
        """Take in what it says."""
        with suppress(BlockingIOError, ConnectionError):
            while told := self.channel.recv(MOST_BYTES):
                self._take(json.loads(told))

    def _take(self, message: dict[str, Any]) -> None:
        if "changed" in message:
            self.is_changed = True
        if "ready" in message:
            self.at, self.is_ready = message["ready"], True
            self.why, self.news = message["why"], message["news"]
            self.reads, self.stood_in = message["reads"], message["stood_in"]

    def tell(self, word: str) -> None:
        """Have it serve although it does not load, or retire, which is to end behind its runs."""
        self.is_asked, self.is_retired = True, self.is_retired or word == "retire"
        with suppress(OSError):  # it is gone
            self.channel.send(json.dumps({"do": word}).encode())

    def hand(self, client: socket.socket, question: wire.Line) -> bool:
        """Have it launch a run, and answer the client; tell whether it was asked."""
        told = json.dumps({word: question[word] for word in ("do", "run_id", "instance_ref")})
        try:
            socket.send_fds(self.channel, [told.encode()], [client.fileno()])
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def facts(self) -> dict[str, Any]:
        """What the program that takes this process's place must know; the channel is kept open."""
        os.set_inheritable(self.channel.fileno(), True)
        kept = {k: v for k, v in vars(self).items() if k not in ("channel", "began", "is_changed")}
        return {**kept, "channel": self.channel.fileno()}

    @classmethod
    def adopted(cls, facts: dict[str, Any]) -> Kept:
        """What an earlier program of this process has started."""
        channel = socket.socket(fileno=facts.pop("channel"))
        os.set_inheritable(channel.fileno(), False)
        channel.setblocking(False)
        return cls(**facts, channel=channel)
