"""A seeded writer of the source table that remembers every change it made."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg

DDL = """
create table public.steps (
    id text primary key, shard int, seq bigint, at timestamp, amount text);
alter table public.steps replica identity full;
create publication {publication} for table public.steps;
"""
SHARDS = (0, 1)
WRONG = "x"


class Piece(NamedTuple):
    """One row of the source."""

    id: str
    shard: int
    seq: int
    at: str
    amount: str


class Change(NamedTuple):
    """One captured change, as raw should hold it."""

    op: str
    piece: Piece

    @property
    def fits(self) -> bool:
        """Whether raw can hold it; a delete needs no more than its key."""
        return self.op == "d" or self.piece.amount != WRONG

    @property
    def row(self) -> tuple[str, str, int, int, str, int | None]:
        """The row in the raw table."""
        id_, shard, seq, at, amount = self.piece
        return (self.op, id_, shard, seq, at, None if amount == WRONG else int(amount))


@dataclass
class Generator:
    """Write random transactions; `log` is the truth about what was committed, in order.

    Guarantees: every insert and every update takes the next number of its shard, so that the
    numbers seen downstream must be dense.
    """

    dsn: str
    random: random.Random
    alive: dict[str, Piece] = field(default_factory=dict)
    log: list[Change] = field(default_factory=list)
    latest: Counter[int] = field(default_factory=Counter)
    born: int = 0

    def begin(self, publication: str, rows: int) -> None:
        """Create the table with rows that only a snapshot can bring."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute(DDL.format(publication=publication))
            for _ in range(rows):
                self._insert(connection)
        self.log = [change._replace(op="r") for change in self.log]

    def write(self, transactions: int) -> None:
        """Commit that many transactions of one to four changes each."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for _ in range(transactions):
                with connection.transaction():
                    for _ in range(self.random.randint(1, 4)):
                        self._change(connection)

    def _change(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        kind = self.random.choices(("insert", "update", "move", "delete"), (60, 25, 5, 10))[0]
        if kind == "insert" or not self.alive:
            self._insert(connection)
            return
        old = self.alive[self.random.choice(sorted(self.alive))]
        if kind == "delete":
            connection.execute("delete from public.steps where id = %s", [old.id])
            del self.alive[old.id]
            self.log.append(Change("d", old))
            return
        new = self._made(old.id, old.shard, old.at if kind == "update" else self._moment())
        connection.execute(
            "update public.steps set seq = %s, at = %s, amount = %s where id = %s",
            [new.seq, new.at, new.amount, new.id],
        )
        self.alive[new.id] = new
        if new.at == old.at:
            self.log.append(Change("u", new))
        else:
            self.log += [Change("d", old), Change("i", new)]

    def _insert(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self.born += 1
        piece = self._made(f"p{self.born}", self.random.choice(SHARDS), self._moment())
        connection.execute("insert into public.steps values (%s, %s, %s, %s, %s)", piece)
        self.alive[piece.id] = piece
        self.log.append(Change("i", piece))

    def _made(self, id_: str, shard: int, at: str) -> Piece:
        self.latest[shard] += 1
        amount = WRONG if self.random.random() < 0.05 else str(self.random.randint(0, 10**15))
        return Piece(id_, shard, self.latest[shard], at, amount)

    def _moment(self) -> str:
        return f"2013-01-0{self.random.randint(1, 3)} {self.random.randint(10, 23)}:00:00"
