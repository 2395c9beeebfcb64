"""The columns that name a row, proposed from statistics, proved by a scan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import pyarrow as pa

from watermain.declare.contract import Column
from watermain.declare.errors import quoted
from watermain.engine.adopt.piece import refused
from watermain.engine.adopt.rows import Rows
from watermain.lake.lake import quote

_NAMING = re.compile(r"(^|_)(id|key|uuid|guid|no|number|code|pk|sk)$", re.IGNORECASE)
_WIDE = 5  # of the likeliest columns that are tried together
_MOST_TRIES = 12  # each a scan
_ENOUGH = 0.9  # of the rows that an estimate must tell apart; it errs by some percent


@dataclass(frozen=True, kw_only=True)
class ProvedKey:
    """A key that a scan proved, and how far: in the whole table, or in each piece by itself."""

    key: tuple[str, ...]
    in_each_piece: bool = False


def proved_key(
    rows: Rows, columns: Sequence[Column], *, wished: tuple[str, ...], where: str
) -> ProvedKey:
    """Prove the key that is wished for, or the likeliest that holds.

    Guarantees: no row lacks a value of the key, and no two rows of the table, or of one piece,
    have the same.
    Raises: UnadoptableTableError, where none holds.
    """
    names = [c.name for c in columns]
    if unknown := [name for name in wished if name not in names]:
        raise refused(f"there is no column {quoted(unknown)}", where, f"use among {quoted(names)}")
    tries = [wished] if wished else list(_candidates(rows, columns))
    for by in ("", f"{rows.by}, "):
        for key in tries:
            if _holds(rows, key, by):
                return ProvedKey(key=key, in_each_piece=bool(by))
    if wished:
        raise refused(
            f"({', '.join(wished)}) is no key: {_why(rows, wished)}",
            where,
            "name other columns: --key a,b",
        )
    told = f", of {len(tries)} tried" if tries else ""
    raise refused(
        f"no key holds{told}: rows repeat in whatever names them",
        where,
        "name the columns that should: --key a,b",
    )


def _candidates(rows: Rows, columns: Sequence[Column]) -> Iterator[tuple[str, ...]]:
    """Columns that may name a row by their statistics: the likeliest, then some together."""
    asked = [c for c in columns if _may_name(c.type)]
    if not asked:
        return
    count, *told = rows.one(
        "select count(*), "
        + ", ".join(
            f"count({n}), approx_count_distinct({n})" for n in (quote(c.name) for c in asked)
        )
        + " from rows"
    )
    whole = [
        (c, distinct)
        for c, values, distinct in zip(asked, told[::2], told[1::2], strict=True)
        if values == count
    ]
    ranked = sorted(whole, key=lambda each: (-_rank(each[0], each[1], count), -each[1]))
    single = [(c.name,) for c, distinct in ranked if distinct >= _ENOUGH * count]
    yield from single[:_MOST_TRIES]
    likely = [(c, d) for c, d in ranked if (c.name,) not in single][:_WIDE]
    two = [
        (a.name, b.name)
        for (a, da), (b, db) in combinations(likely, 2)
        if da * db >= _ENOUGH * count
    ]
    three = [
        (a.name, b.name, c.name)
        for (a, da), (b, db), (c, dc) in combinations(likely, 3)
        if da * db * dc >= _ENOUGH * count
    ]
    yield from [*two, *three][:_MOST_TRIES]


def _rank(column: Column, distinct: int, count: int) -> int:
    """How much a column looks like a name: by its own name, then by its type."""
    named = 2 if _NAMING.search(column.name) else 0
    return named + (0 if pa.types.is_temporal(column.type) else 1)


def _may_name(kind: pa.DataType) -> bool:
    T = pa.types
    return bool(T.is_integer(kind) or T.is_string(kind) or T.is_date(kind) or T.is_timestamp(kind))


def _holds(rows: Rows, key: tuple[str, ...], by: str) -> bool:
    """Whether no two rows have the same key, nor any row a part of it missing."""
    names = ", ".join(map(quote, key))
    missing = " or ".join(f"{quote(name)} is null" for name in key)
    lacking = rows.asked(f"select 1 from rows where {missing} limit 1")
    return not lacking and not rows.asked(
        f"select 1 from rows group by {by}{names} having count(*) > 1 limit 1"
    )


def _why(rows: Rows, key: tuple[str, ...]) -> str:
    missing = " or ".join(f"{quote(name)} is null" for name in key)
    count, lacking = rows.one(f"select count(*), count(*) filter ({missing}) from rows")
    if lacking:
        return f"{lacking} of {count} rows lack a part of it"
    names = ", ".join(map(quote, key))
    (distinct,) = rows.one(f"select count(*) from (select distinct {names} from rows)")
    return f"{count} rows have {distinct} of them"
