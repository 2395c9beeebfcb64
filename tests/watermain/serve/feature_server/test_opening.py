"""The settings say which store is read, how."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pyarrow as pa
import pytest

from tests.ports import free_port
from tests.watermain.serve.feature_server.delays import NOW, micros
from watermain.clock import Clock, FixedClock
from watermain.declare.errors import MissingSettingError, UnreachableSystemError
from watermain.online.opening import open_store
from watermain.online.protocol import ENTRIES, Cursor
from watermain.serve.feature_server.opening import reader_of
from watermain.serve.feature_server.reader import FoundRows, ThreadReader
from watermain.serve.feature_server.redis_reader import RedisReader
from watermain.settings import Settings

TABLE = "prediction.features.airport_delay_v1"


def test_embedded_store_is_read(tmp_path: Path) -> None:
    """What was written into the data folder is answered."""
    settings = Settings(data_dir=tmp_path)
    with open_store(settings) as store:
        rows = {"key": [b'["JFK"]'], "event_us": [micros(NOW)], "value": [b'{"mean":1.5}']}
        store.put(TABLE, pa.table(rows, schema=ENTRIES), Cursor(1, micros(NOW)))

    async def whole() -> FoundRows:
        found = reader_of(settings)
        assert isinstance(found, ThreadReader)
        try:
            return await found.read([(TABLE, [b'["JFK"]', b'["EWR"]'])])
        finally:
            await found.close()

    assert asyncio.run(whole()) == FoundRows([micros(NOW), None], [b'{"mean":1.5}', None])


@pytest.mark.parametrize("address", ["redis://127.0.0.1:{}/0", "rediss://127.0.0.1:{}/0"])
def test_redis_is_read_without_threads(tmp_path: Path, address: str) -> None:
    """The server starts while Redis is away; who asks is told."""
    settings = Settings(data_dir=tmp_path, online_store=address.format(free_port()))

    async def whole() -> None:
        found = reader_of(settings)
        assert isinstance(found, RedisReader)
        with pytest.raises(UnreachableSystemError, match="does not answer"):
            await found.read([(TABLE, [b"[1]"])])
        await found.close()

    asyncio.run(whole())


def test_secrets_of_an_address_are_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference is read when a connection is made; it is no part of what is told."""
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2")
    address = f"redis://:${{env:REDIS_PASSWORD}}@127.0.0.1:{free_port()}/0"

    async def whole() -> str:
        with pytest.raises(UnreachableSystemError) as caught:
            await reader_of(Settings(data_dir=tmp_path, online_store=address)).read([("t", [b"1"])])
        return str(caught.value)

    assert "hunter2" not in asyncio.run(whole())


def test_postgres_is_read_through_threads(tmp_path: Path) -> None:
    """Each thread has a connection of its own, made when it is first needed."""
    address = f"postgresql://127.0.0.1:{free_port()}/none"

    async def whole() -> None:
        found = reader_of(Settings(data_dir=tmp_path, online_store=address))
        assert isinstance(found, ThreadReader)
        with pytest.raises(UnreachableSystemError, match="does not answer"):
            await found.read([(TABLE, [b"[1]"])])
        await found.close()

    asyncio.run(whole())


def test_address_of_no_store_is_refused(tmp_path: Path) -> None:
    """Nothing starts with a setting that is wrong."""
    with pytest.raises(MissingSettingError, match="is no address of an online store"):
        reader_of(Settings(data_dir=tmp_path, online_store="memcached://host"))


def test_clock_tells_microseconds() -> None:
    """Ages are counted by the same clock that tells the time of day."""
    assert FixedClock(NOW).micros() == micros(NOW)
    clock = Clock()
    assert micros(clock.now()) <= clock.micros() <= micros(clock.now())
