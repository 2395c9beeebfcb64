"""A lake whose files lie in an S3-style store, over the protocol of a real server."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import duckdb
import pytest
from s3fs import S3FileSystem

from tests.watermain.lake.test_lake import NAME, make
from tests.watermain.source.dropping import s3_server
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.process.postgres import EmbeddedPostgres

__all__ = ["s3_server"]


def sell_then_fail(connection: duckdb.DuckDBPyConnection) -> None:
    """A block that changes its mind."""
    connection.execute("insert into lake.shop_curated.sales select range from range(900)")
    raise ZeroDivisionError


@pytest.fixture
def remote(
    s3_server: str, postgres: EmbeddedPostgres, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Lake:
    """An empty lake in an empty folder of a bucket."""
    one = f"one_{uuid4().hex[:12]}"
    S3FileSystem(key="key", secret="word", endpoint_url=s3_server).makedirs("lakes", exist_ok=True)
    postgres.ensure_database(one)
    monkeypatch.setenv("WATERMAIN_POSTGRES", postgres.dsn(one))
    monkeypatch.setenv("WATERMAIN_LAKE_PATH", f"s3://lakes/{one}")
    monkeypatch.setenv("WATERMAIN_S3_ENDPOINT", s3_server)
    monkeypatch.setenv("WATERMAIN_S3_KEY_ID", "key")
    monkeypatch.setenv("WATERMAIN_S3_SECRET", "word")
    lake = Lake.from_settings()
    lake.initialize()
    with lake.get_connection() as connection:
        ledger.create(connection)
    return lake


def test_files_of_a_transaction_lie_in_the_store(remote: Lake, s3_server: str, home: Path) -> None:
    """Published rows are read by another engine; a block that fails publishes nothing."""
    with remote.fence.lease(NAME) as lease, remote.get_connection() as connection:
        with remote.transaction(connection, lease, "publish"):
            make(connection)
        with pytest.raises(ZeroDivisionError), remote.transaction(connection, lease, "never"):
            sell_then_fail(connection)
    remote.forget()
    with remote.get_connection() as connection:
        query = "select count(*), sum(n) from lake.shop_curated.sales"
        assert connection.execute(query).fetchone() == (600, 599 * 300)
    store = S3FileSystem(key="key", secret="word", endpoint_url=s3_server)
    assert [
        path
        for path in store.find(remote.folder.removeprefix("s3://"))
        if path.endswith(".parquet")
    ] != []
    assert list((home / "lake").rglob("*.parquet")) == []
