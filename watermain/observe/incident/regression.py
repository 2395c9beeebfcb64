"""The check that failed while an incident lasted, but passes now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.engine.audit.rule import violation
from watermain.lake.lake import table


@dataclass(frozen=True, kw_only=True)
class RegressionCheck:
    """How many rows broke a check in the snapshot of then, and break it now."""

    label: str
    dataset: str
    snapshot: int
    before: int
    after: int

    @property
    def is_proved(self) -> bool:
        """Whether it would have caught it, and what it caught is gone."""
        return self.before > 0 and self.after == 0

    def __str__(self) -> str:
        return (
            f"check `{self.label}` of {self.dataset}: {self.before} rows broke it in snapshot"
            f" {self.snapshot}, {self.after} break it now"
        )


def prove(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, label: str, began_at: datetime,
    snapshot: int | None = None,
) -> RegressionCheck:  # fmt: skip
    """Hold a declared check against the data as it was when an incident began, and as it is.

    Shapes: it is the snapshot that is given, or the newest that stood at `began_at`.
    Raises: InvalidDeclarationError, where no such check is declared, where it judges more than one
    row at a time, where that snapshot is gone, or where it did not fail then and pass now.
    """
    known = {check.label: check for check in dataset.all_checks if violation(check)}
    if label not in known:
        raise _refused(
            f"{dataset.name} declares no check `{label}` about single rows",
            dataset.declared,
            f"use one of {quoted(known) or 'none'}, declare it, or close with --reason",
        )
    rule = violation(known[label])
    if snapshot is None:
        snapshot = _standing(connection, began_at)
    try:
        before, after = (
            _broken(connection, dataset, rule or "false", at)
            for at in (f" at (version => {int(snapshot)})", "")
        )
    except duckdb.Error as error:
        first = str(error).splitlines()[0][:200]
        what = f"snapshot {snapshot} of {dataset.name} cannot be read: {first}"
        raise _refused(
            what, "--before", "give a snapshot of `watermain history`, or --reason"
        ) from None
    made = RegressionCheck(
        label=label, dataset=str(dataset.name), snapshot=snapshot, before=before, after=after
    )
    if not made.is_proved:
        raise _refused(
            f"{made}: it has to fail before and pass after",
            dataset.declared,
            "name the snapshot that was wrong by --before, another check, or a --reason",
        )
    return made


def _standing(connection: duckdb.DuckDBPyConnection, at: datetime) -> int:
    row = connection.execute(
        "select max(snapshot_id) from lake.snapshots() where snapshot_time <= ?", [at]
    ).fetchone()
    if row is None or row[0] is None:
        raise _refused(f"no snapshot of {at} is kept", "--before", "close with --reason")
    return int(row[0])


def _broken(connection: duckdb.DuckDBPyConnection, dataset: Dataset, rule: str, at: str) -> int:
    row = connection.execute(
        f"select count(*) from {table(dataset.name)}{at} where {rule}"
    ).fetchone()
    return int(row[0]) if row else 0


def _refused(what: str, declared: str, next: str) -> InvalidDeclarationError:
    return InvalidDeclarationError.nothing_happened(what, declared=declared, next=next)
