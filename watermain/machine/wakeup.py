"""A signal of an ended child, turned into something that a selector can wait for."""

from __future__ import annotations

import signal
import socket
from contextlib import suppress


class Wakeup:
    """Hear of children that end, in the main thread of one process."""

    def __init__(self) -> None:
        self.ears, self._mouth = socket.socketpair()
        self.ears.setblocking(False)
        self._mouth.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._mouth.fileno())

    def heard(self) -> None:
        """Forget what was heard up to now."""
        with suppress(BlockingIOError):
            self.ears.recv(4096)

    def close(self) -> None:
        """Hear no more: in a process that was forked from this one."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.ears.close()
        self._mouth.close()
