"""Checks that rows or tables must pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from platform_assets.declare.errors import InvalidDeclarationError
from platform_assets.declare.name import DatasetName

Severity = Literal["block", "warn"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A rule with a severity: `block` holds the data back, `warn` reports."""

    severity: Severity = "block"

    def __post_init__(self) -> None:
        if self.severity not in ("block", "warn"):
            raise InvalidDeclarationError(
                f"severity {self.severity!r} is unknown",
                declared=type(self).__name__,
                data="nothing was read or written",
                next="use one of `block`, `warn`",
            )

    @property
    def label(self) -> str:
        """The name of the check in Dagster."""
        raise TypeError(f"{type(self).__name__} has no label")

    def columns(self) -> tuple[str, ...]:
        """The columns that the rule names."""
        column = getattr(self, "column", None)
        return () if column is None else (column,)


@dataclass(frozen=True, kw_only=True)
class NotNull(Check):
    """Every row has a value in the column."""

    column: str

    @property
    def label(self) -> str:
        return f"not_null_{self.column}"


@dataclass(frozen=True, kw_only=True)
class UniqueKey(Check):
    """No two rows share the key."""

    key: tuple[str, ...]

    @property
    def label(self) -> str:
        return "unique_key_" + "_".join(self.key)

    def columns(self) -> tuple[str, ...]:
        return self.key


@dataclass(frozen=True, kw_only=True)
class AcceptedValues(Check):
    """Every value, where there is one, is in the list."""

    column: str
    values: tuple[Any, ...]

    @property
    def label(self) -> str:
        return f"accepted_values_{self.column}"


@dataclass(frozen=True, kw_only=True)
class Between(Check):
    """Every value, where there is one, lies inside the bounds, which are included."""

    column: str
    low: Any = None
    high: Any = None

    @property
    def label(self) -> str:
        return f"between_{self.column}"


@dataclass(frozen=True, kw_only=True)
class Matches(Check):
    """Every value, where there is one, matches the whole pattern."""

    column: str
    pattern: str

    @property
    def label(self) -> str:
        return f"matches_{self.column}"


@dataclass(frozen=True, kw_only=True)
class RefersTo(Check):
    """Every value, where there is one, is in the other dataset's column."""

    column: str
    dataset: DatasetName
    other: str

    @property
    def label(self) -> str:
        return f"refers_to_{self.column}"


@dataclass(frozen=True, kw_only=True)
class RowCount(Check):
    """Each partition has a number of rows inside the bounds, which are included."""

    low: int = 1
    high: int | None = None

    @property
    def label(self) -> str:
        return "row_count"


@dataclass(frozen=True, kw_only=True)
class Expression(Check):
    """The SQL condition is true, or unknown, for every row."""

    name: str
    sql: str

    @property
    def label(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class Query(Check):
    """The SQL query finds no row; it calls datasets by their quoted names, this one's too."""

    name: str
    sql: str
    datasets: tuple[DatasetName, ...] = ()

    @property
    def label(self) -> str:
        return self.name


def not_null(column: str, *, severity: Severity = "block") -> NotNull:
    """Demand a value in every row of the column."""
    return NotNull(column=column, severity=severity)


def unique(*columns: str, severity: Severity = "block") -> UniqueKey:
    """Demand that no two rows agree in all of the columns."""
    if not columns or len(set(columns)) < len(columns):
        raise InvalidDeclarationError(
            f"unique({', '.join(map(repr, columns))}) names no set of columns",
            declared="unique",
            data="nothing was read or written",
            next="name at least one column, each once",
        )
    return UniqueKey(key=columns, severity=severity)


def accepted_values(
    column: str, values: Sequence[Any], *, severity: Severity = "block"
) -> AcceptedValues:
    """Demand that the column holds only these values or null."""
    if isinstance(values, str) or None in values:
        raise InvalidDeclarationError(
            f"accepted_values({column!r}) lists {values!r}",
            declared="accepted_values",
            data="nothing was read or written",
            next="list values, null left out: it is always allowed; `not_null` forbids it",
        )
    return AcceptedValues(column=column, values=tuple(values), severity=severity)


def between(
    column: str, *, low: Any = None, high: Any = None, severity: Severity = "block"
) -> Between:
    """Demand `low <= column <= high`; a bound left out is open."""
    if (low is None and high is None) or (low is not None and high is not None and low > high):
        raise InvalidDeclarationError(
            f"between({column!r}) has bounds {low!r} to {high!r}",
            declared="between",
            data="nothing was read or written",
            next="give `low`, `high` or both, with low <= high",
        )
    return Between(column=column, low=low, high=high, severity=severity)


def matches(column: str, pattern: str, *, severity: Severity = "block") -> Matches:
    """Demand that each value matches the RE2 pattern from end to end."""
    return Matches(column=column, pattern=pattern, severity=severity)


def refers_to(
    column: str, dataset: str, *, other: str | None = None, severity: Severity = "block"
) -> RefersTo:
    """Demand that each value stands in the other dataset, in the column of the same name."""
    name = DatasetName.parse(dataset)
    return RefersTo(column=column, dataset=name, other=other or column, severity=severity)


def row_count(*, low: int = 1, high: int | None = None, severity: Severity = "block") -> RowCount:
    """Demand between `low` and `high` rows in each partition."""
    return RowCount(low=low, high=high, severity=severity)


def expression(name: str, sql: str, *, severity: Severity = "block") -> Expression:
    """Demand that a SQL condition over the row's columns never is false."""
    return Expression(name=name, sql=sql, severity=severity)
