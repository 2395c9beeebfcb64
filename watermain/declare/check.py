"""Checks that rows or tables must pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal, get_args

from watermain.declare.column.pattern import pattern_fault
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.declare.place import place

Severity = Literal["block", "quarantine", "warn"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A rule: `block` holds the data back, `quarantine` puts rows aside and `warn` reports.

    Shapes: `word` is what declares a rule of this kind.
    Guarantees: where a rule stands in the code is no part of what it says.
    """

    word: ClassVar[str]
    runbook: ClassVar[str] = "rows-break-a-rule"
    speaks_of_rows: ClassVar[bool] = True

    severity: Severity = "block"
    declared: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        known = [s for s in get_args(Severity) if self.speaks_of_rows or s != "quarantine"]
        if self.severity not in known:
            why = "speaks of no row" if self.severity == "quarantine" else "is unknown"
            raise InvalidDeclarationError.nothing_happened(
                f"severity {self.severity!r} of {type(self).__name__} {why}",
                declared=self.declared or type(self).__name__,
                next=f"use one of {', '.join(f'`{s}`' for s in known)}",
            )

    @property
    def label(self) -> str:
        """The name of the check in Dagster."""
        raise TypeError(f"{type(self).__name__} has no label")

    def columns(self) -> tuple[str, ...]:
        """The columns that the rule names."""
        column = getattr(self, "column", None)
        return () if column is None else (column,)

    def reads(self) -> tuple[DatasetName, ...]:
        """The datasets that must stand before the rule can be judged."""
        return ()


@dataclass(frozen=True, kw_only=True)
class NotNull(Check):
    """Every row has a value in the column."""

    word: ClassVar[str] = "not_null"

    column: str

    @property
    def label(self) -> str:
        return f"not_null_{self.column}"


@dataclass(frozen=True, kw_only=True)
class UniqueKey(Check):
    """No two rows share the key; rows that lack a part of it do, where `nulls_repeat`.

    Rows that lack all of it do only where `blanks_repeat`, too.
    """

    word: ClassVar[str] = "unique"
    runbook: ClassVar[str] = "duplicate-keys"

    key: tuple[str, ...]
    nulls_repeat: bool = field(default=True, repr=False)
    blanks_repeat: bool = field(default=True, repr=False)

    @property
    def label(self) -> str:
        return "unique_key_" + "_".join(self.key)

    def columns(self) -> tuple[str, ...]:
        return self.key


@dataclass(frozen=True, kw_only=True)
class AcceptedValues(Check):
    """Every value, where there is one, is in the list."""

    word: ClassVar[str] = "accepted_values"

    column: str
    values: tuple[Any, ...]

    @property
    def label(self) -> str:
        return f"accepted_values_{self.column}"


@dataclass(frozen=True, kw_only=True)
class Between(Check):
    """Every value, where there is one, lies inside the bounds, which are included."""

    word: ClassVar[str] = "between"

    column: str
    low: Any = None
    high: Any = None

    @property
    def label(self) -> str:
        return f"between_{self.column}"


@dataclass(frozen=True, kw_only=True)
class Matches(Check):
    """Every value, where there is one, matches the whole pattern."""

    word: ClassVar[str] = "matches"

    column: str
    pattern: str

    def __post_init__(self) -> None:
        super().__post_init__()
        fault = pattern_fault(self.pattern)
        if fault:
            raise InvalidDeclarationError.nothing_happened(
                f"matches({self.column!r}) has a pattern that the engine cannot read: {fault}",
                declared=self.declared or "matches",
                next="write it for RE2, which knows no look-around and no reference back",
            )

    @property
    def label(self) -> str:
        return f"matches_{self.column}"


