"""The unpacking of compressed files, within bounds."""

from __future__ import annotations

import zlib
from gzip import GzipFile
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from watermain.source.delivery import Caps, UnreadableFileError
from watermain.source.scratch import scratch_file

_CODECS = {"zst": "zstd"}
_SMALL_BYTES = 64 * 2**20
_STEP_BYTES = 2**20


class Unpacked:
    """Read a compressed file as the bytes that it holds, forwards only.

    Guarantees: several members after each other are one file; a file that is cut short, that
    unpacks to more than `caps` allow, or that holds anything else is refused as soon as that shows.
    Raises: UnreadableFileError.
    """

    def __init__(self, file: BinaryIO, compression: str, size: int, caps: Caps) -> None:
        self.compression, self.size, self.caps = compression, size, caps
        self.most = min(caps.file_bytes, max(_SMALL_BYTES, caps.ratio * size))
        self.given = 0
        self._stream: BinaryIO | pa.CompressedInputStream
        if compression == "gz":  # takes zeros behind a member, as gzip pads to whole blocks
            self._stream = cast(BinaryIO, GzipFile(fileobj=cast(BinaryIO, _Shared(file))))
        else:
            shared = pa.PythonFile(_Shared(file), mode="r")
            self._stream = pa.CompressedInputStream(shared, _CODECS[compression])

    def read(self, count: int) -> bytes:
        """Give up to `count` bytes, or none at the end."""
        try:
            data = self._stream.read(count) if self.size else b""
        except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise self._unsound(str(error)) from None
        self.given += len(data)
        if not self.size:
            raise self._unsound("it is empty")
        if self.given > self.most:
            raise UnreadableFileError(f"it unpacks to more than {self.most} bytes from {self.size}")
        return bytes(data)

    def _unsound(self, why: str) -> UnreadableFileError:
        return UnreadableFileError(f"it is no sound {self.compression} file: {why}")


class _Shared:
    """Give a file to a stream that would close it at its own end: it may be read once more."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read

    def close(self) -> None:
        """Leave the file to who opened it."""


def unpacked_file(packed: Unpacked, scratch: Path) -> BinaryIO:
    """Unpack into a nameless file, for a format that is read backwards."""
    return scratch_file(scratch, iter(lambda: packed.read(_STEP_BYTES), b""))
