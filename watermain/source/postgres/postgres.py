"""The source that captures every change of one PostgreSQL table."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Self

import psycopg

from watermain.declare.dataset import Dataset
from watermain.declare.errors import SourceError
from watermain.declare.outside.source import Postgres
from watermain.source.outside import Outside
from watermain.source.postgres import waiting
from watermain.source.postgres.address import composed
from watermain.source.postgres.changes import Changes, change_schema
from watermain.source.postgres.generation import Generation, latest, slot_prefix
from watermain.source.postgres.publication import SourceTable, prove
from watermain.source.postgres.replication import (
    PATIENCE_SECONDS,
    Connection,
    Dsn,
    Replication,
    connected,
    failure,
    lsn_number,
    lsn_text,
)
from watermain.source.postgres.snapshot import snapshot
from watermain.source.postgres.stream import HEARTBEAT_BYTES, SlotStream, await_change
from watermain.source.protocol import Backlog, Batch, Limit, Shape
from watermain.source.spill import Spill, handed_out, sweep

_STANDING = """
select (select system_identifier from pg_control_system())::text,
       pg_current_wal_flush_lsn()::text, s.confirmed_flush_lsn::text, s.wal_status
from (select 1) as one left join pg_replication_slots as s on s.slot_name = %s
"""
_ADVANCE = """
select pg_replication_slot_advance(slot_name, %(position)s::pg_lsn) from pg_replication_slots
where slot_name = %(slot)s and confirmed_flush_lsn < %(position)s::pg_lsn and wal_status <> 'lost'
  and (select system_identifier from pg_control_system())::text = %(system)s
