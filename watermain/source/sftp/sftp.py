"""The source that captures files dropped on an SFTP server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Self

from watermain.declare.dataset import Dataset
from watermain.declare.outside.source import Sftp
from watermain.machine.extras import need
from watermain.source.drop.drop import DropSource
from watermain.source.drop.store import Store
from watermain.source.outside import Outside
from watermain.source.protocol import Shape
from watermain.source.sftp.address import composed, parsed
from watermain.source.sftp.server_folder import ServerFolder


class SftpSource(DropSource):
    """Read each content that appears in a folder of a server once, over one connection a call."""

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside) -> Self:
        """Open the source that a dataset declares."""
        word = dataset.source
        assert isinstance(word, Sftp)
        if word.format == "avro":
            need("avro", declared=dataset.declared)
        return cls(
            word,
            Shape.of(dataset),
            folder=outside.address(word.connection, composed),
            scratch=outside.scratch,
        )

    def store(self, address: str) -> AbstractContextManager[Store]:
        return ServerFolder(parsed(address), self.scratch)
