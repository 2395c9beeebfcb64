"""Rules of other tools as checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from platform_assets.build.rule_words import whole
from platform_assets.declare.check import (
    Check,
    Severity,
    accepted_values,
    between,
    expression,
    matches,
    not_null,
    row_count,
    unique,
)
from platform_assets.declare.errors import UnreadableContractError, quoted
from resources.lake import quote, text

Words = Mapping[str, Any]
_OF_PYTHON = {True: "true", False: "false", None: "null"}


def expectations(suite: Words, declared: str = "the suite") -> tuple[Check, ...]:
    """The checks that a Great Expectations suite asks for, as its JSON tells it.

    Guarantees: a rule is translated whole, or the suite is refused; suites of 0.x and of 1.x.
    Raises: UnreadableContractError, listing what can be read.
    """
    found: list[Check] = []
    listed = suite.get("expectations") if isinstance(suite, Mapping) else None
    if not isinstance(listed, list):
        _refuse("it lists no `expectations`", declared, EXPECTATIONS)
    for each in listed:
        one = each if isinstance(each, Mapping) else {"type": each}
        kind = str(one.get("type") or one.get("expectation_type"))
        if kind not in EXPECTATIONS:
            _refuse(f"`{kind}` has no word here", declared, EXPECTATIONS)
        words = {k: v for k, v in one.get("kwargs", {}).items() if k not in _IGNORED}
        severity: Severity = "block" if one.get("severity", "critical") == "critical" else "warn"
        if words.pop("mostly", 1) != 1 or any(words.pop(k, None) for k in _PARTIAL):
            _refuse(f"`{kind}` holds for some rows only", declared, EXPECTATIONS)
        found += _made(EXPECTATIONS[kind], words, severity, (kind, declared))
    return once(found, declared)


_IGNORED = (
    "batch_id",
    "result_format",
    "catch_exceptions",
    "meta",
    "include_config",
    "parse_strings_as_datetimes",
)
_PARTIAL = ("row_condition", "condition_parser", "ignore_row_if")


def _made(
    make: Callable[..., Any], words: Words, severity: Severity, place: tuple[str, str]
) -> list[Check]:
    try:
        made = make(**words, severity=severity)
    except TypeError:
        _refuse(
            f"`{place[0]}` with {quoted(words) or 'nothing'} has no word", place[1], EXPECTATIONS
        )
    return [made] if made is not None else []


def once(checks: Iterable[Check], declared: str) -> tuple[Check, ...]:
    """The checks without repetition.

    Raises: UnreadableContractError, when two of one name say different things.
    """
    found: dict[str, Check] = {}
    for check in checks:
        if found.setdefault(check.label, check) != check:
            _refuse(f"two rules `{check.label}` differ", declared, (), "make one rule of them")
    return tuple(found.values())


def condition(name: str, column: str, sql: str, *, severity: Severity = "block") -> Check:
    """A rule that has no word: a condition over the column, called `{}` in the SQL."""
    return expression(f"{name}_{column}", sql.format(quote(column)), severity=severity)


def literal(value: Any) -> str:
    """A plain value in SQL."""
    if value is None or isinstance(value, bool):
        return _OF_PYTHON[value]
    return repr(value) if isinstance(value, int | float) else text(str(value))


def listed(values: Sequence[Any]) -> str:
    """Plain values in SQL."""
    return ", ".join(map(literal, values)).replace("{", "{{").replace("}", "}}")


def _between(
    column: str,
    min_value: Any = None,
    max_value: Any = None,
    strict_min: bool = False,
    strict_max: bool = False,
    *,
    severity: Severity,
) -> Check | None:
    if min_value is None and max_value is None:
        return None
    if not strict_min and not strict_max:
        return between(column, low=min_value, high=max_value, severity=severity)
    low = (
        [] if min_value is None else [f"{{0}} {'>' if strict_min else '>='} {listed([min_value])}"]
    )
    high = (
        [] if max_value is None else [f"{{0}} {'<' if strict_max else '<='} {listed([max_value])}"]
    )
    return condition("inside", column, " and ".join(low + high), severity=severity)


def _lengths(
    column: str, min_value: int | None = None, max_value: int | None = None, *, severity: Severity
) -> Check:
    low = [] if min_value is None else [f"length({{0}}) >= {int(min_value)}"]
    high = [] if max_value is None else [f"length({{0}}) <= {int(max_value)}"]
    return condition("length", column, " and ".join(low + high) or "true", severity=severity)


def _greater(column_A: str, column_B: str, or_equal: bool = False, *, severity: Severity) -> Check:
    sign = ">=" if or_equal else ">"
    sql = f"{quote(column_A)} {sign} {quote(column_B)}"
    return expression(f"{column_A}_above_{column_B}", sql, severity=severity)


def _rows(
    min_value: int | None = None, max_value: int | None = None, *, severity: Severity
) -> Check:
    return row_count(low=min_value or 0, high=max_value, severity=severity)


EXPECTATIONS: Mapping[str, Callable[..., Check | None]] = {
    "expect_column_to_exist": lambda column, severity: condition(
        "exists", column, "{0} is null or {0} is not null", severity=severity
    ),
    "expect_column_values_to_not_be_null": lambda column, severity: not_null(
        column, severity=severity
    ),
    "expect_column_values_to_be_null": lambda column, severity: condition(
        "always_null", column, "{0} is null", severity=severity
    ),
    "expect_column_values_to_be_in_set": lambda column, value_set, severity: accepted_values(
        column, value_set, severity=severity
    ),
    "expect_column_distinct_values_to_be_in_set": lambda column, value_set, severity: (
        accepted_values(column, value_set, severity=severity)
    ),
    "expect_column_values_to_not_be_in_set": lambda column, value_set, severity: condition(
        "none_of", column, f"{{0}} not in ({listed(value_set)})", severity=severity
    ),
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_match_regex": lambda column, regex, severity: matches(
        column, whole(regex), severity=severity
    ),
    "expect_column_values_to_be_unique": lambda column, severity: unique(column, severity=severity),
    "expect_compound_columns_to_be_unique": lambda column_list, severity: unique(
        *column_list, severity=severity
    ),
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": lambda column, value, severity: _lengths(
        column, value, value, severity=severity
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
    "expect_column_pair_values_to_be_equal": lambda column_A, column_B, severity: expression(
        f"{column_A}_equals_{column_B}", f"{quote(column_A)} = {quote(column_B)}", severity=severity
    ),
    "expect_table_row_count_to_be_between": _rows,
    "expect_table_row_count_to_equal": lambda value, severity: row_count(
        low=value, high=value, severity=severity
    ),
}


def _refuse(what: str, declared: str, known: Iterable[str], next: str = "") -> NoReturn:
    raise UnreadableContractError(
        f"{declared}: {what}",
        declared=declared,
        data="nothing was imported",
        next=next or f"take it out; what can be read is {quoted(known)}",
    )
