"""The stores of dropped files as kinds of source, in each format."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import fastavro
import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from tests.watermain.source.kinds import COLUMNS, SHAPE
from tests.watermain.source.sftp_server import USER, SftpServer
from watermain.clock import FixedClock
from watermain.declare.connection.sftp import SftpConnection
from watermain.declare.outside.source import Files, Sftp
from watermain.settings import Settings
from watermain.source.files.files import FileSource
from watermain.source.outside import Outside
from watermain.source.protocol import Shape
from watermain.source.sftp.address import composed
from watermain.source.sftp.sftp import SftpSource

FIELDS = (*COLUMNS, "extra")
NULLABLE = ["null", "string"]
AVRO = {
    "type": "record",
    "name": "thing",
    "fields": [{"name": name, "type": NULLABLE} for name in FIELDS],
}
SECRET = "open sesame/+"


def written(rows: list[dict], format: str) -> bytes:
    """A file of these rows, each with a field that nobody declared."""
    full = [{**row, "extra": ""} for row in rows]
    match format:
        case "csv":
            text = io.StringIO(newline="")
            csv.writer(text).writerows([FIELDS, *([row[n] for n in FIELDS] for row in full)])
            return text.getvalue().encode()
        case "json":
            return b"".join(json.dumps(row).encode() + b"\n" for row in full)
        case "avro":
            return avro(AVRO, full)
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(full, pa.schema([(n, pa.string()) for n in FIELDS])), sink)
    return sink.getvalue()


def avro(schema: Any, rows: list[Any], **words: Any) -> bytes:
    """An Avro file."""
    sink = io.BytesIO()
    fastavro.writer(sink, schema, rows, **words)
    return sink.getvalue()


def packed(data: bytes, compression: str) -> bytes:
    """The same bytes, compressed."""
    if compression == "gz":
        return gzip.compress(data, mtime=0)
    if compression == "zst":
        return bytes(pa.compress(data, codec="zstd", asbytes=True))
    return data


class FilesKind:
    """A folder, watched by a clock that stands an hour ahead."""

    together = True

    def __init__(
        self, folder: Path, scratch: Path, format: str = "csv", compression: str = "none"
    ) -> None:
        self.folder, self.scratch = folder, scratch
        self.format, self.compression = format, compression
        self.clock = FixedClock(datetime.now(UTC) + timedelta(hours=1))
        self.count = 0
        folder.mkdir()

    def add(self, rows: list[dict]) -> None:
        self.count += 1
        name = f"things-{self.count:03}.{self.format}"
        self.write(f"{name}.part", packed(written(rows, self.format), self.compression))
        (self.folder / f"{name}.part").rename(self.folder / name)

    def write(self, name: str, content: str | bytes) -> Path:
        """Put a file of the caller's words into the folder."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def open(self, shape: Shape = SHAPE, **words: object) -> FileSource:
        given = {"format": self.format, "compression": self.compression, **words}
        word = Files(**{"connection": "drop", "pattern": "things*", **given})
        return FileSource(
            word, shape, folder=lambda: self.address, scratch=self.scratch, clock=self.clock
        )

    @property
    def address(self) -> str:
        """What the connection's variable holds."""
        return str(self.folder)


class BucketKind(FilesKind):
    """A prefix of a bucket on a server of S3's protocol."""

    def __init__(self, endpoint: str, bucket: str, folder: Path) -> None:
        super().__init__(folder, folder / "scratch", "json", "zst")
        self.endpoint, self.bucket = endpoint, bucket
        self.words: dict[str, Any] = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "key",
            "aws_secret_access_key": SECRET,
        }
        self.client = boto3.client("s3", **self.words)
        self.client.create_bucket(Bucket=bucket)

    def add(self, rows: list[dict]) -> None:
        self.count += 1
        self.put(f"in/things-{self.count:03}.json.zst", packed(written(rows, "json"), "zst"))

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def new_key(self) -> tuple[str, str]:
        """The key of a user who may do all, with its secret."""
        iam = boto3.client("iam", **self.words)
        iam.create_user(UserName=self.bucket)
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_user_policy(UserName=self.bucket, PolicyName="all", PolicyDocument=policy)
        made = iam.create_access_key(UserName=self.bucket)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    @contextmanager
    def strict(self) -> Iterator[None]:
        """Let the server ask who everybody is."""
        url = f"{self.endpoint}/moto-api/reset-auth"
        httpx.post(url, content=b"0", trust_env=False)
        try:
            yield
        finally:
            httpx.post(url, content=b"inf", trust_env=False)

    @property
    def address(self) -> str:
        return f"s3://key:open%20sesame%2F%2B@{self.bucket}/in/?endpoint={self.endpoint}"


class SftpKind(FilesKind):
    """A folder of a server."""

    def __init__(self, server: SftpServer, home: Path) -> None:
        super().__init__(server.folder / "in", home / "scratch")
        self.server, self.home = server, home

    def word(self, **options: Any) -> SftpConnection:
        """The connection, its secrets in files."""
        (self.home / "known").write_text(self.server.known_hosts)
        (self.home / "password").write_text(self.server.password)
        named = {"known_hosts": f"file:{self.home}/known", "password": f"file:{self.home}/password"}
        return SftpConnection(
            "drop",
            **{"address": f"sftp://127.0.0.1:{self.server.port}/in", "user": USER, **named}
            | options,
        )

    def open(self, shape: Shape = SHAPE, **words: object) -> SftpSource:
        given = {"format": self.format, "compression": self.compression, **words}
        word = Sftp(**{"connection": "drop", "pattern": "things*", **given})
        return self.opened(word, self.word(), shape)

    def opened(self, word: Sftp, connection: SftpConnection, shape: Shape = SHAPE) -> SftpSource:
        """The source over a connection of the caller's words."""
        outside = Outside(Settings(data_dir=self.home), {"drop": connection})
        return SftpSource(
            word,
            shape,
            folder=outside.address("drop", composed),
            scratch=self.scratch,
            clock=self.clock,
        )
