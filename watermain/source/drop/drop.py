"""What every source of dropped files does, wherever they lie."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol, cast

import pyarrow as pa

from watermain.clock import Clock
from watermain.credential import Address
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.declare.outside.source import DroppedFiles
from watermain.machine.extras import need
from watermain.source import spill as spill_file
from watermain.source.ahead import one_ahead
from watermain.source.delivery import (
    INCIDENTAL,
    Caps,
    FileRows,
    OddInstantsError,
    OddRowsError,
    Reject,
    Stamp,
    UnreadableFileError,
    delivery_schema,
)
from watermain.source.drop.csv_rows import CsvRows
from watermain.source.drop.memory import Memory
from watermain.source.drop.parquet_rows import ParquetRows, is_whole
from watermain.source.drop.store import Look, Store, UnservedError
from watermain.source.drop.unpacking import Unpacked, unpacked_file
from watermain.source.instant import instant_of
from watermain.source.poison import POISON, cannot_be_read
from watermain.source.protocol import REJECTED, Backlog, Batch, Limit, Shape
from watermain.source.spill import Spill, discard, sweep
from watermain.source.text.json_lines import JsonLines, Typed

CONTENTS = "files/"  # a shard is one content, by its hash
_FOOTER_PATIENCE = 20
_SHARE_OF_MEMORY = 4


class FileReader(Protocol):
    """Turn one file into rows and rejects."""

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """Name the columns that the file has beyond the declared ones."""
        ...

    def __iter__(self) -> Iterator[FileRows | Reject]: ...


class DropSource:
    """Read each content that appears in a store once, as one batch for each file.

    `kind` begins the name of its scratch folder.

    A file is settled when it has not been touched for `settle_for`, looks the same before as
    after it was read, and, for Parquet in a folder, has a footer; a Parquet file that still has
    none after 20 times `settle_for` is rejected.
    Guarantees: the listing is the truth, and the ledger tells what it holds already, for a
    shard is named after a content's hash. Files stay where they are; `acknowledge` moves nothing.
    Raises: SourceError or UnreachableSystemError.
    """

    def __init__(
        self,
        word: DroppedFiles,
        shape: Shape,
        *,
        folder: Callable[[], str],
        scratch: Path,
        clock: Clock | None = None,
        caps: Caps | None = None,
    ) -> None:
        self.word, self.shape, self.folder = word, shape, folder
        self.clock, self.caps = clock or Clock(), caps or Caps()
        self.scratch = scratch / f"{word.kind}_{shape.dataset}"
        self._memory = Memory(self.scratch / "memory.json")

    def store(self, address: str) -> AbstractContextManager[Store]:
        """Open the place where the files lie."""
        raise NotImplementedError

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give each settled file whose content the ledger does not hold, oldest first."""
        known = {end for shard, end in after.items() if shard.startswith(CONTENTS)}
        with self._looked() as (store, looks):
            self._memory.load()
            sweep(self.scratch)
            try:
                yield from one_ahead(self._fresh(store, looks, known, limit))
            finally:
                self._memory.deliver(known)
                self._memory.save(look.name for look in looks)

    def _fresh(
        self, store: Store, looks: list[Look], known: set[str], limit: Limit
    ) -> Iterator[Batch]:
        deadline, given = time.monotonic() + limit.seconds, set(known)
        failed: list[UnreachableSystemError] = []
        for look in looks:
            if time.monotonic() > deadline:
                break
            try:
                batch = self._batch(store, look, given) if self._settled(store, look) else None
            except OSError as error:
                failed.append(self._failed(look, error))
                continue
            if batch is not None:
                given.add(batch.end)
                yield batch
        if failed:
            raise failed[0]

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Remember that these files need no further look; the folder is left as it is."""
        self._memory.deliver(end for shard, end in positions.items() if shard.startswith(CONTENTS))
        self._memory.save()

    def backlog(self) -> Backlog:
        """Count settled files that are not known to be in the lake."""
        memory = self._memory.load()
        waiting = []
        with self._looked() as (store, looks):
            for look in looks:
                with suppress(OSError):  # the capture tells of it
                    if not memory.is_delivered(look) and self._settled(store, look):
                        waiting.append(look)
        known_at = (instant_of(look.mtime_ns // 10**6) for look in waiting)
        return Backlog(
            files=len(waiting),
            bytes=sum(look.size for look in waiting),
            oldest=min((at for at in known_at if at is not None), default=None),
        )

    def verify(self) -> None:
        """Prove that the folder can be listed."""
        with self._looked():
            pass

    @contextmanager
    def _looked(self) -> Iterator[tuple[Store, list[Look]]]:
        """Open the store and list the finished files that the pattern names, oldest first."""
        pattern = PurePosixPath(self.word.pattern)
        if pattern.is_absolute() or ".." in pattern.parts:
            raise self._refused(
                f"pattern {self.word.pattern!r} leaves the folder",
                next="write it relative to the connection's folder",
            )
        address = self.folder()
        with self._served(address), self.store(address) as store:
            looks = store.looks(self.word.pattern, self.caps.entries)
            if isinstance(self.folder, Address):
                self.folder.accepted()
            yield store, sorted(looks, key=lambda x: (x.mtime_ns, x.name))

    @contextmanager
    def _served(self, address: str = "") -> Iterator[None]:
        """Turn what a store does not give into an error of the dataset."""
        try:
            yield
        except UnservedError as error:
            if error.credential and isinstance(self.folder, Address):
                raise self.folder.refused(address or self.folder(), error.what) from None
            if not error.passing:
                raise self._refused(error.what, next=error.next) from None
            raise UnreachableSystemError(
                f"{self.shape.dataset}: {error.what}",
                declared=self._declared,
                data="nothing was read",
                next=error.next,
            ) from None

    def _settled(self, store: Store, look: Look) -> bool:
        """Say whether a file has been still long enough; a time in the future counts alike."""
        still = abs(self.clock.now().timestamp() - look.mtime_ns / 1e9)
        wanted = self.word.settle_for.total_seconds()
        if still < wanted:
            return False
        bare = self.word.format == "parquet" and self.word.compression == "none"
        if not bare or not store.may_grow() or still > wanted * _FOOTER_PATIENCE:
            return True
        try:
            with self._served(), store.opened(look) as file:
                return is_whole(file)
        except FileNotFoundError:
            return False
        except UnreadableFileError:
            return True

    def _batch(self, store: Store, look: Look, given: set[str]) -> Batch | None:
        """Read one file; None when its content is known or changed while it was read."""
        if self._memory.hash_of(look) in given:
            return None
        batch = None
        try:
            with self._served():
                # What is not read has no content; it is known by how it looked.
                value = hashlib.sha256(repr((look.name, look.stamp)).encode()).hexdigest()
                why = self._unfit(look)
                try:
                    if why is None:
                        with store.opened(look) as file:
                            value = _hash(file)
                            if value not in given:
                                batch = self._read(file, look, value)
                except UnreadableFileError as error:
                    why = error.reason
                if why is not None and value not in given:
                    batch = self._aside(look, value, [(look.name, why, "")])
                again = store.again(look)
        except FileNotFoundError:
            return None
        if again == look:
            self._memory.learn(look, value)
            return batch
        if batch is not None:
            discard(batch)
        return None

    def _read(self, file: BinaryIO, look: Look, value: str) -> Batch:
        """Turn the bytes of one open file into a batch, typed as far as all its rows allow."""
        typed: Typed = "instants"
        while True:
            try:
                return self._rows(file, look, value, typed)
            except OddInstantsError:
                typed = "numbers"
            except OddRowsError:
                typed = "texts"
            file.seek(0)

    def _rows(self, file: BinaryIO, look: Look, value: str, typed: Typed) -> Batch:
        held = spill_file.MEMORY_BYTES * _SHARE_OF_MEMORY
        spill = Spill(self.scratch, delivery_schema(self.shape.carried), held)
        stamp = Stamp(look.name, value, look.mtime_ns)
        rejects: list[tuple[str, str, str]] = []
        unknown: tuple[str, ...] = ()
        missing: tuple[str, ...] = ()
        try:
            with self._reader(file, look, typed) as reader:
                if isinstance(reader, JsonLines):
                    spill.schema = delivery_schema(self.shape.carried, reader.kinds)
                for part in reader:
                    if isinstance(part, FileRows):
                        spill.add(stamp.on(part, spill.schema))
                    else:
                        self._reject(part, look, rejects)
                unknown = reader.unknown_columns
        except (OddRowsError, OddInstantsError):
            spill.discard()
            raise
        except UnreadableFileError as error:
            spill.discard()
            rejects = [(look.name, error.reason, error.payload)]
            missing = error.missing
        except OSError:
            spill.discard()
            raise
        except POISON as error:
            spill.discard()
            rejects = [(look.name, f"it {cannot_be_read(error)}", "")]
        batch = self._aside(look, value, rejects)
        return replace(batch, rows=spill.taken(), unknown_columns=unknown, missing_columns=missing)

    def _aside(self, look: Look, value: str, rejects: list[tuple[str, str, str]]) -> Batch:
        """The batch of a file that holds nothing but what is put aside of it."""
        told = [dict(zip(REJECTED.names, each, strict=True)) for each in rejects]
        return Batch(
            shard=CONTENTS + value,
            start="",
            end=value,
            rows=delivery_schema(self.shape.carried).empty_table(),
            rejected=pa.Table.from_pylist(told, REJECTED),
            incidental=INCIDENTAL,
        )

    def _unfit(self, look: Look) -> str | None:
        """Say why a file is not even opened, or None."""
        if look.size > self.caps.file_bytes:
            return f"it is larger than {self.caps.file_bytes} bytes"
        if instant_of(look.mtime_ns // 10**6) is None:
            return "it was changed at a time that no calendar has"
        return None

    def _reject(self, part: Reject, look: Look, rejects: list[tuple[str, str, str]]) -> None:
        rejects.append((f"{look.name}:{part.line}", part.reason, part.payload))
        if len(rejects) > self.caps.rejects:
            raise UnreadableFileError(
                f"more than {self.caps.rejects} rows cannot be read, the first because it"
                f" {rejects[0][1]}",
                rejects[0][2],
            )

    @contextmanager
    def _reader(self, file: BinaryIO, look: Look, typed: Typed) -> Iterator[FileReader]:
        word, shape, caps = self.word, self.shape, self.caps
        columns, keeps = shape.columns, shape.keeps_extra
        with ExitStack() as stack:
            plain: Any = file
            if word.compression != "none":
                plain = Unpacked(file, word.compression, look.size, caps)
            match word.format:
                case "json":
                    yield JsonLines(plain, shape, word.fields, caps, typed=typed)
                case "avro":
                    need("avro", declared=self._declared)
                    from watermain.source.drop.avro_rows import AvroRows

                    yield AvroRows(
                        plain, columns, word.fields, caps, types=shape.types, keeps_extra=keeps
                    )
                case "csv":
                    yield CsvRows(plain, columns, word.null, caps, keeps_extra=keeps)
                case "parquet":
                    if plain is not file:
                        plain = stack.enter_context(unpacked_file(plain, self.scratch))
                    yield ParquetRows(
                        plain, columns, look.size, caps, types=shape.types, keeps_extra=keeps
                    )

    def _failed(self, look: Look, error: OSError) -> UnreachableSystemError:
        return UnreachableSystemError(
            f"{self.shape.dataset}: {look.name} cannot be read now: {error.strerror or error}",
            declared=self._declared,
            data="the other files were captured; this one is tried again",
            next="see whether the disk or the mount that holds it is sound",
        )

    def _refused(self, what: str, *, next: str) -> SourceError:
        return SourceError.nothing_read(
            f"{self.shape.dataset}: {what}",
            declared=self._declared,
            next=next,
        )

    @property
    def _declared(self) -> str:
        word = self.word
        name = type(word).__name__
        return f"{self.shape.declared}  {name}({word.connection!r}, {word.pattern!r})".strip()


def _hash(file: BinaryIO) -> str:
    value = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    file.seek(0)
    return value
