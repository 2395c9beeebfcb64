"""The bytes of data files, read where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

from watermain.lake import store
from watermain.lake.rest.checksum import Checksum, checksum, checksum_of
from watermain.settings import Settings, load_settings

REMOTE = "s3://"
PART_BYTES = 8 * 2**20


class AtRest:
    """Sum files of a folder, or of a prefix on an S3-style store, each read once.

    Raises: FileNotFoundError, for a file that is gone; OSError, for one that the disk does not
    give; or UnreachableSystemError, for a store that does not answer.
    """

    def __init__(self, folder: str, settings: Settings | None = None) -> None:
        self.is_remote = folder.startswith(REMOTE)
        self._settings = settings or load_settings()

    def checksum(self, path: str) -> Checksum:
        """The checksum of one file."""
        return checksum(self._parts(path)) if self.is_remote else checksum_of(path)

    def rows(self, path: str) -> int:
        """How many rows a Parquet file says that it holds.

        Raises: ArrowInvalid, for what is no Parquet file.
        """
        import pyarrow.parquet as pq  # needless to whom only takes checksums

        with (
            self._answering(path),
            self._system.open(path, "rb") if self.is_remote else open(path, "rb") as file,
        ):
            return int(pq.ParquetFile(file).metadata.num_rows)

    @cached_property
    def _system(self) -> Any:
        return store.client(self._settings)

    def _answering(self, path: str) -> AbstractContextManager[None]:
        """Say in four lines what a store does not give; a disk's own error passes."""
        if not self.is_remote:
            return nullcontext()
        data = f"unchanged; {path} could not be read"
        return store.answering(self._settings, data=data, passing=(FileNotFoundError,))

    def _parts(self, path: str) -> Iterator[bytes]:
        with self._answering(path):
            size = int(self._system.info(path)["size"])
        for begin in range(0, size, PART_BYTES):
            with self._answering(path):
                part = self._system.cat_file(path, start=begin, end=min(begin + PART_BYTES, size))
            yield part
