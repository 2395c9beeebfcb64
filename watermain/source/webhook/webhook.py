"""The source that captures the events that others sent to our endpoint."""

from __future__ import annotations

import threading
import time
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pyarrow as pa

from watermain import durable
from watermain.clock import instant_of
from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.declare.outside.web import Webhook
from watermain.settings import Settings
from watermain.source.outside import Outside
from watermain.source.poison import POISON, cannot_be_read
from watermain.source.protocol import REJECTED, Backlog, Batch, Limit, Shape
from watermain.source.spill import Spill, handed_out, sweep
from watermain.source.text.json_records import RecordRows, UnfitRecordError, parsed, payload
from watermain.source.webhook.segments import Event, EventStore, first_of

_PREFIX = "webhook/"
_NOTE = "acknowledged"
_HELD_ROWS = 8192
_LISTEN_SECONDS = 0.5


def inbox_folder(settings: Settings, dataset: str) -> Path:
    """The folder of the events that wait for a dataset."""
    return settings.home / "inbox" / dataset


class WebhookSource:
    """Read stored events in the order of their arrival; an event is whole in one batch.

    The body of an event is an object or a list of objects; each is one row. The shard names
    the store, and the position counts the events read from it.
    Guarantees: only `acknowledge` deletes events, and what is no JSON is rejected, not lost.
    Raises: SourceError or UnreachableSystemError.
    """

    def __init__(self, word: Webhook, shape: Shape, *, folder: Path, scratch: Path) -> None:
        self.word, self.shape, self.store = word, shape, EventStore(folder)
        self.scratch = scratch / f"webhook_{shape.dataset}"
        self.schema = pa.schema(
            [
                *((name, pa.string()) for name in shape.carried),
                *Webhook.own,
            ]
        )

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside) -> Self:
        """Open the source that a dataset declares."""
        word = dataset.source
        assert isinstance(word, Webhook)
        return cls(
            word,
            Shape.of(dataset),
            folder=inbox_folder(outside.settings, str(dataset.name)),
            scratch=outside.scratch,
        )

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give the events that follow, batch by batch."""
        identity, deadline = self.store.identity(), time.monotonic() + limit.seconds
        if identity is None:
            return
        shard = _PREFIX + identity
        at = after.get(shard, "")
        self._proved(int(at or 0))
        sweep(self.scratch)
        gathered = _Gathered(self, shard, at)
        try:
            for event in self.store.events(int(at or 0)):
                gathered.add(event)
                if gathered.rows >= limit.rows or gathered.bytes >= limit.bytes:
                    yield from handed_out(gathered.batch())
                if time.monotonic() > deadline:
                    break
            if gathered.events:
                yield from handed_out(gathered.batch())
        finally:
            gathered.spill.discard()

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Delete segments all of whose events the lake holds."""
        identity = self.store.identity()
        position = positions.get(_PREFIX + identity, "") if identity else ""
        if position and int(position) > self._acknowledged():
            durable.replace(self.store.folder / _NOTE, position.encode())
            self.store.forget(int(position))

    def backlog(self) -> Backlog:
        """Count the events that are not known to be in the lake."""
        segments = self.store.segments()
        known = max(self._acknowledged(), first_of(segments[0]) if segments else 0)
        rows = max(0, self.store.end() - known)
        first = next(self.store.events(known), None) if rows else None
        oldest = instant_of(first.received) if first else None
        return Backlog(rows=rows, oldest=oldest)

    def listen(self, *, after: Mapping[str, str], seconds: float, stop: threading.Event) -> None:
        """Look at the size of the store, which grows with each event."""
        until, size = time.monotonic() + seconds, self.store.size()
        identity = self.store.identity()
        if identity and self.store.end() > int(after.get(_PREFIX + identity, "") or 0):
            return
        while self.store.size() == size and (left := until - time.monotonic()) > 0:
            if stop.wait(min(_LISTEN_SECONDS, left)):
                return

    def verify(self) -> None:
        """Prove that somebody made the store."""
        if self.store.identity() is None:
            raise UnreachableSystemError(
                f"{self.shape.dataset}: nobody takes the events of {self.word.path}",
                declared=self._declared,
                data="nothing was stored; senders keep what they could not deliver",
                next="watermain listen",
            )

    def _acknowledged(self) -> int:
        try:
            return int((self.store.folder / _NOTE).read_text() or 0)
        except FileNotFoundError:
            return 0

    def _proved(self, position: int) -> None:
        if (end := self.store.end()) < position:
            raise SourceError.nothing_read(
                f"{self.shape.dataset}: {position} events are in the lake, {end} were stored",
                declared=self._declared,
                next=f"restore the folder {self.store.folder}",
            )

    @property
    def _declared(self) -> str:
        return f"{self.shape.declared}  Webhook({self.word.path!r})".strip()


class _Gathered:
    """The events of one batch, while it grows."""

    def __init__(self, source: WebhookSource, shard: str, start: str) -> None:
        self.source, self.shard, self.start = source, shard, start
        self.spill = Spill(source.scratch, source.schema)
        self.json = RecordRows(source.shape.columns)
        self._begin()

    def _begin(self) -> None:
        self.rows = self.bytes = self.events = 0
        self._held: list[tuple[object, ...]] = []
        self._rejects: list[dict[str, str]] = []
        self._end = self.start

    def add(self, event: Event) -> None:
        """Take the rows of one event."""
        try:
            content = parsed(event.body.removeprefix(BOM_UTF8))
        except ValueError as error:
            reason = str(error) if str(error).startswith("it ") else "it is no JSON"
            self._reject(event, 1, reason, event.body.decode("utf-8", "backslashreplace"))
            content = []
        records = content if isinstance(content, list) else [content]
        at = instant_of(event.received)
        ends = (event.key.decode("latin-1"), event.sequence)
        for number, record in enumerate(records, 1):
            try:
                row = self.json.row(record)
                extra = (self.json.beyond(record),) if self.source.shape.keeps_extra else ()
                self._held.append((*row, *extra, *ends, number, at))
            except UnfitRecordError as error:
                self._reject(event, number, error.reason, payload(record))
            except POISON as error:
                self._reject(event, number, cannot_be_read(error), payload(record))
        self.rows += len(records) or 1
        self.bytes += len(event.body)
        self.events += 1
        self._end = str(event.sequence + 1)
        if len(self._held) >= _HELD_ROWS:
            self._flush()

    def batch(self) -> Batch:
        """Close the batch; the next begins where it ends."""
        self._flush()
        batch = Batch(
            shard=self.shard,
            start=self.start,
            end=self._end,
            rows=self.spill.taken(),
            rejected=pa.Table.from_pylist(self._rejects, REJECTED),
            unknown_columns=self.json.unknown,
        )
        self.start = self._end
        self._begin()
        return batch

    def _reject(self, event: Event, number: int, reason: str, text: str) -> None:
        at = f"{event.sequence}/{number}"
        self._rejects.append({"position": at, "reason": reason, "payload": text[: 64 * 2**10]})

    def _flush(self) -> None:
        schema = self.source.schema
        if self._held:
            columns = zip(*self._held, strict=True)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            self.spill.add(pa.record_batch(arrays, schema=schema))
        self._held = []
