"""The declaration that is proposed for a table, with what becomes of each of its pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare.cadence import Cadence, Daily, Hourly, Monthly
from watermain.declare.contract import Column, Contract, Sensitivity
from watermain.declare.dataset import Dataset
from watermain.declare.errors import quoted
from watermain.engine.adopt.column_type import columns_of
from watermain.engine.adopt.key import ProvedKey, proved_key
from watermain.engine.adopt.measuring import NAN, NANOSECONDS, PieceFacts, cut_column, facts
from watermain.engine.adopt.piece import Measured, Piece, TableStanding, refused
from watermain.engine.adopt.probing import refusal
from watermain.engine.adopt.rows import Rows, of_pieces
from watermain.engine.adopt.sensitivity import proposed
from watermain.engine.table.table import engine_types

CADENCES: Mapping[str, type[Cadence] | None] = {
    "hourly": Hourly,
    "daily": Daily,
    "monthly": Monthly,
    "none": None,
}
_EVENT = ("event", "occurred", "happened", "ordered", "created", "recorded", "timestamp", "time")
_OLDEST = date(1900, 1, 1)
_MOST_DAYS = 30 * 366


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What whoever adopts a table says of it; what is not said is proposed."""

    key: tuple[str, ...] = ()
    event_time: str = ""
    cadence: str = ""
    without: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The contract of a table, its rhythm and its pieces; `notes` say why it is so."""

    standing: TableStanding
    contract: Contract
    cadence: Cadence | None
    pieces: tuple[Piece, ...]
    notes: tuple[str, ...] = field(default=())


def propose(
    connection: duckdb.DuckDBPyConnection,
    standing: TableStanding,
    wishes: Wishes,
    rows: Rows | None = None,
) -> Proposal:
    """Propose a contract, prove its key, and say of each piece whether it stays as it is.

    Shapes: `rows` are those of the table where its pieces are no files.
    Raises: UnadoptableTableError.
    """
    where = standing.place
    schema = columns_of(standing.schema, where, wishes.without)
    bare = [Column(f.name, f.type, standing.described.get(f.name, "")) for f in schema]
    rows = rows or of_pieces(connection, standing.pieces, schema)
    of = facts(rows, bare)
    proved = proved_key(rows, bare, wished=wishes.key or standing.key, where=where)
    event = _event_time(bare, of, wishes, where)
    cadence, why = _cadence(of, event, wishes)
    masked = proposed(rows, bare)
    columns = tuple(_column(c, masked, proved, event, standing.required) for c in bare)
    contract = Contract(
        grain=f"one row per {' and '.join(proved.key)}"
        + (" of each file" if proved.in_each_piece else ""),
        key=proved.key,
        event_time=event or None,
        version="0.1.0",
        columns=columns,
    )
    pieces = _weighed(standing.pieces, of, event, engine_types(connection, contract.schema))
    _refuse_lacking(pieces, columns, where)
    return Proposal(
        standing=standing,
        contract=contract,
        cadence=cadence,
        pieces=pieces,
        notes=(*standing.notes, *_notes(proved, masked, event, why)),
    )


def again(
    connection: duckdb.DuckDBPyConnection, standing: TableStanding, dataset: Dataset
) -> Proposal:
    """Hold what stands there now against a dataset that was adopted before.

    Raises: UnadoptableTableError, where the key does not hold any more.
    """
    contract, where = dataset.contract, standing.place
    rows = of_pieces(connection, standing.pieces, contract.schema)
    of = facts(rows, contract.columns)
    proved_key(rows, contract.columns, wished=contract.key, where=where)
    event = contract.event_time or ""
    pieces = _weighed(standing.pieces, of, event, engine_types(connection, contract.schema))
    _refuse_lacking(pieces, contract.columns, where)
    return Proposal(standing=standing, contract=contract, cadence=dataset.cadence, pieces=pieces)


def _column(
    bare: Column,
    masked: Mapping[str, tuple[Sensitivity, str]],
    proved: ProvedKey,
    event: str,
    required: frozenset[str],
) -> Column:
    told = bare.description or ("what names the row" if bare.name in proved.key else "")
    told = told or ("when it happened" if bare.name == event else bare.name.replace("_", " "))
    kind, _ = masked.get(bare.name, (Sensitivity.INTERNAL, ""))
    return replace(bare, description=told, sensitivity=kind, nullable=bare.name not in required)


def _event_time(
    columns: Sequence[Column], of: Mapping[str, PieceFacts], wishes: Wishes, where: str
) -> str:
    """The column of event times; nothing where none is without gaps."""
    times = [c.name for c in columns if pa.types.is_timestamp(c.type) or pa.types.is_date(c.type)]
    if wishes.event_time and wishes.event_time not in times:
        raise refused(
            f"`{wishes.event_time}` is no column of dates or of times",
            where,
            f"use one of {quoted(times)}" if times else "leave --event-time out",
        )
    whole = [n for n in times if not sum(f.ends[n].nulls for f in of.values()) and _is_sound(n, of)]
    if wishes.event_time:
        if wishes.event_time not in whole:
            raise refused(
                f"some row has no `{wishes.event_time}`, or one from before {_OLDEST}",
                where,
                f"use one of {quoted(whole)}" if whole else "leave --event-time out",
            )
        return wishes.event_time
    if wishes.cadence == "none":
        return ""
    return min(whole, key=_likeness, default="")


def _is_sound(name: str, of: Mapping[str, PieceFacts]) -> bool:
    lows = [_day(f.ends[name].low) for f in of.values() if f.ends[name].low is not None]
    return bool(lows) and min(lows) >= _OLDEST


def _likeness(name: str) -> tuple[int, int]:
    """How little a column looks like the time at which its row happened."""
    word = name.lower()
    found = next((n for n, each in enumerate(_EVENT) if each in word), len(_EVENT))
    is_change = any(
        each in word for each in ("update", "modif", "delete", "load", "ingest", "valid")
    )
    return int(is_change), found


def _cadence(
    of: Mapping[str, PieceFacts], event: str, wishes: Wishes
) -> tuple[Cadence | None, str]:
    """The rhythm that is wished for, or days, or months where the days are too many; and why."""
    if not event or wishes.cadence == "none":
        return None, "" if wishes.cadence else "no column of times is without gaps: no partitions"
    ends = [f.ends[event] for f in of.values() if f.ends[event].low is not None]
    first, last = min(_day(e.low) for e in ends), max(_day(e.high) for e in ends)
    kind = CADENCES.get(wishes.cadence) or (Daily if (last - first).days < _MOST_DAYS else Monthly)
    return kind(start=first.replace(day=1)), f"from {first} to {last}"


def _measured(found: PieceFacts, event: str) -> Measured:
    ends = found.ends.get(event)
    return Measured(
        rows=found.rows, low=ends.low if ends else None, high=ends.high if ends else None
    )


def _weighed(
    pieces: Sequence[Piece],
    of: Mapping[str, PieceFacts],
    event: str,
    types: Mapping[str, str],
) -> tuple[Piece, ...]:
    """Say of each piece whether it can stay as it is."""
    asked: dict[str, str] = {}
    found = []
    for piece in pieces:
        facts_of = of.get(str(piece.path or piece.name), PieceFacts(rows=0, ends={}, nans=()))
        measured, why = _measured(facts_of, event), piece.why
        if not why and piece.path is not None and piece.write is None:
            why = _odd(piece, facts_of) or _asked(piece, types, asked)
        found.append(replace(piece, measured=measured, why=why))
    return tuple(found)


def _odd(piece: Piece, found: PieceFacts) -> str:
    """Which values of a piece would not be read back as they are."""
    assert piece.path is not None
    if found.nans:
        return NAN.format(found.nans[0])
    cut = cut_column(piece.path)
    return NANOSECONDS.format(cut) if cut else ""


def _refuse_lacking(pieces: Sequence[Piece], columns: Sequence[Column], where: str) -> None:
    """Refuse a file that only the capture can bring, and that it would put aside as a whole."""
    for piece in (p for p in pieces if p.is_left and p.path is not None):
        lacks = {c.name for c in columns} - set(pq.read_schema(piece.path).names)
        if lacks:
            raise refused(
                f"{piece.name} lacks {quoted(lacks)} and cannot stay as it is: {piece.why}",
                where,
                f"write it again with all columns, or: --leave-out {min(lacks)}",
            )


def _asked(piece: Piece, types: Mapping[str, str], asked: dict[str, str]) -> str:
    """What the engine says of the first file of each shape."""
    assert piece.path is not None
    shape = str(pq.read_schema(piece.path).remove_metadata())
    if shape not in asked:
        wanted = {n: k for n, k in types.items() if n not in piece.constants}
        asked[shape] = refusal(piece.path, wanted)
    return asked[shape]


def _day(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _notes(
    proved: ProvedKey,
    masked: Mapping[str, tuple[Sensitivity, str]],
    event: str,
    why: str,
) -> tuple[str, ...]:
    key = ", ".join(proved.key)
    told = f"key ({key}): proved, no two rows share it"
    if proved.in_each_piece:
        told = f"key ({key}): proved in each file by itself; it comes again from file to file"
    notes = [told]
    if event:
        notes.append(f"event time `{event}`" + (f": {why}" if why else ""))
    elif why:
        notes.append(why)
    notes += [
        f"`{n}` is masked as {kind.value}, {because}" for n, (kind, because) in masked.items()
    ]
    return tuple(notes)
