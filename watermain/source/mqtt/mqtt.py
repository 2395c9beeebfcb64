"""The source that captures what devices publish to an MQTT broker."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Self

import pyarrow as pa

from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.declare.outside.source import Mqtt
from watermain.source.delivery import Caps
from watermain.source.mqtt.address import composed
from watermain.source.mqtt.mqtt_session import BrokerMessage, Session
from watermain.source.mqtt.sequences import NumberVerdict, Sequences
from watermain.source.outside import Outside
from watermain.source.protocol import REJECTED, Backlog, Batch, Limit, Shape
from watermain.source.spill import Spill, handed_out, sweep
from watermain.source.text.json_rows import JsonMessages

SHARD = "devices"
_DEVICE, _SEQUENCE = "\0device", "\0sequence"
_MOST = 2**63 - 1
_WHOLE = re.compile(r"[0-9]{1,64}")
_MOST_PEEK_SECONDS = 3.0
_LOOKED_AT_SECONDS = 5.0


class MqttSource:
    """Read what the broker keeps for our session, and confirm it once the lake has it.

    The one shard's position knows the numbers of every device and the prints of the last batch.
    Guarantees: a message sent again after its commit is recognised and confirmed, not doubled;
    the same number from the same device in another message is rejected with that reason. What
    nobody confirmed comes again. `batch.end` names the messages, and so equal ends are equal rows.
    Raises: SourceError, UnreachableSystemError or ExpiredCredentialError.
    """

    def __init__(
        self,
        word: Mqtt,
        shape: Shape,
        *,
        address: Callable[[], str],
        scratch: Path,
        caps: Caps | None = None,
    ) -> None:
        self.word, self.shape, self.address = word, shape, address
        self.scratch = scratch / f"mqtt_{shape.dataset}"
        self.caps = caps or Caps()
        self.schema = pa.schema([*((name, pa.string()) for name in shape.carried), *Mqtt.own])
        self._session: Session | None = None
        self._heard: Session | None = None
        self._given: dict[str, list[BrokerMessage]] = {}

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside) -> Self:
        """Open the source that a dataset declares."""
        word = dataset.source
        assert isinstance(word, Mqtt)
        return cls(
            word,
            Shape.of(dataset),
            address=outside.address(word.connection, composed),
            scratch=outside.scratch,
        )

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give what the broker sends until it is quiet, in batches of at most `in_flight`."""
        deadline = time.monotonic() + limit.seconds
        begin = after.get(SHARD, "")
        known = self._known(begin)
        sweep(self.scratch)
        with self._connected() as session:
            self._session, self._given = session, {}
            try:
                while time.monotonic() < deadline:
                    taken = self._taken(session, limit, deadline, known)
                    if not taken:
                        return
                    batch = self._batch(taken, begin, known)
                    self._given[batch.end] = taken
                    yield from handed_out(batch)
                    begin = batch.end
            finally:
                self._session, self._given = None, {}

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Confirm to the broker the messages up to this position that this reading holds."""
        end = positions.get(SHARD)
        if self._session is None or end not in self._given:
            return
        for given in list(self._given):
            self._session.confirm(self._given.pop(given))
            if given == end:
                return

    def backlog(self) -> Backlog:
        """Count what the broker sends, up to `in_flight` messages; none of it is confirmed."""
        with self._connected() as session:
            session.gather(self.word.in_flight, time.monotonic() + _MOST_PEEK_SECONDS)
            return Backlog(
                rows=len(session.held), bytes=sum(len(each.payload) for each in session.held)
            )

    def listen(self, *, after: Mapping[str, str], seconds: float, stop: Event) -> None:
        """Wait for a message; the session that heard one is the next reading's.

        Where somebody else takes the session to look what waits, he is left in peace for a while.
        """
        session = self._connected()
        try:
            session.listen(time.monotonic() + seconds, stop)
        except UnreachableSystemError:  # or the broker is gone, which the next reading tells
            session.__exit__()
            stop.wait(min(_LOOKED_AT_SECONDS, seconds))
            return
        except BaseException:
            session.__exit__()
            raise
        if session.held:
            self._heard = session
        else:
            session.__exit__()

    def verify(self) -> None:
        """Prove that the broker takes our session and subscription; it keeps both from now on."""
        with self._connected():
            pass

    def _connected(self) -> Session:
        if self._heard is not None:
            heard, self._heard = self._heard, None
            return heard
        client = f"{self.word.client}_{self.shape.dataset.replace('.', '_')}"
        return Session(self.word, client, self.address, self._declared)

    def _taken(
        self, session: Session, limit: Limit, deadline: float, known: Sequences
    ) -> list[BrokerMessage]:
        """Take the next messages that the ledger does not hold; confirm those that it does."""
        while True:
            session.gather(min(limit.rows, self.word.in_flight), deadline)
            if not session.held:
                return []
            taken: list[BrokerMessage] = []
            committed: list[BrokerMessage] = []
            size = 0
            while session.held and len(taken) < limit.rows and size < limit.bytes:
                each = session.held.popleft()
                if each.again and known.was_taken(each.fingerprint):
                    committed.append(each)
                else:
                    taken.append(each)
                    size += len(each.payload)
            if committed:
                session.confirm(committed)
            if taken:
                return taken

    def _batch(self, taken: list[BrokerMessage], begin: str, known: Sequences) -> Batch:
        spill = Spill(self.scratch, self.schema)
        decoder = self._decoder()
        decoded = decoder.read([each.payload for each in taken])
        *columns, devices, numbers = decoded.columns
        refused = dict(decoded.refused)
        kept: list[_Row] = []
        for at, place, device, number in zip(
            range(len(decoded.kept)),
            decoded.kept,
            devices.to_pylist(),
            numbers.to_pylist(),
            strict=True,
        ):
            reason = self._reason(device, number, known)
            if reason is None:
                kept.append(_Row(at, device, int(number), taken[place]))
            else:
                refused[place] = reason
        known.mark(each.fingerprint for each in taken)
        rows = pa.array([row.at for row in kept], pa.int64())
        own = [
            pa.array([row.arrival.topic for row in kept], pa.string()),
            pa.array([row.device for row in kept], pa.string()),
            pa.array([row.number for row in kept], pa.int64()),
        ]
        spill.add(
            pa.record_batch(
                [*(each.take(rows) for each in (*columns, *decoded.extra)), *own],
                schema=self.schema,
            )
        )
        return Batch(
            shard=SHARD,
            start=begin,
            end=known.position(),
            rows=spill.taken(),
            rejected=self._rejected(taken, refused),
            unknown_columns=tuple(sorted(decoder.unknown)),
        )

    def _decoder(self) -> JsonMessages:
        own = {_DEVICE: self.word.device, _SEQUENCE: self.word.sequence}
        columns, keeps = (*self.shape.columns, *own), self.shape.keeps_extra
        return JsonMessages(columns, {**self.word.fields, **own}, self.caps, keeps_extra=keeps)

    def _reason(self, device: str | None, number: str | None, known: Sequences) -> str | None:
        """Say why a message cannot be a row, or None."""
        if not device:
            return f"has no device in `{self.word.device}`"
        if number is None or not _WHOLE.fullmatch(number) or int(number) > _MOST:
            return f"has no whole number in `{self.word.sequence}`"
        verdict = known.add(device, int(number))
        if verdict is NumberVerdict.FRESH:
            return None
        return f"sequence {number} of device {device} {verdict.value}"

    def _rejected(self, taken: list[BrokerMessage], refused: Mapping[int, str]) -> pa.Table:
        rows = [
            {
                "position": f"{taken[at].topic}/{taken[at].fingerprint[:12]}",
                "reason": reason,
                "payload": taken[at]
                .payload[: self.caps.payload_bytes]
                .decode("utf-8", "backslashreplace"),
            }
            for at, reason in sorted(refused.items())
        ]
        return pa.Table.from_pylist(rows, REJECTED)

    def _known(self, position: str) -> Sequences:
        try:
            return Sequences.of(position)
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"{self.shape.dataset}: position {position[:80]!r} tells of no devices",
                declared=self._declared,
                data="nothing was read",
                next=f"watermain explain {self.shape.dataset}",
            ) from error

    @property
    def _declared(self) -> str:
        word = self.word
        return f"{self.shape.declared}  Mqtt({word.connection!r}, {word.topic!r})".strip()


@dataclass(frozen=True)
class _Row:
    """Hold one message that is a row, and its place among the decoded ones."""

    at: int
    device: str
    number: int
    arrival: BrokerMessage
