"""The source that captures the messages of a Kafka topic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Self

import pyarrow as pa

from watermain.clock import Clock
from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.declare.outside.source import Kafka
from watermain.source.delivery import Caps
from watermain.source.instant import instant_of
from watermain.source.kafka.address import composed
from watermain.source.kafka.kafka_log import Log, Marks, PartitionReading
from watermain.source.kafka.kafka_rows import MessageRows
from watermain.source.kafka.schema_registry import RegistryAsking, asking
from watermain.source.kafka.schema_rows import SchemaRows, opened
from watermain.source.outside import Outside
from watermain.source.protocol import REJECTED, Backlog, Batch, Limit, Shape
from watermain.source.spill import Spill, handed_out, sweep
from watermain.source.text.json_rows import JsonMessages

PATIENCE_SECONDS = 20.0
Position = tuple[int | None, str]


class KafkaSource:
    """Read every partition of a topic on from the ledger's positions, with one shard for each.

    A position is `offset@topic id`: the offset to go on from, in the topic that it belongs to.
    A call reads up to the watermarks that it finds at its start, and each partition has an
    equal share of the time that is left.
    Guarantees: offsets are committed to the group in `acknowledge` only, for tools that measure
    lag; nobody reads on from them. What retention deleted unread is refused, after the other
    partitions were read; so is a topic that was made anew, unless the word says `continue`: then
    a batch leads from the old topic's last position to the new topic's messages.
    Raises: SourceError, UnreachableSystemError or ExpiredCredentialError.
    """

    def __init__(
        self,
        word: Kafka,
        shape: Shape,
        *,
        address: Callable[[], str],
        scratch: Path,
        registry: RegistryAsking | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.word, self.shape, self.address = word, shape, address
        self.scratch = scratch / f"kafka_{shape.dataset}"
        self.caps, self.clock = Caps(), clock or Clock()
        self.group = f"{word.group}_{shape.dataset.replace('.', '_')}"
        self._log: Log | None = None
        self._registry = None if registry is None else opened(word.format, registry, self._declared)

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside) -> Self:
        """Open the source that a dataset declares."""
        word = dataset.source
        assert isinstance(word, Kafka)
        return cls(
            word,
            Shape.of(dataset),
            address=outside.address(word.connection, composed),
            scratch=outside.scratch,
            registry=asking(outside, word.registry) if word.registry else None,
        )

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give what each partition holds beyond its position, partition after partition."""
        deadline = time.monotonic() + limit.seconds
        sweep(self.scratch)
        if self._registry is not None:
            self._registry.forget()
        with self._opened() as log:
            topic_id = log.topic_id()
            spans, refused = self._spans(log, after, topic_id)
            for left, (number, (start, high)) in zip(
                range(len(spans), 0, -1), spans.items(), strict=True
            ):
                now = time.monotonic()
                reading = log.reading(number, start, high)
                until = now + max(0.0, deadline - now) / left
                begin = after.get(self._shard(number), "")
                yield from self._batches(reading, begin, topic_id, limit, until)
            if refused:
                raise refused[0]

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Show the group's progress, which only goes forwards; reading never starts from it."""
        told = {}
        for shard, position in positions.items():
            topic, _, number = shard.rpartition("/")
            if topic == self.word.topic and number.isdigit():
                told[int(number)] = self._parsed(position)
        if not told:
            return
        with self._opened() as log:
            known = log.committed(told)
            if self.word.recreated == "continue":
                told, known = self._of_this_topic(log, told, known)
            fresh = {each: at for each, (at, _) in told.items() if (at or 0) > known.get(each, -1)}
            if fresh:
                log.commit({each: at or 0 for each, at in fresh.items()})

    @staticmethod
    def _of_this_topic(
        log: Log, told: Mapping[int, Position], known: Mapping[int, int]
    ) -> tuple[dict[int, Position], dict[int, int]]:
        """Leave out what is told of an earlier topic of this name and what its group confirmed."""
        topic_id, marks = log.topic_id(), log.marks()
        here = {n: at for n, at in told.items() if n in marks and at[1] == topic_id}
        return here, {n: at for n, at in known.items() if n in marks and at <= marks[n].high}

    def backlog(self) -> Backlog:
        """Count the offsets between what was acknowledged and the end of each partition."""
        with self._opened() as log:
            marks = log.marks()
            known = log.committed(marks)
            starts = {each: known.get(each, found.low) for each, found in marks.items()}
            ends = log.ends(starts)
        # What is gone, or made anew, counts too: a capture has to look in order to refuse it.
        behind = sum(ends[each].high - starts[each] if each in ends else 1 for each in marks)
        known_at = [instant_of(e.instant) for e in ends.values() if e.instant is not None]
        return Backlog(rows=behind, oldest=min((at for at in known_at if at), default=None))

    def listen(self, *, after: Mapping[str, str], seconds: float, stop: Event) -> None:
        """Wait at the broker, which answers as soon as it has a message."""
        until = time.monotonic() + seconds
        with self._opened() as log:
            starts = {}
            for number, found in log.marks().items():
                offset, _ = self._parsed(after.get(self._shard(number), ""))
                starts[number] = found.low if offset is None else offset
            log.listen(starts, until, stop)

    def verify(self) -> None:
        """Prove that the topic is there and that its progress may be read."""
        with self._opened() as log:
            log.committed(log.marks())

    def _batches(
        self, reading: PartitionReading, begin: str, topic_id: str, limit: Limit, until: float
    ) -> Iterator[Batch]:
        """Cut one partition into batches until its end or the end of its time."""
        while not reading.is_done:
            before = reading.position
            rows, rejects, unknown = self._gathered(reading, limit, until)
            if reading.position == before:
                return
            end = f"{reading.position}@{topic_id}"
            yield from handed_out(
                Batch(
                    shard=self._shard(reading.partition),
                    start=begin,
                    end=end,
                    rows=rows,
                    rejected=pa.Table.from_pylist(rejects, REJECTED),
                    unknown_columns=unknown,
                )
            )
            begin = end

    def _gathered(
        self, reading: PartitionReading, limit: Limit, until: float
    ) -> tuple[pa.Table | Path, list[dict[str, str]], tuple[str, ...]]:
        decoder = MessageRows(self.shape.columns, self._values())
        spill = Spill(self.scratch, decoder.schema)
        rejects: list[dict[str, str]] = []
        rows, size, moved = limit.rows, limit.bytes, time.monotonic()
        try:
            while rows > 0 and size > 0 and not reading.is_done and time.monotonic() < until:
                messages, taken = reading.take(rows, size)
                if messages:
                    fresh, refused = decoder.read(messages, self.clock.now())
                    spill.add(fresh)
                    rejects += refused
                    rows, size, moved = rows - len(messages), size - taken, time.monotonic()
                elif time.monotonic() > moved + PATIENCE_SECONDS and not reading.is_done:
                    raise self._silent(reading.partition, reading.position)
            return spill.taken(), rejects, tuple(sorted(decoder.values.unknown))
        except BaseException:
            spill.discard()
            raise

    def _values(self) -> JsonMessages:
        columns, fields, keeps = self.shape.columns, self.word.fields, self.shape.keeps_extra
        if self._registry is None:
            return JsonMessages(columns, fields, self.caps, keeps_extra=keeps)
        return SchemaRows(columns, fields, self.caps, self._registry, keeps_extra=keeps)

    def _spans(
        self, log: Log, after: Mapping[str, str], topic_id: str
    ) -> tuple[dict[int, tuple[int, int]], list[SourceError]]:
        """Find from where to where each partition is to be read, and what has to be refused."""
        marks, starts = log.marks(), {}
        refused: list[SourceError] = []
        anew = self.word.recreated == "continue"
        for number, found in marks.items():
            offset, known_id = self._parsed(after.get(self._shard(number), ""))
            if known_id and topic_id and known_id != topic_id:
                if anew:
                    starts[number] = found.low
                else:
                    refused.append(self._made_anew(number, offset, found))
            elif offset is not None and offset < found.low:
                refused.append(self._deleted(number, offset, found))
            else:
                starts[number] = found.low if offset is None else offset
        ends = log.ends(starts)
        for number in starts.keys() - ends.keys():
            if starts[number] <= marks[number].high:
                raise self._silent(number, starts[number])
            refused.append(self._made_anew(number, starts[number], marks[number]))
        spans = {each: (starts[each], end.high) for each, end in sorted(ends.items())}
        return {each: span for each, span in spans.items() if span[0] < span[1]}, refused

    def _made_anew(self, number: int, offset: int | None, found: Marks) -> SourceError:
        return self._refused(
            f"partition {number} of topic {self.word.topic} ends at {found.high}, we have read up"
            f" to {offset} of another topic of this name",
            data="nothing of the new topic was read; what the lake has committed stands",
            next="declare a dataset of another name for the new topic, or"
            ' Kafka(recreated="continue")',
        )

    def _deleted(self, number: int, offset: int, found: Marks) -> SourceError:
        return self._refused(
            f"partition {number} of topic {self.word.topic} begins at {found.low}:"
            f" offsets {offset} to {found.low - 1} were deleted unread",
            data="lost at the source; what the lake has committed stands",
            next="lengthen the topic's retention, then declare a dataset of another name",
        )

    def _parsed(self, position: str) -> Position:
        if position == "":
            return None, ""
        offset, _, topic_id = position.partition("@")
        if not offset.isdigit():
            raise self._refused(
                f"position {position!r} is no `offset@topic id`",
                data="nothing was read",
                next=f"watermain explain {self.shape.dataset}",
            )
        return int(offset), topic_id

    def _shard(self, number: int) -> str:
        return f"{self.word.topic}/{number}"

    @contextmanager
    def _opened(self) -> Iterator[Log]:
        """Use the client of the reading in progress or one for this call."""
        if self._log is not None:
            yield self._log
            return
        with Log(self.word.topic, self.group, self.address, self._declared) as log:
            self._log = log
            try:
                yield log
            finally:
                self._log = None

    def _silent(self, number: int, offset: int) -> UnreachableSystemError:
        return UnreachableSystemError(
            f"{self.shape.dataset}: partition {number} of topic {self.word.topic} has long given"
            f" nothing at offset {offset}",
            declared=self._declared,
            data="what the lake has committed stands",
            next="see whether the broker runs; the next capture tries again",
        )

    def _refused(self, what: str, *, data: str, next: str) -> SourceError:
        return SourceError(
            f"{self.shape.dataset}: {what}", declared=self._declared, data=data, next=next
        )

    @property
    def _declared(self) -> str:
        word = self.word
        return f"{self.shape.declared}  Kafka({word.connection!r}, {word.topic!r})".strip()