@dataclass(frozen=True, kw_only=True)
class RefersTo(Check):
    """Every value, where there is one, is in the other dataset's column.

    Shapes: several columns refer together to as many; a row that lacks one of them refers to
    nothing, as in SQL.
    """

    word: ClassVar[str] = "refers_to"
    runbook: ClassVar[str] = "dangling-references"

    column: str | tuple[str, ...]
    dataset: DatasetName
    other: str | tuple[str, ...]

    @property
    def label(self) -> str:
        return f"refers_to_{'_'.join(self.columns())}"

    def columns(self) -> tuple[str, ...]:
        return (self.column,) if isinstance(self.column, str) else self.column

    def others(self) -> tuple[str, ...]:
        """The columns of the other dataset, in the order of ours."""
        return (self.other,) if isinstance(self.other, str) else self.other

    def reads(self) -> tuple[DatasetName, ...]:
        return (self.dataset,)


@dataclass(frozen=True, kw_only=True)
class RowCount(Check):
    """Each partition has a number of rows inside the bounds, which are included."""

    word: ClassVar[str] = "row_count"
    runbook: ClassVar[str] = "unusual-volume"
    speaks_of_rows: ClassVar[bool] = False

    low: int = 1
    high: int | None = None

    @property
    def label(self) -> str:
        return "row_count"


@dataclass(frozen=True, kw_only=True)
class Expression(Check):
    """The SQL condition is true, or unknown, for every row."""

    word: ClassVar[str] = "expression"

    name: str
    sql: str

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Query(Check):
    """The SQL query finds no row; it calls datasets by their quoted names, this one's too.

    Shapes: `counts` is an aggregate that stands for the number of rows; `block_if` is a comparison
    of that number, such as `> 10`, in place of `!= 0`, and what holds only of `warn_if` warns; and
    of what is found `shows` rows are told.
    """

    word: ClassVar[str] = "query"
    speaks_of_rows: ClassVar[bool] = False

    name: str
    sql: str
    datasets: tuple[DatasetName, ...] = ()
    counts: str | None = None
    warn_if: str | None = None
    block_if: str | None = None
    shows: int | None = None

    @property
    def label(self) -> str:
        return self.name

    def reads(self) -> tuple[DatasetName, ...]:
        return self.datasets


@dataclass(frozen=True, kw_only=True)
class FreshWithin(Check):
    """The newest value lies at most so long before now, or before the partition's end."""

    word: ClassVar[str] = "fresh_within"
    runbook: ClassVar[str] = "stale-content"
    speaks_of_rows: ClassVar[bool] = False

    column: str
    within: timedelta

    @property
    def label(self) -> str:
        return f"fresh_{self.column}"


ROWS = "rows"


@dataclass(frozen=True, kw_only=True)
class Steady(Check):
    """A partition's row count, or a column's mean, stays near that of the partitions before it.

    Units: `within` is a factor around the median of the last `against` partitions.
    """

    word: ClassVar[str] = "steady"
    runbook: ClassVar[str] = "unusual-volume"
    speaks_of_rows: ClassVar[bool] = False

    of: str = ROWS
    against: int = 28
    within: float = 2.0

    @property
    def label(self) -> str:
        return f"steady_{self.of}"

    def columns(self) -> tuple[str, ...]:
        return () if self.of == ROWS else (self.of,)


def kinds() -> dict[str, type[Check]]:
    """Every kind of rule by the word that declares it."""
    return {kind.word: kind for kind in sorted(Check.__subclasses__(), key=lambda each: each.word)}


def not_null(column: str, *, severity: Severity = "block") -> NotNull:
    """Demand a value in every row of the column."""
    return NotNull(column=column, severity=severity, declared=place())


def unique(
    *columns: str,
    severity: Severity = "block",
    nulls_repeat: bool = True,
    blanks_repeat: bool = True,
) -> UniqueKey:
    """Demand that no two rows agree in all of the columns.

    Shapes: with `nulls_repeat=False` rows that lack one of the columns are left out; with
    `blanks_repeat=False` those that lack all of them.
    """
    if not columns or len(set(columns)) < len(columns):
        raise InvalidDeclarationError.nothing_happened(
            f"unique({', '.join(map(repr, columns))}) names no set of columns",
            declared="unique",
            next="name at least one column, each once",
        )
    return UniqueKey(
        key=columns,
        severity=severity,
        nulls_repeat=nulls_repeat,
        blanks_repeat=blanks_repeat,
        declared=place(),
    )


