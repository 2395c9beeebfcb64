"""What Redis alone may do to a store: come back empty, or as it was a while ago."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from tests.watermain.online.kinds import TABLE, clock, entries, scanned, us
from tests.watermain.online.redis_server import RedisServer, redis_server
from watermain.declare.errors import (
    LostRowsError,
    MissingSettingError,
    UnreachableSystemError,
)
from watermain.online.address import StoreAddress
from watermain.online.protocol import Cursor, StoredRow
from watermain.online.redis import RedisStore

pytestmark = pytest.mark.services

A, B = b'["a"]', b'["b"]'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own."""
    with redis_server(tmp_path / "redis") as server:
        yield server


def restart(server: RedisServer, *, keeping: bool) -> None:
    """Kill the server, start it again: empty, or with what it has now."""
    if keeping:
        with redis.Redis.from_url(server.url) as client:
            client.save()
    server.kill()
    server.start()


@pytest.mark.parametrize("keeping", [False, True])
def test_cursor_is_refused_after_a_restart(server: RedisServer, keeping: bool) -> None:
    """Even where everything came back from the disk: who knows what did not."""
    with RedisStore(StoreAddress(server.url), clock()) as store:
        store.begin(TABLE, Cursor(1, 1))
        store.put(TABLE, entries((A, 1, b"1")), None)
        restart(server, keeping=keeping)
        with pytest.raises(LostRowsError):
            store.put(TABLE, entries((B, 1, b"1")), Cursor(1, 1))
        assert store.cursor(TABLE) is None
        assert store.begun(TABLE) == (Cursor(1, 1) if keeping else None)
        store.begin(TABLE, Cursor(1, 1))
        store.put(TABLE, entries((A, 1, b"1"), (B, 1, b"1")), Cursor(1, 1))
        assert (store.cursor(TABLE), len(scanned(store))) == (Cursor(1, 1), 2)


@pytest.mark.parametrize("ttl", [None, timedelta(days=1)])
def test_flush_between_batches_is_noticed_by_the_next(
    server: RedisServer, ttl: timedelta | None
) -> None:
    """The first filling, or any other."""
    with RedisStore(StoreAddress(server.url), clock()) as store:
        store.begin(TABLE, Cursor(1, 1))
        store.put(TABLE, entries((A, us(), b"1")), None, ttl)
        with redis.Redis.from_url(server.url) as client:
            client.flushall()
        with pytest.raises(LostRowsError):
            store.put(TABLE, entries((B, us(), b"1")), None, ttl)
        assert scanned(store) == {}


def test_cursor_comes_back_with_the_rows_that_it_speaks_of(server: RedisServer) -> None:
    """A server that lost its last minute has the cursor of the minute before."""
    with RedisStore(StoreAddress(server.url), clock()) as store:
        store.put(TABLE, entries((A, 1, b"1")), Cursor(1, 1))
        with redis.Redis.from_url(server.url) as client:
            client.save()
        store.put(TABLE, entries((A, 2, b"2")), Cursor(2, 2))
        server.kill()
        server.start()
        assert (store.cursor(TABLE), store.get([(TABLE, A)])) == (
            Cursor(1, 1),
            [StoredRow(1, b"1")],
        )


def test_value_is_packed_behind_its_instants(server: RedisServer) -> None:
    """Eight bytes of the event time, eight of the end, then the JSON; the key has the table."""
    with RedisStore(StoreAddress(server.url), clock()) as store:
        store.put(TABLE, entries((A, 7, b"{}")), Cursor(1, 2))
        store.put(TABLE, entries((B, us(), b"{}")), None, timedelta(seconds=60))
        with redis.Redis.from_url(server.url) as client:
            assert client.get(b"online:weather.features.wind_v2:" + A) == (
                (7).to_bytes(8, "big") + (2**63 - 1).to_bytes(8, "big") + b"{}"
            )
            packed = client.get(b"online:weather.features.wind_v2:" + B)
            assert packed == us().to_bytes(8, "big") + us(60).to_bytes(8, "big") + b"{}"
            left = client.pttl(b"online:weather.features.wind_v2:" + B)
            assert 50_000 < int(left) <= 60_001
            assert client.get(f"online-cursor:{TABLE}") == b"[1, 2]"
            assert client.dbsize() == 3


def test_nothing_begins_in_a_server_that_evicts(server: RedisServer) -> None:
    """It would throw rows away without a word; a policy without a limit does nothing."""
    with (
        RedisStore(StoreAddress(server.url), clock()) as store,
        redis.Redis.from_url(server.url) as client,
    ):
        client.config_set("maxmemory-policy", "allkeys-lru")
        store.begin(TABLE, Cursor(1, 1))
        client.config_set("maxmemory", "100mb")
        with pytest.raises(MissingSettingError, match="maxmemory-policy is allkeys-lru"):
            store.begin(TABLE, Cursor(2, 2))
        assert store.begun(TABLE) == Cursor(1, 1)


@pytest.mark.parametrize("since", [None, Cursor(1, 1)])
def test_full_server_refuses_and_goes_on_once_it_has_room(
    server: RedisServer, since: Cursor | None
) -> None:
    """The first filling, or any other; no answer of the refused one is taken for a later one's."""
    with (
        RedisStore(StoreAddress(server.url), clock()) as store,
        redis.Redis.from_url(server.url) as client,
    ):
        if since is not None:
            store.put(TABLE, entries((B, 1, b"1")), since)
        store.begin(TABLE, Cursor(2, 2), since)
        client.config_set("maxmemory", 1)
        with pytest.raises(UnreachableSystemError, match="maxmemory"):
            store.put(TABLE, entries((A, 1, b"1")), None)
        client.config_set("maxmemory", 0)
        assert store.get([(TABLE, A)]) == [None]
        assert store.put(TABLE, entries((A, 1, b"1")), Cursor(2, 2)) == 1
        assert store.get([(TABLE, A)]) == [StoredRow(1, b"1")]


def test_dead_server_is_unreachable(server: RedisServer) -> None:
    """Each call says so; the store works again when the server does."""
    with RedisStore(StoreAddress(server.url), clock()) as store:
        server.kill()
        for call in (
            lambda: store.get([(TABLE, A)]),
            lambda: store.put(TABLE, entries((A, 1, b"1")), None),
            lambda: store.begin(TABLE, Cursor(1, 1)),
            lambda: store.cursor(TABLE),
            lambda: list(store.scan(TABLE)),
        ):
            with pytest.raises(UnreachableSystemError, match="does not answer"):
                call()
        server.start()
        assert store.get([(TABLE, A)]) == [None]


def test_wrong_password_is_never_shown(server: RedisServer) -> None:
    """Nor the user."""
    url = server.url.replace("//", "//somebody:pa55%20w0rd@")
    with (
        RedisStore(StoreAddress(url), clock()) as store,
        pytest.raises(UnreachableSystemError) as raised,
    ):
        store.get([(TABLE, A)])
    told = str(raised.value)
    assert len(told.splitlines()) == 4
    assert not any(word in told for word in ("pa55", "w0rd", "somebody"))
    assert raised.value.__cause__ is None
