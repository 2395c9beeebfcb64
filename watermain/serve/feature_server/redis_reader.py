"""Reading Redis from an event loop, all questions over one connection."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, cast

import hiredis
import redis
from redis.asyncio import ConnectionPool

from watermain.clock import Clock
from watermain.declare.errors import UnreachableSystemError
from watermain.online.address import StoreAddress
from watermain.online.redis import PREFIX, kept, row_prefix
from watermain.serve.feature_server.reader import MOST_WAITING, PATIENCE, FoundRows, Wanted, silent
from watermain.serve.feature_server.whole_writes import WholeWrites

LOOKS = 4
Values = list[bytes | None]


class RedisReader:
    """Read rows with one MGET for each question, without waiting for the answer to the one before.

    Measured: a question for a hundred rows takes a quarter of the processor that redis-py's own
    client takes, which reads one answer at a time.
    Guarantees: a server that is silent for `patience` loses the connection, and those who wait
    are told within a quarter more; the next question connects anew.
    """

    def __init__(
        self,
        address: Callable[[], StoreAddress],
        *,
        patience: timedelta = PATIENCE,
        clock: Clock | None = None,
    ) -> None:
        self._address, self._patience, self._clock = address, patience, clock or Clock()
        self._line: _Line | None = None
        self._opening: asyncio.Task[_Line] | None = None

    async def read(self, wanted: Wanted) -> FoundRows:
        """Give each row; one that is past its time is none."""
        line = self._line
        if line is None or line.is_lost:
            line = await self._opened()
        keys: list[bytes] = []
        for table, of_table in wanted:
            prefix = row_prefix(table)
            keys += [prefix + key for key in of_table]
        values = await line.ask(keys)
        return _rows(values, self._clock.micros())

    async def close(self) -> None:
        """Let go of the connection."""
        if self._line is not None:
            self._line.drop()
            await asyncio.sleep(0)  # the loop closes it in its next turn

    async def _opened(self) -> _Line:
        """Connect; all who ask meanwhile wait for the same attempt."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
        self._line = await asyncio.shield(self._opening)
        return self._line

    async def _open(self) -> _Line:
        address, seconds = self._address(), self._patience.total_seconds()
        try:
            pool = ConnectionPool.from_url(address.url, protocol=2, retry=None)
        except ValueError as error:
            raise address.unreachable(error) from None
        connection = pool.make_connection()
        try:
            async with asyncio.timeout(seconds):
                await connection.connect()
        except (redis.RedisError, OSError) as error:
            await connection.disconnect(nowait=True)
            raise address.unreachable(error) from None
        return _Line(connection, address, seconds)


class _Line(asyncio.Protocol):
    """A connection on which redis-py has proved who we are and chosen the database."""

    def __init__(self, connection: Any, address: StoreAddress, seconds: float) -> None:
        self.is_lost = False
        self._connection, self._address, self._seconds = connection, address, seconds
        self._loop = asyncio.get_running_loop()
        self._replies = hiredis.Reader()
        self._waiting: deque[tuple[float, asyncio.Future[Values]]] = deque()
        self._transport = WholeWrites(connection._writer.transport)
        self._transport.set_protocol(self)
        self._look = self._loop.call_later(seconds / LOOKS, self._watch)

    def ask(self, keys: Sequence[bytes]) -> asyncio.Future[Values]:
        """Ask for values by key.

        Raises: UnreachableSystemError, when too many wait.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise silent(f"{MOST_WAITING} questions wait for it")
        answer: asyncio.Future[Values] = self._loop.create_future()
        self._waiting.append((self._loop.time(), answer))
        command: tuple[Any, ...] = (b"MGET", *keys)
        self._transport.write(hiredis.pack_command(command))
        return answer

    def data_received(self, data: bytes) -> None:
        self._replies.feed(data)
        try:
            while (reply := self._replies.gets()) is not False:
                _, answer = self._waiting.popleft()
                if answer.done():  # nobody waits any more
                    continue
                if isinstance(reply, list):
                    answer.set_result(reply)
                else:
                    answer.set_exception(self._unreachable(reply))
        except (hiredis.ProtocolError, IndexError):
            self.drop()  # what speaks there is no Redis

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop(exc)

    def drop(self, error: BaseException | None = None) -> None:
        """Let go of the connection; tell those who wait."""
        if self.is_lost:
            return
        self.is_lost = True
        self._look.cancel()
        self._transport.abort()
        self._connection._close()  # it would complain that nobody closed it
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(self._unreachable(error or "the connection is lost"))
        self._waiting.clear()

    def _watch(self) -> None:
        """Look whether the oldest question waits for too long."""
        if self._waiting and self._loop.time() - self._waiting[0][0] >= self._seconds:
            self.drop(TimeoutError(f"silent for {self._seconds:g} s"))
        else:
            self._look = self._loop.call_later(self._seconds / LOOKS, self._watch)

    def _unreachable(self, reason: object) -> UnreachableSystemError:
        error = reason if isinstance(reason, BaseException) else ConnectionError(str(reason))
        return self._address.unreachable(error)


def _rows(values: Values, now_us: int) -> FoundRows:
    """Unpack stored values, all at once where none is missing."""
    if None in values:
        return FoundRows.of([kept(value, now_us) for value in values])
    size, stored = PREFIX.size, cast(list[bytes], values)
    instants = _instants(len(stored)).unpack(b"".join([value[:size] for value in stored]))
    if min(instants[1::2]) <= now_us:
        return FoundRows.of([kept(value, now_us) for value in values])
    return FoundRows(instants[::2], [value[size:] for value in stored])


@lru_cache(maxsize=64)
def _instants(count: int) -> struct.Struct:
    """The beginnings of so many values that lie one after the other."""
    return struct.Struct(f">{2 * count}q")
