"""Fixtures of a lake whose files lie in a store behind a relay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from s3fs import S3FileSystem

from tests.faults.store_relay import StoreRelay
from tests.lakes import LakeTemplate, recall, use
from tests.watermain.source.dropping import s3_server
from watermain.lake.lake import Lake

__all__ = ["bucket", "relay", "remote", "s3_server", "stored"]
SECRET = "store-secret-4711"


@pytest.fixture
def relay(s3_server: str) -> Iterator[StoreRelay]:
    """A relay before the store, which passes everything on."""
    with StoreRelay(s3_server) as found:
        yield found


@pytest.fixture
def bucket(s3_server: str) -> str:
    """An empty bucket."""
    name = f"lake-{uuid4().hex[:12]}"
    stored(s3_server).mkdir(name)
    return name


@pytest.fixture
def remote(
    relay: StoreRelay,
    bucket: str,
    tmp_path: Path,
    empty_lake: LakeTemplate,
    monkeypatch: pytest.MonkeyPatch,
) -> Lake:
    """An empty lake on the bucket, its waits short; the secret lies in the data folder."""
    empty_lake.copy(bucket, tmp_path, store=f"s3://{bucket}/files/")
    use(monkeypatch, tmp_path, empty_lake.server.dsn(bucket))
    (tmp_path / "store-secret").write_text(SECRET)
    monkeypatch.setenv("WATERMAIN_LAKE_PATH", f"s3://{bucket}/files")
    monkeypatch.setenv("WATERMAIN_S3_ENDPOINT", relay.address)
    monkeypatch.setenv("WATERMAIN_S3_KEY_ID", "key")
    monkeypatch.setenv("WATERMAIN_S3_SECRET", "file:./store-secret")
    monkeypatch.setenv("WATERMAIN_REQUEST_SECONDS", "2")
    monkeypatch.setenv("WATERMAIN_REQUEST_RETRIES", "1")
    recall()
    return Lake.from_settings()


def stored(address: str) -> S3FileSystem:
    """A client of the store itself."""
    return S3FileSystem(
        key="key",
        secret=SECRET,
        endpoint_url=address,
        skip_instance_cache=True,
        use_listings_cache=False,
    )
