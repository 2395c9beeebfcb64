"""Fixtures that open the stores of dropped files, each format in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from moto.server import ThreadedMotoServer

from tests.watermain.source.dropped import BucketKind, FilesKind, SftpKind
from tests.watermain.source.sftp_server import SftpServer

__all__ = (
    "avro_files_kind",
    "bucket_kind",
    "files_kind",
    "json_files_kind",
    "parquet_files_kind",
    "s3_server",
    "sftp_kind",
    "sftp_server",
)
DROPPED = ("files", "json_files", "avro_files", "parquet_files", "bucket", "sftp")


@pytest.fixture
def files_kind(tmp_path: Path) -> FilesKind:
    """An empty folder."""
    return FilesKind(tmp_path / "drop", tmp_path / "scratch")


@pytest.fixture
def json_files_kind(tmp_path: Path) -> FilesKind:
    """An empty folder for JSON lines, compressed."""
    return FilesKind(tmp_path / "drop", tmp_path / "scratch", "json", "gz")


@pytest.fixture
def avro_files_kind(tmp_path: Path) -> FilesKind:
    """An empty folder for Avro."""
    return FilesKind(tmp_path / "drop", tmp_path / "scratch", "avro")


@pytest.fixture
def parquet_files_kind(tmp_path: Path) -> FilesKind:
    """An empty folder for Parquet, compressed once more."""
    return FilesKind(tmp_path / "drop", tmp_path / "scratch", "parquet", "zst")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a server of S3's protocol for the session."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket_kind(s3_server: str, tmp_path: Path) -> BucketKind:
    """A bucket of its own."""
    return BucketKind(s3_server, f"drop-{uuid4().hex}", tmp_path / "bucket")


@pytest.fixture
def sftp_server(tmp_path: Path) -> Iterator[SftpServer]:
    """An SFTP server over a folder of its own."""
    server = SftpServer(tmp_path / "server").start()
    yield server
    server.stop()
    server.end()


@pytest.fixture
def sftp_kind(sftp_server: SftpServer, tmp_path: Path) -> SftpKind:
    """An empty folder of a server."""
    return SftpKind(sftp_server, tmp_path)
