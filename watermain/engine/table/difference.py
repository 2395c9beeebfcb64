"""Two versions of a dataset's table, told apart row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from watermain.declare.contract import Sensitivity
from watermain.declare.dataset import Dataset
from watermain.lake.lake import quote

MASKED = frozenset({Sensitivity.PERSONAL, Sensitivity.SECRET})
MASK = "***"
COPY = "_copy"
_SAMPLES = 5
# No column of a contract is called so.
OLD, NEW, IS = "_watermain_old", "_watermain_new", "_watermain_is"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What the new version of a table has that the old one had not.

    `columns` counts for each column the rows that both have with another value; `samples` are a
    few rows, each with its key, what it is and the values that differ; sensitive ones are masked.
    """

    before: int
    after: int
    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]
    samples: tuple[Mapping[str, Any], ...]
    gained: Mapping[str, str]
    lost: Mapping[str, str]
    retyped: Mapping[str, tuple[str, str]]

    @property
    def is_empty(self) -> bool:
        """Whether both versions are the same."""
        rows = self.added or self.removed or self.changed
        return not (rows or self.gained or self.lost or self.retyped)


def same(rows: int) -> Difference:
    """The difference between a table of so many rows and itself."""
    return Difference(
        before=rows,
        after=rows,
        added=0,
        removed=0,
        changed=0,
        columns={},
        samples=(),
        gained={},
        lost={},
        retyped={},
    )


def difference(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, old: str, new: str, where: str = "true"
) -> Difference:
    """Compare two relations by the contract's key, on the columns that both have.

    Guarantees: exact, whatever the order of rows; rows without a key are equal as wholes, each as
    often as it stands. Rows that lie at the same place in both cost
    one scan; only those that do not are joined.
    """
    before, after = _types(connection, old), _types(connection, new)
    key = [k for k in dataset.contract.key if k in before and k in after]
    shared = [n for n in after if n in before and n not in key]
    counts = [_count(connection, relation, where) for relation in (old, new)]
    relations = (old, new)
    if dataset.contract.keyless:
        key, shared = [*shared, COPY], []
        relations = (_numbered(old, key[:-1]), _numbered(new, key[:-1]))
    _compare(connection, relations, where, key, shared)
    totals = _totals(connection, shared)
    return Difference(
        before=counts[0],
        after=counts[1],
        added=totals[0],
        removed=totals[1],
        changed=totals[2],
        columns={n: c for n, c in zip(shared, totals[3:], strict=True) if c},
        samples=tuple(_samples(connection, dataset, key, shared)),
        gained={n: t for n, t in after.items() if n not in before},
        lost={n: t for n, t in before.items() if n not in after},
        retyped={n: (before[n], after[n]) for n in shared if before[n] != after[n]},
    )


def _types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    rows = connection.execute(f"describe select * from {relation}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in rows}


def _numbered(relation: str, columns: list[str]) -> str:
    """Rows that are numbered among those equal to them."""
    each = ", ".join(map(quote, columns))
    return f"(select *, row_number() over (partition by {each}) as {COPY} from {relation})"


def _count(connection: duckdb.DuckDBPyConnection, relation: str, where: str) -> int:
    row = connection.execute(f"select count(*) from {relation} where {where}").fetchone()
    return int(row[0]) if row else 0


def _compare(
    connection: duckdb.DuckDBPyConnection,
    relations: tuple[str, str],
    where: str,
    key: list[str],
    shared: list[str],
) -> None:
    """Leave the rows that differ in `differing`, as pairs of old and new; null where there is none.

    Versions of one table mostly hold their rows in the same order, so rows are first held
    against those at the same place; what is left is joined by its key.
    """
    columns = ", ".join(map(quote, [*key, *shared]))
    old, new = (f"(select true as {IS}, {columns} from {r} where {where})" for r in relations)
    same_key = (
        " and ".join(f"{OLD}.{quote(k)} is not distinct from {NEW}.{quote(k)}" for k in key)
        or "true"
    )
    other = (
        " or ".join(f"{OLD}.{quote(c)} is distinct from {NEW}.{quote(c)}" for c in shared)
        or "false"
    )
    aligned = f"({OLD}.{IS} and {NEW}.{IS} and {same_key})"
    connection.execute(
        f"create or replace temp table apart as select {OLD}, {NEW},"
        f" coalesce({aligned}, false) as aligned from {old} {OLD} positional join {new} {NEW}"
        f" where not coalesce({aligned}, false) or {other}"
    )
    connection.execute(
        f"create or replace temp table differing as select {OLD}, {NEW} from apart where aligned"
        f" union all select {OLD}, {NEW} from"
        f" (select unnest({OLD}) from apart where not aligned and {OLD}.{IS}) {OLD}"
        f" full join (select unnest({NEW}) from apart where not aligned and {NEW}.{IS}) {NEW}"
        f" on {same_key} where {OLD}.{IS} is null or {NEW}.{IS} is null or {other}"
    )
    connection.execute("drop table apart")


def _totals(connection: duckdb.DuckDBPyConnection, shared: list[str]) -> list[int]:
    both = f"{OLD}.{IS} and {NEW}.{IS}"
    each = [
        f"count(*) filter ({both} and {OLD}.{quote(c)} is distinct from {NEW}.{quote(c)})"
        for c in shared
    ]
    row = connection.execute(
        f"select count(*) filter ({OLD}.{IS} is null), count(*) filter ({NEW}.{IS} is null),"
        f" {', '.join([f'count(*) filter ({both})', *each])} from differing"
    ).fetchone()
    return [int(n) for n in row] if row else []


def _samples(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, key: list[str], shared: list[str]
) -> list[dict[str, Any]]:
    """A few rows of each sort."""
    hidden = {c.name for c in dataset.contract.columns if c.sensitivity in MASKED}
    found: list[dict[str, Any]] = []
    for word, where in (
        ("added", f"{OLD}.{IS} is null"),
        ("removed", f"{NEW}.{IS} is null"),
        ("changed", f"{OLD}.{IS} and {NEW}.{IS}"),
    ):
        rows = connection.execute(
            f"select {OLD}, {NEW} from differing where {where} limit {_SAMPLES}"
        ).fetchall()
        found += [_sample(word, old, new, (key, shared), hidden) for old, new in rows]
    return found


def _sample(
    word: str,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    names: tuple[list[str], list[str]],
    hidden: set[str],
) -> dict[str, Any]:
    there = new if word != "removed" else old
    assert there is not None

    def shown(row: Mapping[str, Any], name: str) -> Any:
        return MASK if name in hidden and row[name] is not None else row[name]

    told = {k: shown(there, k) for k in names[0] if k != COPY}
    sample: dict[str, Any] = {"row": word, "key": told}
    if word == "changed" and old is not None and new is not None:
        changed = [c for c in names[1] if repr(old[c]) != repr(new[c])]
        sample["values"] = {c: [shown(old, c), shown(new, c)] for c in changed}
    return sample
