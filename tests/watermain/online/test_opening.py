"""The store that the settings name; what its address never shows."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.watermain.online.kinds import TABLE, entries
from watermain.declare.errors import MissingSettingError, UnreachableSystemError
from watermain.online.address import StoreAddress
from watermain.online.opening import open_store
from watermain.online.own_threads import OwnThreads
from watermain.online.postgres import PostgresStore
from watermain.online.protocol import Cursor
from watermain.online.redis import RedisStore
from watermain.online.sqlite import SqliteStore
from watermain.settings import Settings, load_settings


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (None, SqliteStore),
        ("redis://127.0.0.1:1/0", RedisStore),
        ("rediss://127.0.0.1:1/0", RedisStore),
        ("postgresql://127.0.0.1:1/x", PostgresStore),
        ("postgres://127.0.0.1:1/x", PostgresStore),
    ],
)
def test_setting_names_the_store(tmp_path: Path, address: str | None, kind: type) -> None:
    """Nothing is connected before it is asked."""
    with open_store(Settings(data_dir=tmp_path, online_store=address)) as store:
        assert type(store) is kind
    assert list(tmp_path.iterdir()) == []


def test_setting_is_an_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its value may be a secret reference, whole or in part; settings never show it."""
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WATERMAIN_ONLINE_STORE", "redis://:${env:STORE_PASSWORD}@127.0.0.1:1/0")
    monkeypatch.setenv("STORE_PASSWORD", "pa55/w0rd")
    assert "STORE_PASSWORD" not in repr(load_settings())
    with (
        open_store(load_settings()) as store,
        pytest.raises(UnreachableSystemError, match="1:1/0 does not answer") as it,
    ):
        store.cursor(TABLE)
    assert "pa55" not in str(it.value)


@pytest.mark.parametrize("address", ["", "mysql://u:pa55@h/d", "pa55", "host=h password=pa55"])
def test_other_address_is_refused(tmp_path: Path, address: str) -> None:
    """In four lines that name the variable, what is right, never what was given."""
    with pytest.raises(MissingSettingError) as raised:
        open_store(Settings(data_dir=tmp_path, online_store=address))
    told = str(raised.value)
    assert len(told.splitlines()) == 4
    assert "WATERMAIN_ONLINE_STORE is no address of an online store" in told
    assert "redis://host:6379/0 or postgresql://host/database" in told
    assert "pa55" not in told


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://u:pa55@host:6379/0?password=pa55", "redis://host:6379/0"),
        ("postgresql://u:pa55@host/db?sslpassword=pa55", "postgresql://host/db"),
        ("postgresql://u:p/@pa55@host/db", "postgresql://***"),
        ("redis://:p@pa55:6379/0", "redis://pa55:6379/0"),
        ("redis://:x/pa55@host:6379/0", "redis://***"),
        ("redis://host:pa55/0", "redis://***"),
        ("redis:///0", "redis:///0"),
    ],
)
def test_address_shows_no_secret(url: str, shown: str) -> None:
    """Where a reader of the address could be mistaken, it shows its scheme alone."""
    address = StoreAddress(url)
    assert address.shown == shown
    assert url not in repr(address)
    told = str(address.unreachable(ValueError(f"no such thing: {url}")))
    assert shown == "redis://pa55:6379/0" or "pa55" not in told
    assert len(told.splitlines()) == 4


@pytest.mark.parametrize("url", ["redis://host:pa55/0", "postgresql://u:pa55@[x/db"])
def test_address_that_cannot_be_read_is_unreachable(tmp_path: Path, url: str) -> None:
    """The driver's own words, which repeat it, are not told."""
    with (
        open_store(Settings(data_dir=tmp_path, online_store=url)) as store,
        pytest.raises(UnreachableSystemError, match="its address is ambiguous") as raised,
    ):
        store.get([(TABLE, b"[1]")])
    assert "pa55" not in str(raised.value)


def test_broken_file_says_what_to_do(tmp_path: Path) -> None:
    """It can be had again from the lake."""
    (tmp_path / "online.sqlite").write_bytes(b"no database at all" * 100)
    with (
        open_store(Settings(data_dir=tmp_path)) as store,
        pytest.raises(UnreachableSystemError, match="file is not a database") as raised,
    ):
        store.cursor(TABLE)
    assert "can be had from the lake" in str(raised.value)


def test_each_thread_has_a_connection(tmp_path: Path) -> None:
    """Which all end with the store; it may be asked again afterwards."""

    class Counted:
        def close(self) -> None:
            closed.append(self)

    closed: list[Counted] = []
    threads = OwnThreads(Counted)
    seen = {id(threads.get()), id(threads.get())}
    assert len(seen) == 1
    others: list[Counted] = []
    for _ in range(2):
        each = threading.Thread(target=lambda: others.append(threads.get()))
        each.start()
        each.join()
    assert len({id(threads.get()), *map(id, others)}) == 3
    mine = threads.get()
    threads.forget()
    assert (closed, threads.get() is mine) == ([mine], False)
    threads.close()
    assert len(closed) == 4


def test_child_opens_its_own_connection(tmp_path: Path) -> None:
    """A forked process never speaks over its parent's."""
    with SqliteStore(tmp_path / "online.sqlite") as store:
        store.put(TABLE, entries((b"[1]", 1, b"{}")), Cursor(1, 1))
        held = store._connections.get()
        child = os.fork()
        if child == 0:
            os._exit(0 if store._connections.get() is not held and store.cursor(TABLE) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store._connections.get() is held