"""


class PostgresSource:
    """Read one table: a snapshot and then each whole transaction in commit order.

    Guarantees: a batch ends where a transaction ends. The slot is confirmed by `acknowledge`
    alone, and so it never stands past the ledger: a slot that does is not ours and is refused.
    A lost slot begins a new generation with a new snapshot. While nothing changes here but the
    server writes on, a batch without rows moves the position every HEARTBEAT_BYTES, so that
    the server can let go of its log.
    Raises: SourceError or UnreachableSystemError.
    """

    def __init__(self, word: Postgres, shape: Shape, *, dsn: Dsn, scratch: Path) -> None:
        self.word, self.shape, self.dsn = word, shape, dsn
        self.prefix = slot_prefix(word.slot, shape.dataset)
        self.scratch = scratch / self.prefix
        self._link: Replication | None = None

    @classmethod
    def of(cls, dataset: Dataset, outside: Outside) -> Self:
        """Open the source that a dataset declares; its address is resolved at each connection."""
        word = dataset.source
        assert isinstance(word, Postgres)
        return cls(
            word,
            Shape.of(dataset),
            dsn=outside.address(word.connection, composed),
            scratch=outside.scratch,
        )

    def batches(self, *, after: Mapping[str, str], limit: Limit) -> Iterator[Batch]:
        """Give a snapshot where none is known, and then the transactions since."""
        deadline = time.monotonic() + limit.seconds
        self._hang_up()
        with connected(self.dsn, declared=self._declared) as connection, self._mapped():
            table = prove(connection, self.word, self.shape)
            generation, position = self._standing(connection, table.oid, after)
        link = self._link = Replication(self.dsn, name=self.shape.dataset, declared=self._declared)
        spill = Spill(self.scratch, change_schema(self.shape.carried))
        try:
            if position is None:
                batch = self._first(link, generation, spill, table)
                position = lsn_number(batch.end)
                yield from handed_out(batch)
            changes = Changes(table, generation.slot, self.shape, spill)
            stream = SlotStream(link, generation, self.word.publication, changes)
            yield from stream.batches(position, limit, deadline)
        finally:
            self._hang_up()
            spill.discard()

    def acknowledge(self, positions: Mapping[str, str]) -> None:
        """Confirm to the slot what the lake has committed; a slot that is gone or lost stays so."""
        if (found := latest(self.prefix, positions)) is None:
            return
        generation, position = found
        if self._link is not None and self._link.slot == generation.slot:
            self._link.confirm(lsn_number(position))
            return
        facts = {"slot": generation.slot, "system": generation.system, "position": position}
        with connected(self.dsn, declared=self._declared) as connection, self._mapped():
            _patiently(connection, _ADVANCE, facts)

    def backlog(self) -> Backlog:
        """Tell what waits behind the slot; a table without a slot waits whole."""
        with connected(self.dsn, declared=self._declared) as connection, self._mapped():
            return waiting.backlog(connection, self.prefix, self.word, HEARTBEAT_BYTES)

    def listen(self, *, after: Mapping[str, str], seconds: float, stop: Event) -> None:
        """Wait for a change of the table, which the slot brings; no position moves."""
        if (found := latest(self.prefix, after)) is None:
            return
        link = Replication(self.dsn, name=self.shape.dataset, declared=self._declared)
        try:
            link.start(found[0].slot, lsn_number(found[1]), self.word.publication)
            await_change(link, self.word.table, time.monotonic() + seconds, stop)
        finally:
            link.close()

    def verify(self) -> None:
        """Prove the declaration against the server, as far as a replication connection."""
        with connected(self.dsn, declared=self._declared) as connection, self._mapped():
            prove(connection, self.word, self.shape)
        Replication(self.dsn, name=self.shape.dataset, declared=self._declared).close()

    def _standing(
        self, connection: Connection, table: int, after: Mapping[str, str]
    ) -> tuple[Generation, int | None]:
        """Weigh the ledger's position against the slot; None asks for a snapshot."""
        found = latest(self.prefix, after)
        slot = found[0].slot if found else ""
        row = connection.execute(_STANDING, [slot]).fetchone()
        assert row is not None
        system, flushed, confirmed, status = row
        if found is None:
            return Generation(self.prefix, system, 1, table), None
        generation, position = found[0], lsn_number(found[1])
        if generation.system != system or position > lsn_number(flushed):
            raise self._refused(
                f"the server (system {system}, at {flushed}) is not the one, or is older than "
                f"the one, that was read up to {found[1]} (system {generation.system})",
                next="correct the connection, or declare a new dataset for the other history",
            )
        if confirmed is None or status == "lost":
            return generation.following(table), None
        if generation.table not in (0, table):
            raise self._refused(
                f"{self.word.table} (object {table}) is not the table (object {generation.table}) "
                f"that was read up to {found[1]}: that one was dropped or renamed",
                next=f"to read the table anew: select pg_drop_replication_slot('{slot}')",
            )
        if lsn_number(confirmed) > position:
            raise self._refused(
                f"slot {slot} stands at {confirmed}, past the ledger's {found[1]}: it was made "
                "anew or moved by somebody else, what lies between is lost to it",
                next=f"to read the table anew: select pg_drop_replication_slot('{slot}')",
            )
        return generation, position

    def _first(
        self, link: Replication, generation: Generation, spill: Spill, table: SourceTable
    ) -> Batch:
        """Read the snapshot of a new generation, after dropping what earlier tries left."""
        for (slot,) in link.ask(
            f"select slot_name from pg_replication_slots where slot_name ~ '^{self.prefix}_[0-9]+$'"
            " and database = current_database()"
        ):
            link.ask(f"DROP_REPLICATION_SLOT {slot}", patience=PATIENCE_SECONDS)
        sweep(self.scratch)
        known = set(self.shape.columns)
        beyond = tuple(sorted(name for name in table.visible if name not in known))
        position = snapshot(
            link,
            slot=generation.slot,
            table=self.word.table,
            shape=self.shape,
            beyond=beyond,
            spill=spill,
        )
        return Batch(
            shard=generation.shard,
            start="",
            end=lsn_text(position),
            rows=spill.taken(),
            reset=True,
            unknown_columns=beyond,
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
        return f"{self.shape.declared}  Postgres({word.connection!r}, {word.table!r})".strip()

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise failure(
                error.sqlstate, str(error), declared=self._declared, name=self.shape.dataset
            ) from None


def _patiently(connection: Connection, statement: str, facts: Mapping[str, str]) -> None:
    """Run a statement on a slot, and wait a while for whoever holds it to let go."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.execute(statement, facts)
            return
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
