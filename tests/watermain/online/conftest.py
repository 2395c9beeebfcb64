"""A store of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
import redis

from tests.watermain.online.kinds import Kind
from tests.watermain.online.redis_server import RedisServer, redis_server
from watermain.online.address import StoreAddress
from watermain.online.postgres import PostgresStore
from watermain.online.redis import RedisStore
from watermain.online.sqlite import SqliteStore
from watermain.process.postgres import EmbeddedPostgres

NUMBERS = count()
KINDS = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.slow),
    pytest.param("redis", marks=pytest.mark.services),
]


@pytest.fixture(scope="session")
def redis_child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One real Redis for the session."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """A kind of store with nothing in it."""
    name = request.param
    if name == "sqlite":
        return _sqlite(tmp_path / "online.sqlite")
    if name == "postgres":
        return _postgres(request.getfixturevalue("postgres"))
    return _redis(request.getfixturevalue("redis_child"))


def _sqlite(path: Path) -> Kind:
    def flush() -> None:
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()

    return Kind("sqlite", lambda clock: SqliteStore(path, clock), flush)


def _postgres(server: EmbeddedPostgres) -> Kind:
    database = f"online_{next(NUMBERS)}"
    server.ensure_database(database)
    address = StoreAddress(server.url(database))

    def flush() -> None:
        with psycopg.connect(server.dsn(database), autocommit=True) as connection:
            connection.execute("truncate watermain_online.feature_table cascade")

    return Kind("postgres", lambda clock: PostgresStore(address, clock), flush)


def _redis(server: RedisServer) -> Kind:
    address = StoreAddress(server.url)

    def flush() -> None:
        with redis.Redis.from_url(server.url) as client:
            client.flushall()

    flush()
    return Kind("redis", lambda clock: RedisStore(address, clock), flush)
