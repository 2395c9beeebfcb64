"""What the stores of dropped files promise: folders, buckets on a real server of S3's protocol."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.store_relay import BUSY, CUT_DOWN, GONE, StoreRelay
from tests.watermain.source.dropped import BucketKind, FilesKind, packed, written
from tests.watermain.source.kinds import SHAPE, Ledger, thing
from watermain.clock import FixedClock
from watermain.credential import Address
from watermain.declare.errors import (
    ExpiredCredentialError,
    SourceError,
    UnreachableSystemError,
)
from watermain.declare.outside.source import Files
from watermain.settings import Settings
from watermain.source.delivery import Caps
from watermain.source.drop.store import UnservedError
from watermain.source.files.bucket import Bucket
from watermain.source.files.files import FileSource


def test_bucket_gives_finished_objects_under_its_prefix_only(
    bucket_kind: BucketKind, ledger: Ledger
) -> None:
    data = packed(written([thing(1)], "json"), "zst")
    for key in ("in/things.part", "in/.things", "in/sub/things", "out/things", "in/others"):
        bucket_kind.put(key, data)
    assert ledger.capture(bucket_kind.open()) == []
    ledger.capture(bucket_kind.open(pattern="**/things*"))
    assert ledger.rows("id", "_file") == [("1", "sub/things")]


def test_object_is_left_alone_until_it_has_settled(bucket_kind: BucketKind, ledger: Ledger) -> None:
    bucket_kind.clock = FixedClock(datetime.now(UTC))
    bucket_kind.add([thing(1)])
    source = bucket_kind.open(settle_for=timedelta(minutes=10))
    assert ledger.capture(source) == []
    assert source.backlog().is_empty
    bucket_kind.clock.instant += timedelta(minutes=11)
    ledger.capture(source)
    assert ledger.rows("id") == [("1",)]


def test_object_sent_again_is_known_by_its_content(bucket_kind: BucketKind, ledger: Ledger) -> None:
    data = packed(written([thing(1)], "json"), "zst")
    bucket_kind.put("in/things-1", data)
    bucket_kind.put("in/things-2", data)
    assert len(ledger.capture(bucket_kind.open())) == 1
    bucket_kind.put("in/things-1", packed(written([thing(2)], "json"), "zst"))
    ledger.capture(bucket_kind.open())
    assert ledger.rows("id") == [("1",), ("2",)]
    assert list(bucket_kind.scratch.rglob("*.spill.parquet")) == []


def test_listing_beyond_its_cap_is_refused(bucket_kind: BucketKind, files_kind: FilesKind) -> None:
    for kind in (bucket_kind, files_kind):
        for number in range(3):
            kind.add([thing(number)])
        source = kind.open()
        source.caps = Caps(entries=2)
        with pytest.raises(SourceError, match="there are more than 2 entries to list") as error:
            source.verify()
        assert str(error.value).count("\n") == 3


def test_file_beyond_its_cap_is_put_aside_unread(bucket_kind: BucketKind, ledger: Ledger) -> None:
    bucket_kind.add([thing(1)])
    source = bucket_kind.open()
    source.caps = Caps(file_bytes=10)
    (seen,) = ledger.capture(source)
    assert seen.rejected[0]["reason"] == "it is larger than 10 bytes"
    assert ledger.capture(source) == []


@pytest.mark.parametrize(
    "address", ["s3://", "ftp://host/x", "s3://bucket/x?endpont=y", "s3://bucket?x", "s3://[/"]
)
def test_address_that_is_none_is_refused_without_showing_it(address: str, tmp_path: Path) -> None:
    with pytest.raises(UnservedError, match="the address is no folder, no S3 address"):
        Bucket(address, tmp_path)


@pytest.mark.parametrize("way", [CUT_DOWN, BUSY, GONE])
def test_object_that_does_not_come_whole_is_an_error_that_passes(
    bucket_kind: BucketKind, ledger: Ledger, way: str
) -> None:
    """Whether the listing or a transfer breaks off; what is there is captured later."""
    bucket_kind.add([thing(1)])
    real = bucket_kind.endpoint
    with StoreRelay(real) as relay:
        bucket_kind.endpoint = relay.address
        relay.lose(way, "GET", passes=1)
        with pytest.raises(UnreachableSystemError, match="the store of bucket"):
            ledger.capture(bucket_kind.open())
        assert relay.struck
    bucket_kind.endpoint = real
    assert len(ledger.capture(bucket_kind.open())) == 1


def test_missing_bucket_or_server_is_an_error_that_passes(bucket_kind: BucketKind) -> None:
    bucket_kind.bucket = "nowhere"
    with pytest.raises(UnreachableSystemError, match="answered NoSuchBucket"):
        bucket_kind.open().verify()
    bucket_kind.endpoint = "http://127.0.0.1:1"
    with pytest.raises(UnreachableSystemError, match="answered EndpointConnectionError") as error:
        bucket_kind.open().verify()
    assert "open" not in str(error.value)


def test_refused_key_shuts_the_gate_until_it_is_rotated(
    bucket_kind: BucketKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WATERMAIN_SOURCE_DROP", bucket_kind.address)
    address = Address(Settings(data_dir=tmp_path), "drop")
    word = Files(connection="drop", pattern="*", format="json")
    source = FileSource(word, SHAPE, folder=address, scratch=tmp_path)
    source.verify()
    key, secret = bucket_kind.new_key()
    with bucket_kind.strict():
        with pytest.raises(ExpiredCredentialError, match="answered InvalidAccessKeyId") as error:
            source.verify()
        assert "open" not in str(error.value)
        assert address.gate.is_shut
        own = f"{key}:{quote(secret, safe='')}@"
        rotated = bucket_kind.address.replace("key:open%20sesame%2F%2B@", own)
        monkeypatch.setenv("WATERMAIN_SOURCE_DROP", rotated)
        source.verify()
    assert not address.gate.is_shut


@pytest.mark.parametrize("compression", ["none", "gz", "zst"])
@pytest.mark.parametrize("format", ["csv", "json", "avro", "parquet"])
def test_every_format_is_read_in_every_compression(
    format: str, compression: str, tmp_path: Path, ledger: Ledger
) -> None:
    kind = FilesKind(tmp_path / "drop", tmp_path / "scratch", format, compression)
    kind.add([thing(1, "é"), thing(2, None)])
    (seen,) = ledger.capture(kind.open())
    assert seen.rejected == []
    assert ledger.rows("id", "note") == [("1", "é"), ("2", None)]


def test_truncated_file_is_put_aside_whole(files_kind: FilesKind, ledger: Ledger) -> None:
    data = packed(written([thing(n) for n in range(1000)], "json"), "gz")
    files_kind.write("things.gz", data[: len(data) // 2])
    (seen,) = ledger.capture(files_kind.open(format="json", compression="gz"))
    assert seen.rows.num_rows == 0
    assert [r["reason"] for r in seen.rejected] == [
        "it is no sound gz file: Compressed file ended before the end-of-stream marker was reached"
    ]


def test_json_payload_is_kept_for_the_quarantine(files_kind: FilesKind, ledger: Ledger) -> None:
    good = json.dumps(thing(1))
    files_kind.write("things.json", f'{good}\n{{"id":1,"id":2}}\n')
    (seen,) = ledger.capture(files_kind.open(format="json"))
    assert seen.rejected == [
        {
            "position": "things.json:2",
            "reason": "names `id` twice",
            "payload": '{"id":1,"id":2}',
        }
    ]
