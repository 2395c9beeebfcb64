"""A connection of uvicorn that does not wait for ever for a request, from anybody."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
MOST_PER_PEER = 256
_TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """Speak HTTP with limits on how long a request may take to arrive and how many one peer opens.

    Guarantees: a connection is closed when it has not sent a whole head within `HEAD_SECONDS` of
    its opening, or of the head's first byte, or a whole body within `BODY_SECONDS` of its head;
    beyond `MOST_PER_PEER` open connections of an address further ones are refused.
    """

    _open: ClassVar[Counter[str]] = Counter()  # of the one process that listens
    _peer = ""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Count the peer; begin to wait for a head."""
        super().connection_made(transport)
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._open[self._peer] += 1
        if self._open[self._peer] > MOST_PER_PEER:
            transport.write(_TOO_MANY)
            transport.close()
            return
        self._wait(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop()
        self._open[self._peer] -= 1
        if not self._open[self._peer]:
            del self._open[self._peer]
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        self._wait(HEAD_SECONDS)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to wait for a body."""
        self._wait(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for nothing: the answer is ours to give."""
        self._stop()
        super().on_message_complete()

    def _wait(self, seconds: float) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
