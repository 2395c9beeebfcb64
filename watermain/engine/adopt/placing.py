"""Files of others given a second name below the lake's folder."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from watermain import durable
from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError
from watermain.engine.adopt.piece import Piece
from watermain.lake.rest.checksum import Checksum, checksum
from watermain.lake.written import ADOPTED
from watermain.source.drop.drop import CONTENTS
from watermain.source.protocol import REJECTED, Batch

MOST_LETTERS = 200  # of one step of a path, as it is written there
_CHUNK_BYTES = 2**20
_NAMES = uuid.UUID("a3f7f7f0-4a0c-5a0e-9d5e-1f6d0a6b6f17")
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A piece whose file lies below the lake's folder, with what names its content.

    Units: `written` are bytes that were written for it; none for a second name.
    """

    piece: Piece
    batch: Batch
    path: Path
    checksum: Checksum
    written: int


def batch_of(piece: Piece, content: str) -> Batch:
    """The batch that a piece is in the ledger, alike to that of a captured file."""
    shard = f"adopted/{piece.mark}" if piece.mark else CONTENTS + content
    end = piece.mark or content
    return Batch(shard=shard, start="", end=end, rows=REJECTED.empty_table())


def too_long(name: str) -> bool:
    """Whether a name cannot be one step of a path."""
    return len(_escaped(name)) > MOST_LETTERS


def summed(path: Path) -> tuple[str, Checksum]:
    """The hash that names a file's content and the lake's own checksum, read once."""
    told = hashlib.sha256()

    def read() -> Iterator[bytes]:
        with open(path, "rb", buffering=0) as file:
            while part := file.read(_CHUNK_BYTES):
                told.update(part)
                yield part

    found = checksum(read())
    return told.hexdigest(), found


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The dataset's own folder in the lake, where pieces get their places.

    Shapes: with `copies` every file is copied, though a second name could be had.
    """

    dataset: Dataset
    table: Path
    copies: bool = False

    def place(self, piece: Piece, known: Collection[str]) -> Placed | None:
        """Give a piece's file its place; None where the ledger has its content already.

        Shapes: `known` are shards of the ledger.
        Guarantees: done again after a kill it finds or makes the same file; the owner's own name
        for it is never touched.
        Raises: SourceError, for a file that changed since it was looked at.
        """
        token = uuid.uuid5(_NAMES, f"{self.dataset.name}/{piece.name}").hex
        waiting = self.table / ADOPTED / f".{token}.tmp"
        waiting.parent.mkdir(parents=True, exist_ok=True)
        waiting.unlink(missing_ok=True)
        try:
            written = _brought(piece, waiting, copy=self.copies)
            content, found = summed(waiting)
            if piece.write is None and not _is_same(piece, waiting):
                raise changed(self.dataset, piece)
            batch = batch_of(piece, content)
            if batch.shard in known:
                return None
            path = self._home(piece, batch, content)
            durable.settle(waiting, path, below=self.table)
        finally:
            waiting.unlink(missing_ok=True)
        return Placed(piece=piece, batch=batch, path=path, checksum=found, written=written)

    def _home(self, piece: Piece, batch: Batch, content: str) -> Path:
        """Where a piece lies: what its rows share is told by the folders above it."""
        told = {
            "_batch_id": batch.batch_id,
            "_file": piece.name,
            "_file_hash": content,
            "_delivered_at": piece.at.isoformat(sep=" ", timespec="microseconds"),
            **piece.constants,
        }
        steps = [f"{name}={_escaped(value)}" for name, value in told.items()]
        name = uuid.uuid5(_NAMES, f"{self.dataset.name}/{batch.batch_id}")
        return self.table.joinpath(ADOPTED, *steps, f"ducklake-{name}.parquet")


def changed(dataset: Dataset, piece: Piece) -> SourceError:
    """The error of a file that is no longer what was looked at."""
    return SourceError(
        f"{dataset.name}: {piece.name} changed while it was adopted",
        declared=dataset.declared,
        data="what was adopted before stands; nothing of this file was",
        next="let whoever writes there finish, and run the same command again",
    )


def _brought(piece: Piece, waiting: Path, *, copy: bool) -> int:
    """Make the file under a name that nobody reads; give the bytes that were written."""
    if piece.write is not None:
        piece.write(waiting)
        return waiting.stat().st_size
    assert piece.path is not None
    if not copy:
        try:
            os.link(piece.path, waiting)
            return 0
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
    shutil.copy2(piece.path, waiting)
    return waiting.stat().st_size


def _escaped(value: str) -> str:
    """A value as a step of a path; one with a dot would look like a file to whoever globs."""
    return quote(value, safe="").replace(".", "%2E")


def _is_same(piece: Piece, path: Path) -> bool:
    """Whether a file is still what was looked at."""
    found = path.stat()
    return found.st_size == piece.bytes and delivered_at(found.st_mtime_ns) == piece.at


def delivered_at(mtime_ns: int) -> datetime:
    """When a file was written last, as its rows tell it."""
    return datetime.fromtimestamp(mtime_ns // 1000 / 1e6, UTC)
