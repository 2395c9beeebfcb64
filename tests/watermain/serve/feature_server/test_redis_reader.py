"""Redis is read without waiting, whatever it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import hiredis
import orjson
import pyarrow as pa
import pytest
import uvloop

from tests.ports import free_port
from tests.watermain.online.redis_server import RedisServer, redis_server
from tests.watermain.serve.feature_server.delays import HOUR, NOW, micros
from watermain.clock import FixedClock
from watermain.declare.errors import UnreachableSystemError
from watermain.online.address import StoreAddress
from watermain.online.protocol import ENTRIES, Cursor, StoredRow
from watermain.online.redis import PREFIX, RedisStore
from watermain.serve.feature_server import redis_reader
from watermain.serve.feature_server.reader import FoundRows
from watermain.serve.feature_server.redis_reader import RedisReader

TABLE = "prediction.features.airport_delay_v1"
KEYS = [b'["JFK"]', b'["LGA"]']
WANTED = [(TABLE, KEYS)]
NONE = FoundRows.of([None, None])
NEVER = 2**63 - 1
NOW_US = micros(NOW)
SHORT = timedelta(seconds=0.5)
Answer = Callable[[list[bytes]], bytes | None]


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def loops(request: pytest.FixtureRequest) -> Iterator[None]:
    """Python's own loop, the one that the server runs on."""
    if request.param == "uvloop":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(None)


def bulk(*values: bytes | None) -> bytes:
    """An array as Redis writes it."""
    parts = (b"$-1\r\n" if v is None else b"$%d\r\n%b\r\n" % (len(v), v) for v in values)
    return b"*%d\r\n%b" % (len(values), b"".join(parts))


def packed(event_us: int, value: bytes, expires_us: int = NEVER) -> bytes:
    """A row as it is stored."""
    return PREFIX.pack(event_us, expires_us) + value


@asynccontextmanager
async def speaking(answer: Answer, port: int = 0) -> AsyncIterator[int]:
    """A server that takes every greeting, answers MGET as told: by None it stays silent."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands, is_open = hiredis.Reader(), True
        while is_open and (data := await reader.read(65536)):
            commands.feed(data)
            while (words := commands.gets()) is not False:
                said = answer(words[1:]) if words[0].upper() == b"MGET" else b"+OK\r\n"
                writer.write(said or b"")
                is_open = is_open and said != b""
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.05)  # who talks hears that the reader is gone


def reading(port: int, patience: timedelta = timedelta(seconds=20)) -> RedisReader:
    """A reader of a port, at NOW."""
    address = StoreAddress(f"redis://:secret@127.0.0.1:{port}/0")
    return RedisReader(lambda: address, patience=patience, clock=FixedClock(NOW))


def asked(
    answer: Answer,
    ask: Callable[[RedisReader], Awaitable[object]],
    patience: timedelta = timedelta(seconds=20),
) -> object:
    """Ask a reader of a server that speaks so."""

    async def whole() -> object:
        async with speaking(answer) as port:
            found = reading(port, patience)
            try:
                return await ask(found)
            finally:
                await found.close()

    return asyncio.run(whole())


async def once(found: RedisReader) -> FoundRows:
    """Read two rows."""
    return await found.read(WANTED)


@pytest.mark.parametrize(
    ("stored", "row"),
    [
        (packed(NOW_US, b'{"mean":1.5}'), StoredRow(NOW_US, b'{"mean":1.5}')),
        (packed(-1, b"{}"), StoredRow(-1, b"{}")),
        (packed(NOW_US, b"{}", NOW_US + 1), StoredRow(NOW_US, b"{}")),
        (packed(NOW_US, b"{}", NOW_US), None),
        (None, None),
    ],
)
def test_row_is_unpacked(stored: bytes | None, row: StoredRow | None) -> None:
    """A row past its time is none, even before the server forgets it."""
    asked_for = []

    def answer(keys: list[bytes]) -> bytes:
        asked_for.append(keys)
        return bulk(stored, None)

    assert asked(answer, once) == FoundRows.of([row, None])
    assert asked_for == [[f"online:{TABLE}:".encode() + key for key in KEYS]]


def test_questions_do_not_wait_for_each_other() -> None:
    """Many are under way on one connection; each gets its own answer."""

    def answer(keys: list[bytes]) -> bytes:
        return bulk(*(packed(NOW_US, orjson.dumps({"key": key.decode()})) for key in keys))

    async def ask(found: RedisReader) -> object:
        wanted = [[("t", [b"[%d]" % n])] for n in range(200)]
        return [rows.values[0] for rows in await asyncio.gather(*map(found.read, wanted))]

    assert asked(answer, ask) == [orjson.dumps({"key": f"online:t:[{n}]"}) for n in range(200)]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING Redis is loading"),
        (b"-NOAUTH Authentication required.\r\n", "NOAUTH Authentication required"),
        (b"+OK\r\n", "OK"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the connection is lost"),
        (b"", "the connection is lost"),
    ],
)
def test_odd_answers_are_told(said: bytes, told: str) -> None:
    """What is no array of values leaves nothing answered; no secret is shown."""

    async def ask(found: RedisReader) -> object:
        with pytest.raises(UnreachableSystemError, match=told) as caught:
            await found.read(WANTED)
        return str(caught.value)

    message = asked(lambda _: said, ask)
    assert "redis://127.0.0.1:" in str(message)
    assert "secret" not in str(message)


def test_silent_server_loses_its_connection() -> None:
    """All who wait are told; the next question goes over a new connection."""
    silent = [True]

    def answer(_: list[bytes]) -> bytes | None:
        return None if silent else bulk(None, None)

    async def ask(found: RedisReader) -> object:
        both = await asyncio.gather(*(found.read(WANTED) for _ in range(2)), return_exceptions=True)
        silent.clear()
        return [type(each) for each in both], await found.read(WANTED)

    expected = [UnreachableSystemError] * 2, NONE
    assert asked(answer, ask, SHORT) == expected


def test_questions_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the answer comes at once."""
    monkeypatch.setattr(redis_reader, "MOST_WAITING", 2)

    async def ask(found: RedisReader) -> object:
        waiting = [asyncio.create_task(found.read(WANTED)) for _ in range(3)]
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        return sorted("questions wait" in str(each) for each in answers)

    assert asked(lambda _: None, ask, SHORT) == [False, False, True]


