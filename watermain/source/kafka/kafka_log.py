"""A Kafka topic as its reader sees it: partitions, watermarks, messages, progress."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, Self

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from watermain.credential import accepted, refused
from watermain.declare.errors import SourceError, UnreachableSystemError, WatermainError

ANSWER_SECONDS = 10.0
_POLL_SECONDS = 0.1
_LISTEN_SECONDS = 0.5
_CHUNK_BYTES = 8 * 2**20
_CHUNK_MESSAGES = 10_000
_FIRST_MESSAGES = 200
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
_OPTIONS = ("sasl.", "security.", "ssl.", "socket.", "client.", "broker.")
_SOCKET = "socket.timeout.ms"
_LASTING = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError._AUTHENTICATION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._INVALID_ARG,
    KafkaError._SSL,
}

REFUSED = {KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._AUTHENTICATION}
_MOVING = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
}
_VAGUE = {
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError._ALL_BROKERS_DOWN,
}


@dataclass(frozen=True)
class Marks:
    """Hold the offsets that a partition had at one moment: its first and the one after its last."""

    low: int
    high: int


@dataclass(frozen=True)
class PartitionEnd:
    """Hold where a partition ends and the milliseconds at which its next message came."""

    high: int
    instant: int | None


class Log:
    """Read one topic with a client that assigns partitions itself and commits only when told.

    Guarantees: messages of open or aborted transactions are never given. A credential that the
    broker refuses is shown once, not for as long as one waits.
    Raises: SourceError, UnreachableSystemError or ExpiredCredentialError.
    """

    def __init__(self, topic: str, group: str, address: Callable[[], str], declared: str) -> None:
        self.topic, self.group, self.declared = topic, group, declared
        self.address, self._shown = address, address()
        self._said: KafkaError | None = None
        self._settings = settings_of(self._shown, declared)
        self._patience = patience(self._settings)
        with self._reported():
            self._consumer = Consumer(self._reading_settings())

    def _reading_settings(self) -> dict[str, Any]:
        return {
            **self._settings,
            "group.id": self.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
            "queued.max.messages.kbytes": 16 * 2**10,
            "fetch.wait.max.ms": 20,
            "log_level": 0,
            "error_cb": self._hear,
        }

    def __enter__(self) -> Self:
        if any(name.startswith("sasl.") for name in self._settings):
            self.topic_id()
        return self

    @property
    def _is_refused(self) -> bool:
        return self._said is not None and self._said.code() in REFUSED

    def __exit__(self, kind: object, *_: object) -> None:
        self._consumer.close()
        if kind is None:
            accepted(self.address)

    def topic_id(self) -> str:
        """Tell what no later topic of the same name shares; "" where a broker has no such id."""
        settings: dict[str, Any] = {**self._settings, "log_level": 0, "error_cb": self._hear}
        admin = AdminClient(settings)
        with self._reported():
            asked = admin.describe_topics(
                TopicCollection([self.topic]), request_timeout=self._patience
            )[self.topic]
            while not asked.done() and not self._is_refused:
                admin.poll(_POLL_SECONDS / 10)
            if self._said is not None and self._is_refused:
                raise KafkaException(self._said)
            found = str(asked.result().topic_id)
        return "" if found == _NO_ID else found

    def marks(self) -> dict[int, Marks]:
        """Tell the watermarks of every partition as the broker lists them."""
        with self._reported():
            known = self._consumer.list_topics(self.topic, timeout=self._patience)
            topic = known.topics[self.topic]
            if topic.error is not None:
                raise KafkaException(topic.error)
            found = {}
            for partition in sorted(topic.partitions):
                where = TopicPartition(self.topic, partition)
                pair = self._consumer.get_watermark_offsets(where, timeout=self._patience)
                if pair is None:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
                found[partition] = Marks(*pair)
        return found

    def committed(self, partitions: Mapping[int, object]) -> dict[int, int]:
        """Tell what the group has confirmed; a partition without a word is left out."""
        asked = [TopicPartition(self.topic, partition) for partition in partitions]
        found = self._coordinated(lambda: self._consumer.committed(asked, timeout=self._patience))
        return {each.partition: each.offset for each in found if each.offset > OFFSET_INVALID}

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Show progress to those who measure lag."""
        told = [TopicPartition(self.topic, *each) for each in offsets.items()]
        self._coordinated(lambda: self._consumer.commit(offsets=told, asynchronous=False))

    def _coordinated(self, call: Callable[[], list[TopicPartition] | None]) -> list[TopicPartition]:
        """Ask the group's coordinator; it may be on its way from one broker to another."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                found = call() or []
                if failed := [each.error for each in found if each.error is not None]:
                    raise KafkaException(failed[0])
                return found
            except KafkaException as error:
                if error.args[0].code() not in _MOVING or time.monotonic() > deadline:
                    raise self.error(error.args[0]) from error
            time.sleep(_POLL_SECONDS)

    def ends(self, starts: Mapping[int, int]) -> dict[int, PartitionEnd]:
        """Look from each partition's offset to its end; one whose offset is not there is left out.

        What a fetch says of the end is trusted: not every broker's list of offsets is exact.
        """
        with self._reported():
            self._consumer.assign([TopicPartition(self.topic, *each) for each in starts.items()])
        found: dict[int, PartitionEnd | None] = {}
        deadline = time.monotonic() + self._patience
        while len(found) < len(starts) and time.monotonic() < deadline:
            for message in self._consumer.consume(1, _POLL_SECONDS):
                number = message.partition()
                if number is not None and number in starts and number not in found:
                    found[number] = self._end(message, number)
        self._consumer.unassign()
        return {number: end for number, end in found.items() if end is not None}

    def _end(self, message: Message, number: int) -> PartitionEnd | None:
        error, offset = message.error(), message.offset()
        if error is None:
            where = TopicPartition(self.topic, number)
            _, high = self._consumer.get_watermark_offsets(where, cached=True)
            return PartitionEnd(max(high, (offset or 0) + 1), message.timestamp()[1])
        if error.code() == KafkaError._PARTITION_EOF:
            return PartitionEnd(offset or 0, None)
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            return None
        raise self.error(error)

    def listen(self, starts: Mapping[int, int], until: float, stop: Event) -> None:
        """Return when a partition has a message at its offset or behind it, or cannot have one."""
        patient = {"fetch.wait.max.ms": int(_LISTEN_SECONDS * 1000)}
        with self._reported():
            consumer = Consumer({**self._reading_settings(), **patient})
            consumer.assign([TopicPartition(self.topic, *each) for each in starts.items()])
        try:
            while not stop.is_set() and (left := until - time.monotonic()) > 0:
                for message in consumer.consume(1, min(_LISTEN_SECONDS, left)):
                    error = message.error()
                    if error is None or error.code() != KafkaError._PARTITION_EOF:
                        return
        finally:
            consumer.close()

    def reading(self, partition: int, start: int, high: int) -> PartitionReading:
        """Begin to read a partition, up to an offset that is left out."""
        with self._reported():
            self._consumer.assign([TopicPartition(self.topic, partition, start)])
        return PartitionReading(self._consume, partition, start, high)

    def _consume(self, count: int) -> list[Message]:
        with self._reported():
            found = list(self._consumer.consume(count, _POLL_SECONDS))
            for message in found:
                error = message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
        return found

    def error(self, error: KafkaError) -> WatermainError:
        """Turn the client's word into ours: what may pass or what somebody must change."""
        heard = self._said if self._said is not None and error.code() in _VAGUE else error
        if heard.code() in REFUSED:
            expired = refused(self.address, self._shown, "the broker does not let us in")
            if expired is not None:
                return expired
        lasting = heard.code() in _LASTING
        kind = SourceError if lasting else UnreachableSystemError
        return kind(
            f"topic {self.topic}: {heard.str()}",
            declared=self.declared,
            data="nothing was lost; what the lake has committed stands",
            next="give the address, the topic, the rights of the client a look"
            if lasting
            else f"see whether the broker runs, and speaks {self._protocol} there; the next"
            " capture tries again",
        )

    @property
    def _protocol(self) -> str:
        return str(self._settings.get("security.protocol", "PLAINTEXT")).upper()

    def _hear(self, error: KafkaError) -> None:
        """Keep what tells most: that all brokers are down says nothing of why."""
        told = error.code() != KafkaError._ALL_BROKERS_DOWN
        if self._said is None or (told and self._said.code() in _VAGUE):
            self._said = error

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as error:
            raise self.error(error.args[0]) from error


