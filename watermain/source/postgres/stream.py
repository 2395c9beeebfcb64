"""The stream of one table's transactions, cut into batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

from watermain.declare.errors import SourceError
from watermain.source.postgres import pgoutput
from watermain.source.postgres.changes import Changes
from watermain.source.postgres.generation import Generation
from watermain.source.postgres.replication import Replication, lsn_number, lsn_text
from watermain.source.protocol import Batch, Limit
from watermain.source.spill import handed_out, sweep

HEARTBEAT_BYTES = 16 * 2**20
_POLL_SECONDS = 0.05
_LISTEN_SECONDS = 0.5


def await_change(link: Replication, table: str, until: float, stop: Event) -> None:
    """Read until a table is changed: before the first change of each the stream describes it."""
    while not stop.is_set() and (left := until - time.monotonic()) > 0:
        message, _ = link.read(min(_LISTEN_SECONDS, left))
        if message is None:
            continue
        if message[0] == pgoutput.RELATION and pgoutput.Relation.read(message).table == table:
            return
        if message[0] == pgoutput.TRUNCATED:
            return


class SlotStream:
    """Cut a slot's stream into batches that hold whole transactions.

    Guarantees: the stream ends when it has given everything that was durable at the server
    when it began, or when its time is up; an open transaction is always read to its end.
    """

    def __init__(
        self, link: Replication, generation: Generation, publication: str, changes: Changes
    ) -> None:
        self.link, self.generation, self.publication = link, generation, publication
        self.changes = changes
        self._reached = 0
        self._failure: SourceError | None = None

    def batches(self, position: int, limit: Limit, deadline: float) -> Iterator[Batch]:
        """Give the batches after `position`, which the ledger holds."""
        target = lsn_number(str(self.link.ask("IDENTIFY_SYSTEM")[0][2]))
        self.link.start(self.generation.slot, position, self.publication)
        sweep(self.changes.spill.folder)
        done = False
        while not done:
            done = self._gather(target, limit, deadline)
            batch = self._batch(position)
            if batch is not None:
                position = lsn_number(batch.end)
                yield from handed_out(batch)
            if self._failure is not None:
                raise self._failure

    def _gather(self, target: int, limit: Limit, deadline: float) -> bool:
        """Read until a batch is full or nothing is left to read; say whether the latter."""
        changes = self.changes
        while True:
            message, sent = self.link.read(_POLL_SECONDS)
            if message is not None:
                if not self._fed(message):
                    return True
                if changes.inside:
                    continue
                if changes.count >= limit.rows or changes.bytes >= limit.bytes:
                    return False
            elif sent:
                self._reached = max(self._reached, sent)
            else:
                self.link.poke()
            if changes.inside:
                continue
            if max(self._reached, changes.position) >= target or time.monotonic() > deadline:
                return True

    def _fed(self, message: memoryview) -> bool:
        """Take one message; keep the whole transactions before one that cannot be read."""
        try:
            self.changes.feed(message)
        except SourceError as error:
            if not self.changes.retract():
                raise
            self._failure = error
        return self._failure is None

    def _batch(self, position: int) -> Batch | None:
        """Make a batch of what is gathered or a heartbeat when only the log has grown.

        A heartbeat may go as far as the server says that it has sent everything: it sends
        transactions in commit order, and none is open here, so every one that ended before
        that point and holds rows of ours has been in a batch.
        """
        changes = self.changes
        start, unknown = lsn_text(position), changes.unknown_columns
        reached = max(self._reached, changes.position)
        if changes.count:
            end = lsn_text(changes.position)
        elif reached - position >= HEARTBEAT_BYTES and self._failure is None:
            end = lsn_text(reached)
        else:
            return None
        return Batch(
            shard=self.generation.shard,
            start=start,
            end=end,
            rows=changes.taken(),
            unknown_columns=unknown,
        )
