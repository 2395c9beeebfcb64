"""Compressed files give their bytes, or the reason why not."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pytest

from tests.watermain.source.dropped import packed
from watermain.source.delivery import Caps, UnreadableFileError
from watermain.source.drop.unpacking import Unpacked, unpacked_file

DATA = b"".join(b"%d,x\n" % n for n in range(5000))


def unpacked(data: bytes, compression: str, **caps: int) -> bytes:
    """All that the file holds."""
    stream = Unpacked(io.BytesIO(data), compression, len(data), Caps(**caps))
    return b"".join(iter(lambda: stream.read(1000), b""))


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_file_gives_its_bytes_members_joined(compression: str, tmp_path: Path) -> None:
    data = packed(DATA, compression)
    assert unpacked(data, compression) == DATA
    assert unpacked(data + data, compression) == DATA + DATA
    with unpacked_file(
        Unpacked(io.BytesIO(data), compression, len(data), Caps()), tmp_path
    ) as file:
        assert file.read() == DATA
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("zeros", [1, 7, 512, 100_000])
def test_padding_of_gz_is_passed_over(zeros: int) -> None:
    """As gzip itself does: between members, behind the last one."""
    data = packed(DATA, "gz")
    padding = bytes(zeros)
    assert unpacked(data + padding, "gz") == DATA
    assert unpacked(data + padding + data + padding, "gz") == DATA + DATA
    with pytest.raises(UnreadableFileError, match="it is no sound gz file"):
        unpacked(data + padding + b"junk", "gz")


@pytest.mark.parametrize("compression", ["gz", "zst"])
@pytest.mark.parametrize("harm", ["cut", "trail", "plain", "empty", "broken"])
def test_unsound_file_is_refused(compression: str, harm: str) -> None:
    data = packed(DATA, compression)
    broken = {
        "cut": data[:-3],
        "trail": data + b"junk",
        "plain": DATA,
        "empty": b"",
        "broken": data[:4] + b"\xff" * 100 + data[104:],
    }[harm]
    with pytest.raises(UnreadableFileError, match=f"it is no sound {compression} file: "):
        unpacked(broken, compression)


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_bomb_is_refused_before_it_goes_off(compression: str) -> None:
    zeros = bytes(80 * 2**20)
    level = gzip.compress(zeros, 9) if compression == "gz" else None
    data = level or bytes(pa.compress(zeros, codec="zstd", asbytes=True))
    stream = Unpacked(io.BytesIO(data), compression, len(data), Caps(ratio=100))
    with pytest.raises(UnreadableFileError, match="it unpacks to more than 67108864 bytes from"):
        list(iter(lambda: stream.read(2**20), b""))
    assert stream.given <= 65 * 2**20
    with pytest.raises(UnreadableFileError, match="it unpacks to more than 100 bytes"):
        unpacked(packed(DATA, compression), compression, file_bytes=100)


@pytest.mark.parametrize("compression", ["gz", "zst"])
def test_file_stays_open_to_be_read_once_more(compression: str) -> None:
    """A reader that gives up leaves the file to the next one."""
    file = io.BytesIO(packed(DATA, compression))
    for _ in range(2):
        stream = Unpacked(file, compression, len(file.getvalue()), Caps())
        assert stream.read(4) == DATA[:4]
        del stream
        file.seek(0)
