"""A relay before a PostgreSQL server that can lose the answer to a commit."""

from __future__ import annotations

import asyncio
import threading
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Cut = Literal["after", "before", "blind"]
_MARK = b"ducklake_snapshot_changes"
_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


class Relay:
    """Pass everything on between clients on 127.0.0.1 and the server of a dsn.

    `arm` makes it cut the connection at the next commit of a lake snapshot: `after` the server
    has committed, its answer not passed on; `before` the server hears of it; `blind` as soon as
    the server was told, whatever it does.
    """

    def __init__(self, dsn: str) -> None:
        self._words = conninfo_to_dict(dsn)
        self._cut: Cut | None = None
        self._passes = 0
        self.refuse_after_cut = False
        self._refusing = False
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Relay:
        self._thread.start()
        assert self._ready.wait(120), "the relay does not listen"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(120)

    @property
    def dsn(self) -> str:
        """Where clients find the server through the relay."""
        through = {"host": "127.0.0.1", "port": self._port, "sslmode": "disable"}
        return make_conninfo(**{**self._words, **through, "gssencmode": "disable"})

    def arm(self, cut: Cut, passes: int = 0) -> None:
        """Lose one answer, once `passes` commits have gone through."""
        self._cut, self._passes = cut, passes

    def calm(self) -> None:
        """Pass everything on again."""
        self._cut, self.refuse_after_cut, self._refusing = None, False, False

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())

    async def _listen(self) -> None:
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        words = self._words
        socket = f"{words['host']}/.s.PGSQL.{words.get('port', 5432)}"
        theirs, upstream = await asyncio.open_unix_connection(socket)
        lost = asyncio.Event()
        down = asyncio.create_task(self._down(theirs, writer, lost))
        try:
            await self._up(reader, upstream, lost)
            if lost.is_set():
                await down
        except ConnectionError:
            pass
        finally:
            down.cancel()
            upstream.close()
            writer.transport.abort() if lost.is_set() else writer.close()

    async def _up(
        self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        is_snapshot = False
        while data := await reader.read(65536):
            is_snapshot |= _MARK in data and b"INSERT" in data
            if self._cut and is_snapshot and _COMMIT in data:
                is_snapshot = False
                if self._passes == 0:
                    cut, self._cut = self._cut, None
                    self._refusing = self.refuse_after_cut
                    lost.set()
                    if cut == "before":
                        raise ConnectionResetError
                    upstream.write(data)
                    await upstream.drain()
                    if cut == "blind":
                        raise ConnectionResetError
                    return
                self._passes -= 1
            upstream.write(data)
            await upstream.drain()

    async def _down(
        self, theirs: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event
    ) -> None:
        while data := await theirs.read(65536):
            if lost.is_set():
                return
            writer.write(data)
            await writer.drain()
        writer.close()
