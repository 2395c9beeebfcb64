"""The source that captures what a REST endpoint tells of, window by window."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

import pyarrow as pa
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from watermain.credential import Gate
from watermain.declare.connection.web import RestConnection
from watermain.declare.dataset import Dataset
from watermain.declare.errors import InconsistentAnswerError, UnreachableSystemError
from watermain.declare.outside.web import Rest
from watermain.source.outside import Outside
from watermain.source.poison import POISON, cannot_be_read
from watermain.source.protocol import REJECTED, Backlog, Batch, Limit, Shape
from watermain.source.rest.pace import RequestPace
from watermain.source.rest.rest_captured import captured_in_lake
from watermain.source.rest.rest_client import Access, Client, bounded
from watermain.source.rest.rest_memory import (
    SHARD,
    Captured,
    Known,
    Position,
    RestMemory,
    instant_text,
)
from watermain.source.rest.rest_pages import Pages
from watermain.source.spill import Spill, handed_out, sweep
from watermain.source.text.json_records import RecordRows, UnfitRecordError, digest, payload

MOST_REJECTS = 10_000
_READINGS = 4
Window = tuple[datetime, datetime]


class RestSource:
    """Read one window of event time after another, all pages of each as one batch.

    The position is the end of the last window and a mark of what was captured up to it.
    A window that contradicts itself is read again, a few times; nothing of it is ever given.
    Raises: SourceError, UnreachableSystemError, InconsistentAnswerError or ExpiredCredentialError.
    """

    def __init__(
        self, word: Rest, shape: Shape, *, access: Access, scratch: Path, captured: Captured
    ) -> None:
        self.word, self.shape, self.access = word, shape, access
        self.scratch = scratch / f"rest_{shape.dataset}"
        self.memory = RestMemory(self.scratch, word.window.overlap, captured)
        self.schema = pa.schema(
            [
                *((name, pa.string()) for name in shape.carried),
                *Rest.own,
            ]
        )

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside) -> Self:
        """Open the source that a dataset declares; its secrets are resolved when it is read."""
        word, settings = dataset.source, outside.settings
        assert isinstance(word, Rest)
        connection: RestConnection | None = outside.word(word.connection)
        word = word if connection is None else connection.applied(word)
        file = hashlib.sha256(word.connection.encode()).hexdigest()[:16]
        return cls(
            word,
            Shape.of(dataset),
            access=Access(
                address=outside.address(word.connection),
                secrets=outside.secrets(),
                gate=Gate(f"{word.connection} of {dataset.name}", settings.home),
                pace=RequestPace(settings.home / "pace" / f"{file}.json", word.rate),
                bounds=bounded(connection),
                tls=connection.tls if connection else None,
            ),
            scratch=outside.scratch,
            captured=captured_in_lake(dataset, settings),
        )

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give each window that is over, however many rows it has."""
        deadline = self._now() + limit.seconds
        position = Position.parse(after.get(SHARD, ""))
        sweep(self.scratch)
        if self._window(position) is None:
            return
        with closing(self._client()) as client:
            while (window := self._window(position)) is not None and self._now() < deadline:
                until = self._now() + limit.seconds
                batch = self._whole(_Reading(self, client, window, position, until))
                position = Position.parse(batch.end)
                yield from handed_out(batch)

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Forget what only earlier positions needed."""
        self.memory.acknowledge(positions)

    def backlog(self) -> Backlog:
        """Count windows that are over, as `files`, without asking the endpoint.

        Raises: UnreachableSystemError while the endpoint asked us to wait,
        or ExpiredCredentialError while its credential is refused.
        """
        if self.access.gate.is_shut:
            self.access.gate.check(self._credential())
        if (seconds := self.access.pace.held()) > 0:
            raise UnreachableSystemError.nothing_read(
                f"{self.shape.dataset}: the endpoint asked us to wait {seconds:.0f} s more",
                declared=self._declared,
                next="wait; it is asked again by itself",
            )
        words = self.word.window
        position = self.memory.acknowledged()
        low = position.end if position else words.start
        count = max(0, (self.access.clock.now() - words.delay - low) // words.every)
        return Backlog(files=count, oldest=low if count else None, noun=("window", "windows"))

    def verify(self) -> None:
        """Prove that the latest window gives a page of records."""
        words = self.word.window
        end = max(words.start + words.every, self.access.clock.now() - words.delay)
        with closing(self._client()) as client:
            asked = self._asked(end - words.every, end)
            next(iter(Pages(client, asked, self._now() + Limit().seconds)))

    def _window(self, position: Position | None) -> Window | None:
        """Give the next window; None while it is not over."""
        words = self.word.window
        low = position.end if position else words.start
        waiting = (self.access.clock.now() - words.delay - low) // words.every
        most = max(1, words.catch_up // words.every)
        return (low, low + min(waiting, most) * words.every) if waiting > 0 else None

    def _asked(self, low: datetime, high: datetime) -> dict[str, str]:
        words = self.word.window
        since = max(words.start, low - words.overlap) if words.overlap else low
        return {words.since: instant_text(since), words.until: instant_text(high)}

    def _whole(self, reading: _Reading) -> Batch:
        """Read a window until its answers agree."""
        retrying = Retrying(
            retry=retry_if_exception_type(InconsistentAnswerError),
            stop=stop_after_attempt(_READINGS),
            wait=wait_random_exponential(multiplier=0.1, max=self.access.bounds.pause_seconds),
            sleep=self.access.ticks.sleep,
            reraise=True,
        )
        return retrying(reading.batch)

    def _client(self) -> Client:
        return Client(self.word, self.access, name=self.shape.dataset, declared=self._declared)

    def _credential(self) -> str:
        with closing(self._client()) as client:
            return client.auth.credential().get_secret_value()

    def _now(self) -> float:
        return self.access.ticks.now()

    @property
    def _declared(self) -> str:
        word = self.word
        return f"{self.shape.declared}  Rest({word.connection!r}, {word.path!r})".strip()


@dataclass
class _Reading:
    """One window, while it is read."""

    source: RestSource
    client: Client
    window: Window
    position: Position | None
    deadline: float
    rejects: list[dict[str, str]] = field(default_factory=list)
    fresh: dict[bytes, None] = field(default_factory=dict)
    repeated: int = 0

    def batch(self) -> Batch:
        """Read all pages anew into one batch."""
        source, (low, high) = self.source, self.window
        self.rejects, self.fresh, self.repeated = [], {}, 0
        known = source.memory.known(self.position)
        rows = RecordRows(source.shape.columns)
        spill = Spill(source.scratch, source.schema)
        try:
            for records in Pages(self.client, source._asked(low, high), self.deadline):
                spill.add(self._rows(records, rows, known))
        except BaseException:
            spill.discard()
            raise
        end = source.memory.remember(high, known, self.fresh)
        return Batch(
            shard=SHARD,
            start=str(self.position or ""),
            end=str(end),
            rows=spill.taken(),
            rejected=pa.Table.from_pylist(self.rejects, REJECTED),
            unknown_columns=rows.unknown,
            repeated=self.repeated,
        )

    def _rows(self, records: list[object], rows: RecordRows, known: Known) -> pa.RecordBatch:
        """Turn the records of a page into rows, and leave out what was captured before."""
        kept: list[tuple[object, ...]] = []
        for record in records:
            beyond: tuple[str | None, ...] = ()
            try:
                row: tuple[str | None, ...] = rows.row(record)
                beyond = (rows.beyond(record),) if self.source.shape.keeps_extra else ()
                reason = ""
            except UnfitRecordError as error:
                row, reason = (payload(record),), error.reason
            except POISON as error:
                row, reason = (payload(record),), cannot_be_read(error)
            value = digest(row)
            if value in known or value in self.fresh:
                self.repeated += 1
                continue
            self.fresh[value] = None
            if reason:
                self._reject(reason, str(row[0]))
            else:
                kept.append((*row, *beyond, value.hex(), len(self.fresh), self.window[1]))
        columns = list(zip(*kept, strict=True)) or [()] * len(self.source.schema)
        return pa.record_batch(
            [pa.array(c, f.type) for c, f in zip(columns, self.source.schema, strict=True)],
            schema=self.source.schema,
        )

    def _reject(self, reason: str, text: str) -> None:
        at = f"{instant_text(self.window[1])}/{len(self.fresh)}"
        self.rejects.append({"position": at, "reason": reason, "payload": text})
        if len(self.rejects) > MOST_REJECTS:
            raise self.client.wrong(
                f"more than {MOST_REJECTS} records of a window cannot be read, the first because"
                f" {self.rejects[0]['reason']}",
                "mend `records` in the declaration, or tell who runs the endpoint",
            )