def test_answer_that_nobody_waits_for_is_left_out() -> None:
    """Who gives up does not get between the others and their answers."""
    late: list[bytes] = []
    heard = asyncio.Event()

    def answer(keys: list[bytes]) -> bytes | None:
        heard.set()
        late.append(bulk(*(packed(NOW_US, key[-4:]) for key in keys)))
        return b"".join(late) if len(late) == 2 else None

    async def ask(found: RedisReader) -> object:
        first = asyncio.create_task(found.read([("t", [b"[11]"])]))
        await heard.wait()
        first.cancel()
        return await found.read([("t", [b"[22]"])])

    assert asked(answer, ask) == FoundRows((NOW_US,), [b"[22]"])


def test_closed_port_is_told() -> None:
    """Nobody listens: told at once, to everybody who waits for the same attempt."""

    async def whole() -> list[object]:
        found = reading(free_port())
        waiting = [found.read(WANTED) for _ in range(3)]
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        await found.close()
        return list(answers)

    assert {type(each) for each in asyncio.run(whole())} == {UnreachableSystemError}


def test_port_that_never_greets_is_told() -> None:
    """A connection that hangs before it stands is given up as well."""

    async def whole() -> None:
        async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)

        held: list[asyncio.StreamWriter] = []
        server = await asyncio.start_server(hold, "127.0.0.1", 0)
        found = reading(server.sockets[0].getsockname()[1], SHORT)
        with pytest.raises(UnreachableSystemError, match="does not answer"):
            await found.read(WANTED)
        for writer in held:
            writer.close()
        server.close()

    asyncio.run(whole())


def store_rows(server: RedisServer, **event_times: int) -> None:
    """Write rows as the platform does."""
    keys = [orjson.dumps([name]) for name in event_times]
    rows = {"key": keys, "event_us": list(event_times.values()), "value": [b'{"mean":1.5}'] * 2}
    with RedisStore(StoreAddress(server.url), FixedClock(NOW)) as store:
        entries = pa.table(rows, schema=ENTRIES)
        assert store.put(TABLE, entries, Cursor(1, NOW_US), ttl=HOUR) == len(keys)


@pytest.mark.services
def test_rows_of_the_platform_are_read(tmp_path: Path) -> None:
    """What the store writes, the reader reads as the store does; after a crash it comes back."""

    async def whole(server: RedisServer) -> None:
        found = reading_of(server)
        keys = [*KEYS, b'["EWR"]']
        wanted = [(TABLE, keys)]
        store_rows(server, JFK=NOW_US, LGA=NOW_US - 5)
        with RedisStore(StoreAddress(server.url), FixedClock(NOW)) as store:
            rows = await found.read(wanted)
            assert rows == FoundRows.of(store.get([(TABLE, key) for key in keys]))
            assert rows.events == [NOW_US, NOW_US - 5, None]
            full = await found.read(WANTED)
            assert list(full.values) == [b'{"mean":1.5}'] * 2
        server.kill()
        with pytest.raises(UnreachableSystemError):
            await found.read(wanted)
        server.start()
        assert await found.read(wanted) == FoundRows.of([None] * 3)
        await found.close()

    with redis_server(tmp_path) as server:
        asyncio.run(whole(server))


def reading_of(server: RedisServer) -> RedisReader:
    """A reader of a real server."""
    return RedisReader(lambda: StoreAddress(server.url), clock=FixedClock(NOW))


@pytest.mark.services
def test_password_database_are_those_of_the_address(tmp_path: Path) -> None:
    """redis-py proves who we are; a wrong password is told without being shown."""

    async def whole(server: RedisServer) -> None:
        right = StoreAddress(f"redis://:hunter2@127.0.0.1:{server.port}/3")
        wrong = StoreAddress(f"redis://:hunter3@127.0.0.1:{server.port}/3")
        found = RedisReader(lambda: right)
        assert await found.read(WANTED) == NONE
        await found.close()
        with pytest.raises(UnreachableSystemError) as caught:
            await RedisReader(lambda: wrong).read(WANTED)
        assert "hunter3" not in str(caught.value)

    with redis_server(tmp_path, "--requirepass", "hunter2") as server:
        asyncio.run(whole(server))