class PartitionReading:
    """Take the messages of one partition in order until the high watermark.

    Guarantees: `position` is the offset to go on from; gaps in the offsets are passed over.
    """

    def __init__(
        self, consume: Callable[[int], list[Message]], partition: int, start: int, high: int
    ) -> None:
        self.position, self.high, self.partition = start, high, partition
        self._consume = consume
        self._held: list[Message] = []
        self._size = 0
        self._end: int | None = None

    @property
    def is_done(self) -> bool:
        """Say whether the high watermark is reached."""
        return self.position >= self.high

    def take(self, rows: int, size: int) -> tuple[list[Message], int]:
        """Give at most `rows` messages, the last of which passes `size` bytes, and their size."""
        if not self._held:
            self._held = self._arrived(min(rows, self._next_count(), self.high - self.position))
        taken = total = 0
        for message in self._held[:rows]:
            taken += 1
            total += weight(message)
            if total >= size:
                break
        given, self._held = self._held[:taken], self._held[taken:]
        if given:
            self._size = max(1, total // taken)
            self.position = int(given[-1].offset() or 0) + 1
        if self._end is not None and not self._held:
            self.position = self.high = self._end
        return given, total

    def _next_count(self) -> int:
        if not self._size:
            return _FIRST_MESSAGES
        return max(1, min(_CHUNK_MESSAGES, _CHUNK_BYTES // self._size))

    def _arrived(self, count: int) -> list[Message]:
        found = []
        for message in self._consume(count):
            offset = message.offset()
            if message.partition() != self.partition or offset is None or offset < self.position:
                continue
            if offset >= self.high or message.error() is not None:
                self._end = min(offset, self.high)
                break
            found.append(message)
        return found


def weight(message: Message) -> int:
    """Count the bytes of a message's value and key."""
    return len(message.value() or b"") + len(message.key() or b"")


def settings_of(address: str, declared: str) -> dict[str, Any]:
    """Split an address into brokers and then words such as `security.protocol=SSL`."""
    brokers, *words = shlex.split(address) or [""]
    options = dict(word.split("=", 1) for word in words if "=" in word)
    wrong = [word for word in words if not word.startswith(_OPTIONS) or "=" not in word]
    if "=" in brokers or not brokers or wrong:
        odd = wrong[0].partition("=")[0] if wrong else "its first word"
        raise SourceError(
            f"the address of the brokers is not understood at `{odd}`",
            declared=declared,
            data="nothing was read",
            next="write `host:port,host:port option=value ...`, where an option begins with"
            f" one of {', '.join(_OPTIONS)}",
        )
    return {"bootstrap.servers": brokers, **options}


def patience(settings: Mapping[str, Any]) -> float:
    """How long one answer is waited for."""
    told = str(settings.get(_SOCKET, ""))
    return int(told) / 1000 if told.isdigit() else ANSWER_SECONDS
