"""The source that captures files dropped into a folder or under a prefix of a bucket."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Self

from watermain.declare.dataset import Dataset
from watermain.declare.outside.source import Files
from watermain.machine.extras import need
from watermain.source.drop.drop import DropSource
from watermain.source.drop.store import Store
from watermain.source.files.address import composed
from watermain.source.files.folder import Folder
from watermain.source.outside import Outside
from watermain.source.protocol import Shape


class FileSource(DropSource):
    """Read each content that appears in a folder or in a bucket once."""

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside) -> Self:
        """Open the source that a dataset declares. Raises: MissingExtraError."""
        word = dataset.source
        assert isinstance(word, Files)
        if word.format == "avro":
            need("avro", declared=dataset.declared)
        return cls(
            word,
            Shape.of(dataset),
            folder=outside.address(word.connection, composed),
            scratch=outside.scratch,
        )

    def store(self, address: str) -> AbstractContextManager[Store]:
        if "://" in address:
            need("s3", declared=self._declared)
            from watermain.source.files.bucket import Bucket

            return nullcontext(Bucket(address, self.scratch))
        return nullcontext(Folder(Path(address)))
