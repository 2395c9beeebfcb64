"""A relay before an S3-style store that can lose it in several ways."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit

GONE, HUNG, REFUSED, BUSY = "gone", "hung", "403", "503"
CUT_UP, CUT_DOWN = "cut in mid-upload", "cut in mid-download"
WAYS = (GONE, HUNG, REFUSED, BUSY, CUT_UP, CUT_DOWN)
_ANSWERS = {
    REFUSED: (b"403 Forbidden", b"AccessDenied"),
    BUSY: (b"503 Slow Down", b"SlowDown"),
}
_AGAIN = b"HTTP/1.1 100 Continue\r\n\r\n"
_LONGEST_LINE = 2**20


@dataclass
class _Message:
    """A request or an answer: its first line, its headers, its body."""

    start: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    def header(self, name: bytes) -> bytes:
        """The value of a header, empty where there is none."""
        return next((v for k, v in self.headers if k.lower() == name), b"")

    @property
    def head(self) -> bytes:
        """The message up to its body, the body's length told."""
        kept = [(k, v) for k, v in self.headers if k.lower() not in _OWN]
        lines = [self.start, *(k + b": " + v for k, v in kept)]
        return b"\r\n".join(lines)


_OWN = (b"transfer-encoding", b"connection", b"expect")


class StoreRelay:
    """Pass requests on between clients on 127.0.0.1 and the store at an address.

    `lose` makes the store go away at the request of that method which comes next, or some later,
    for `times` requests or until `calm`; a store that is away is away for every request.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.seen: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.calm()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> StoreRelay:
        self._thread.start()
        assert self._ready.wait(120), "the relay does not listen"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(120)

    @property
    def address(self) -> str:
        """Where clients find the store through the relay."""
        return f"http://127.0.0.1:{self.port}"

    def lose(self, way: str, method: str = "", passes: int = 0, times: int = 10**9) -> None:
        """Lose the store once `passes` requests of the method have gone through."""
        self._left, self._method, self._passes, self._way = times, method, passes, way

    def calm(self) -> None:
        """Pass everything on again."""
        self._way, self._method, self._passes, self._left = "", "", 0, 0

    @property
    def struck(self) -> int:
        """How many requests were lost since the relay began."""
        return self.lost.total()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen())
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LONGEST_LINE)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _decided(self, method: str) -> str:
        """The way in which this request is lost, if it is."""
        self.seen[method] += 1
        if not self._way or self._left <= 0 or self._method not in ("", method):
            return ""
        if self._passes > 0:
            self._passes -= 1
            return ""
        self._left -= 1
        way, self._method = self._way, ""
        if way == CUT_UP and method not in ("PUT", "POST"):
            way = GONE
        if way == CUT_DOWN and method != "GET":
            way = GONE
        self.lost[way] += 1
        return way

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (asked := await self._read(reader, writer)) is not None:
                if not await self._answered(asked, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[_Message, str] | None:
        """Read a request; decide about it before its body has come whole."""
        found = await _head(reader)
        if found is None:
            return None
        way = self._decided(found.start.split(b" ")[0].decode())
        if found.header(b"expect"):
            writer.write(_AGAIN)
        found.body = await _body(reader, found, half=way == CUT_UP)
        return found, way

    async def _answered(
        self,
        asked: tuple[_Message, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answer a request; False when the connection is over."""
        request, way = asked
        if way in (GONE, CUT_UP):
            return False
        if way == HUNG:
            await reader.read()  # until the client gives up
            return False
        if way in _ANSWERS:
            writer.write(_complaint(way, request))
            await writer.drain()
            return True
        answer = await self._passed(request)
        body = answer.body[: len(answer.body) // 2] if way == CUT_DOWN else answer.body
        writer.write(answer.head + b"\r\n\r\n" + body)
        await writer.drain()
        return way != CUT_DOWN

    async def _passed(self, request: _Message) -> _Message:
        """Ask the store itself, over a connection of its own."""
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=_LONGEST_LINE)
        try:
            request.headers = [
                *((k, v) for k, v in request.headers if k.lower() != b"content-length"),
                (b"Content-Length", str(len(request.body)).encode()),
            ]
            writer.write(request.head + b"\r\nConnection: close\r\n\r\n" + request.body)
            await writer.drain()
            answer = await _head(reader)
            if answer is None:
                raise ConnectionResetError
            if not request.start.startswith(b"HEAD "):
                answer.body = await _body(reader, answer)
                answer.headers = [h for h in answer.headers if h[0].lower() != b"content-length"]
                answer.headers.append((b"Content-Length", str(len(answer.body)).encode()))
            return answer
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> _Message | None:
    try:
        text = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    start, *lines = text[:-4].split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    return _Message(start, [(name.strip(), value.strip()) for name, _, value in pairs])


async def _body(reader: asyncio.StreamReader, message: _Message, half: bool = False) -> bytes:
    if message.header(b"transfer-encoding").lower() == b"chunked":
        return await _chunks(reader)
    length = message.header(b"content-length")
    if not length:
        is_request = not message.start.startswith(b"HTTP/")
        return (
            b""
            if is_request or message.start.split(b" ")[1] in (b"204", b"304")
            else (await reader.read())
        )
    return await reader.readexactly(int(length) // 2 if half else int(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        found += await reader.readexactly(size)
        await reader.readline()
    while await reader.readline() not in (b"\r\n", b""):
        pass
    return bytes(found)


def _complaint(way: str, request: _Message) -> bytes:
    status, code = _ANSWERS[way]
    body = b"<?xml version='1.0'?><Error><Code>" + code + b"</Code><Message>no</Message></Error>"
    shown = b"" if request.start.startswith(b"HEAD ") else body
    again = b"Retry-After: 1\r\n" if way == BUSY else b""
    length = b"Content-Length: " + str(len(body)).encode()
    return (
        b"HTTP/1.1 "
        + status
        + b"\r\nContent-Type: application/xml\r\n"
        + again
        + length
        + (b"\r\n\r\n" + shown)
    )
