"""One connection for each thread of each process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """Something that is let go."""

    def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


class OwnThreads(Generic[T]):
    """Open a connection where a thread first asks; a child process never uses its parent's."""

    def __init__(self, opened: Callable[[], T]) -> None:
        self._open, self._local, self._lock = opened, threading.local(), threading.Lock()
        self._all: list[tuple[int, T]] = []

    def get(self) -> T:
        """This thread's connection."""
        held: tuple[int, T] | None = getattr(self._local, "held", None)
        if held is None or held[0] != os.getpid():
            held = (os.getpid(), self._open())
            self._local.held = held
            with self._lock:
                self._all.append(held)
        return held[1]

    def forget(self) -> None:
        """Close this thread's connection; the next call opens another."""
        held: tuple[int, T] | None = getattr(self._local, "held", None)
        if held is not None:
            self._local.held = None
            with self._lock:
                self._all = [each for each in self._all if each is not held]
            held[1].close()

    def close(self) -> None:
        """Close the connections of all threads of this process."""
        with self._lock:
            found, self._all = self._all, []
        for process, connection in found:
            if process == os.getpid():
                connection.close()
        self._local = threading.local()
