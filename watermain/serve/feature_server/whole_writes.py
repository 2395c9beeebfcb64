"""A connection of uvicorn that writes an answer's head with its body.

By itself uvicorn hands them to the system one after the other, each of which wakes the client.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class WholeWrites:
    """Gather what is written in one turn of the loop; write it at the turn's end."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._parts = transport, list[bytes]()
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes) -> None:
        """Write soon."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)

    def flush(self) -> None:
        """Write what was gathered."""
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def close(self) -> None:
        """Write what was gathered, and then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class WholeWritesProtocol(HttpToolsProtocol):
    """Speak HTTP over gathered writes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # type: ignore[override]
        whole = WholeWrites(cast(asyncio.Transport, transport))
        super().connection_made(cast(asyncio.Transport, whole))