def accepted_values(
    column: str, values: Sequence[Any], *, severity: Severity = "block"
) -> AcceptedValues:
    """Demand that the column holds only these values or null."""
    if isinstance(values, str) or None in values:
        raise InvalidDeclarationError.nothing_happened(
            f"accepted_values({column!r}) lists {values!r}",
            declared="accepted_values",
            next="list values, null left out: it is always allowed; `not_null` forbids it",
        )
    return AcceptedValues(column=column, values=tuple(values), severity=severity, declared=place())


def between(
    column: str, *, low: Any = None, high: Any = None, severity: Severity = "block"
) -> Between:
    """Demand `low <= column <= high`; a bound left out is open."""
    if (low is None and high is None) or (low is not None and high is not None and low > high):
        raise InvalidDeclarationError.nothing_happened(
            f"between({column!r}) has bounds {low!r} to {high!r}",
            declared="between",
            next="give `low`, `high` or both, with low <= high",
        )
    return Between(column=column, low=low, high=high, severity=severity, declared=place())


def matches(column: str, pattern: str, *, severity: Severity = "block") -> Matches:
    """Demand that each value matches the RE2 pattern from end to end."""
    return Matches(column=column, pattern=pattern, severity=severity, declared=place())


def refers_to(
    column: str | Sequence[str],
    dataset: str,
    *,
    other: str | Sequence[str] | None = None,
    severity: Severity = "block",
) -> RefersTo:
    """Demand that each value stands in the other dataset, in the column of the same name.

    Shapes: several columns refer together, as in `refers_to(("carrier", "flight"), ...)`; `other`
    names as many. The other dataset is published before this one.
    """
    name = DatasetName.parse(dataset)
    own = (column,) if isinstance(column, str) else tuple(column)
    theirs = own if other is None else (other,) if isinstance(other, str) else tuple(other)
    if not own or len(own) != len(theirs) or len({*own}) < len(own) or len({*theirs}) < len(own):
        raise InvalidDeclarationError.nothing_happened(
            f"refers_to({column!r}) holds {len(own)} columns against {other!r} of {name}",
            declared=place(),
            next="name as many columns in `other` as before, each once",
        )
    return RefersTo(
        column=own[0] if len(own) == 1 else own,
        dataset=name,
        other=theirs[0] if len(own) == 1 else theirs,
        severity=severity,
        declared=place(),
    )


def row_count(*, low: int = 1, high: int | None = None, severity: Severity = "block") -> RowCount:
    """Demand between `low` and `high` rows in each partition."""
    return RowCount(low=low, high=high, severity=severity, declared=place())


def expression(name: str, sql: str, *, severity: Severity = "block") -> Expression:
    """Demand that a SQL condition over the row's columns never is false."""
    return Expression(name=name, sql=sql, severity=severity, declared=place())


def fresh_within(column: str, within: timedelta, *, severity: Severity = "warn") -> FreshWithin:
    """Demand that the newest value of a column is no older than that."""
    return FreshWithin(column=column, within=within, severity=severity, declared=place())


def steady(
    of: str = ROWS, *, against: int = 28, within: float = 2.0, severity: Severity = "warn"
) -> Steady:
    """Demand that `rows`, or a column's mean, stays within a factor of its trailing median."""
    if against < 1 or within <= 1:
        raise InvalidDeclarationError.nothing_happened(
            f"steady({of!r}) compares with {against} partitions, within a factor of {within}",
            declared=place(),
            next="give `against` of 1 at least, `within` above 1",
        )
    return Steady(of=of, against=against, within=within, severity=severity, declared=place())
