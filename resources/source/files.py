"""The source that captures files dropped into a folder."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Self

import numpy as np
import pyarrow as pa

from platform_assets.declare.dataset import Dataset
from platform_assets.declare.errors import SourceError, UnreachableSystemError
from platform_assets.declare.source import Files
from resources.clock import Clock
from resources.credential import Address
from resources.settings import Settings
from resources.source.csv_rows import CsvRows
from resources.source.delivery import (
    INCIDENTAL,
    Caps,
    Rows,
    UnreadableFileError,
    delivery_schema,
)
from resources.source.memory import Look, Memory
from resources.source.parquet_rows import ParquetRows, is_whole
from resources.source.protocol import REJECTED, Backlog, Batch, Limit, Shape
from resources.source.spill import Spill, discard, handed_out, sweep

_SHARD = "files/"
_UNFINISHED = (".tmp", ".part")
_FOOTER_PATIENCE = 20


class FileSource:
    """Read each content that appears in a folder once, one batch for each file.

    A file is settled when it has not been touched for `settle_for`, looks the same before as
    after it was read, and, for Parquet, has a footer; a Parquet file that still has none after
    20 times `settle_for` is rejected. Names that begin with `.` or end in `.tmp` or `.part`
    are unfinished; links that lead out of the folder are not followed.
    Guarantees: the listing is the truth, the ledger tells what it holds already: a shard is
    named after a content's hash. Files stay where they are; `acknowledge` moves nothing.
    Raises: SourceError, UnreachableSystemError.
    """

    def __init__(
        self,
        word: Files,
        shape: Shape,
        *,
        folder: Callable[[], str],
        scratch: Path,
        clock: Clock | None = None,
        caps: Caps | None = None,
    ) -> None:
        self.word, self.shape, self.folder = word, shape, folder
        self.clock, self.caps = clock or Clock(), caps or Caps()
        self.scratch = scratch / f"files_{shape.dataset}"
        self._memory = Memory(self.scratch / "memory.json")

    @classmethod
    def of(cls, dataset: Dataset, settings: Settings) -> Self:
        """Open the source that a dataset declares."""
        word = dataset.source
        assert isinstance(word, Files)
        return cls(
            word,
            Shape.of(dataset),
            folder=Address(settings, word.connection),
            scratch=settings.home / "scratch",
        )

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give each settled file whose content the ledger does not hold, oldest first."""
        deadline = time.monotonic() + limit.seconds
        known = {end for shard, end in after.items() if shard.startswith(_SHARD)}
        looks, given = self._looks(), set(known)
        self._memory.load()
        sweep(self.scratch)
        try:
            for look in filter(self._settled, looks):
                if time.monotonic() > deadline:
                    return
                batch = self._batch(look, given)
                if batch is not None:
                    given.add(batch.end)
                    yield from handed_out(batch)
        finally:
            self._memory.deliver(known)
            self._memory.save(look.name for look in looks)

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Remember that these files need no further look; the folder is left as it is."""
        self._memory.deliver(end for shard, end in positions.items() if shard.startswith(_SHARD))
        self._memory.save()

    def backlog(self) -> Backlog:
        """Count settled files that are not known to be in the lake."""
        memory = self._memory.load()
        looks = [x for x in self._looks() if not memory.is_delivered(x) and self._settled(x)]
        oldest = min((x.mtime_ns for x in looks), default=None)
        return Backlog(
            files=len(looks),
            bytes=sum(x.size for x in looks),
            oldest=None if oldest is None else datetime.fromtimestamp(oldest / 1e9, UTC),
        )

    def verify(self) -> None:
        """Prove that the folder can be listed."""
        self._looks()

    def _looks(self) -> list[Look]:
        """List the finished files that the pattern names, oldest first."""
        pattern = PurePosixPath(self.word.pattern)
        if pattern.is_absolute() or ".." in pattern.parts:
            raise self._refused(
                f"pattern {self.word.pattern!r} leaves the folder",
                next="write it relative to the connection's folder",
            )
        root = Path(self.folder())
        if not root.is_dir():
            raise UnreachableSystemError(
                f"{self.shape.dataset}: there is no folder {root}",
                declared=self._declared,
                data="nothing was read",
                next=f"mkdir -p {root}",
            )
        if not os.access(root, os.R_OK | os.X_OK):
            raise self._refused(f"folder {root} may not be read", next=f"chmod u+rx {root}")
        found = (self._look(root, path) for path in root.glob(self.word.pattern))
        return sorted((x for x in found if x is not None), key=lambda x: (x.mtime_ns, x.name))

    def _look(self, root: Path, path: Path) -> Look | None:
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if hidden or path.name.endswith(_UNFINISHED) or not path.is_file():
            return None
        if not path.resolve().is_relative_to(root.resolve()):
            return None
        name = path.relative_to(root).as_posix()
        return Look.at(path, name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))

    def _settled(self, look: Look) -> bool:
        """Say whether a file has been still long enough; a time in the future counts alike."""
        still = abs(self.clock.now().timestamp() - look.mtime_ns / 1e9)
        wanted = self.word.settle_for.total_seconds()
        if still < wanted:
            return False
        if self.word.format == "csv" or still > wanted * _FOOTER_PATIENCE:
            return True
        try:
            with look.path.open("rb") as file:
                return is_whole(file)
        except FileNotFoundError:
            return False

    def _batch(self, look: Look, given: set[str]) -> Batch | None:
        """Read one file; None when its content is known, or changed while it was read."""
        if self._memory.hash_of(look) in given:
            return None
        batch = None
        try:
            with look.path.open("rb") as file:
                value = _hash(file)
                if value not in given:
                    batch = self._read(file, look, value)
        except FileNotFoundError:
            return None
        except PermissionError:
            raise self._refused(
                f"{look.name} may not be read", next=f"chmod u+r {look.path}"
            ) from None
        if Look.at(look.path, look.name) == look:
            self._memory.learn(look, value)
            return batch
        if batch is not None:
            discard(batch)
        return None

    def _read(self, file: BufferedReader, look: Look, value: str) -> Batch:
        """Turn the bytes of one open file into a batch."""
        spill = Spill(self.scratch, delivery_schema(self.shape.columns))
        rejects: list[tuple[str, str, str]] = []
        reader = self._reader(file, look)
        try:
            if look.size > self.caps.file_bytes:
                raise UnreadableFileError(f"it is larger than {self.caps.file_bytes} bytes")
            for part in reader:
                if isinstance(part, Rows):
                    spill.add(_stamped(part, look, value, spill.schema))
                    continue
                rejects.append((f"{look.name}:{part.line}", part.reason, part.payload))
                if len(rejects) > self.caps.rejects:
                    raise UnreadableFileError(
                        f"more than {self.caps.rejects} rows cannot be read, the first because "
                        f"it {rejects[0][1]}",
                        rejects[0][2],
                    )
        except UnreadableFileError as error:
            spill.discard()
            rejects = [(look.name, error.reason, error.payload)]
        return Batch(
            shard=_SHARD + value,
            start="",
            end=value,
            rows=spill.taken(),
            rejected=pa.Table.from_pylist(
                [dict(zip(REJECTED.names, each, strict=True)) for each in rejects], REJECTED
            ),
            unknown_columns=reader.unknown_columns,
            incidental=INCIDENTAL,
        )

    def _reader(self, file: BufferedReader, look: Look) -> CsvRows | ParquetRows:
        if self.word.format == "parquet":
            return ParquetRows(file, self.shape.columns, look.size, self.caps)
        return CsvRows(file, self.shape.columns, self.word.null, self.caps)

    def _refused(self, what: str, *, next: str) -> SourceError:
        return SourceError(
            f"{self.shape.dataset}: {what}",
            declared=self._declared,
            data="nothing was read; what the lake has committed stands",
            next=next,
        )

    @property
    def _declared(self) -> str:
        word = self.word
        return f"{self.shape.declared}  Files({word.connection!r}, {word.pattern!r})".strip()


def _hash(file: BufferedReader) -> str:
    value = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return value


def _stamped(part: Rows, look: Look, value: str, schema: pa.Schema) -> pa.RecordBatch:
    count = part.rows.num_rows
    at = datetime.fromtimestamp(look.mtime_ns // 1000 / 1e6, UTC)
    same = pa.array(np.zeros(count, np.int64))
    extra = [
        pa.array([look.name]).take(same),
        pa.array([value]).take(same),
        pa.array(np.arange(part.first, part.first + count)),
        pa.array([at], pa.timestamp("us", "UTC")).take(same),
    ]
    return pa.record_batch([*part.rows.columns, *extra], schema=schema)
