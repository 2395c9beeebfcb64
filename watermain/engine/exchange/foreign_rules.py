"""Rules of other tools as checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from math import isfinite, isnan
from typing import Any, NoReturn

from watermain.declare.check import (
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
from watermain.declare.errors import (
    InvalidDeclarationError,
    UnreadableContractError,
    quoted,
)
from watermain.engine.exchange.foreign_pattern import searched
from watermain.lake.lake import quote, text

Words = Mapping[str, Any]
_OF_PYTHON = {True: "true", False: "false", None: "null"}


def expectations(suite: Words, declared: str = "the suite") -> tuple[Check, ...]:
    """The checks that a Great Expectations suite asks for, as its JSON tells it.

    Guarantees: suites of 0.x and 1.x are read; a rule is translated whole, or the suite is refused.
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
        given = dict(one.get("kwargs") or {})
        severity: Severity = "block" if one.get("severity", "critical") == "critical" else "warn"
        for word in _PARTIAL:
            if given.pop(word, _WHOLE.get(word)) not in (None, "", _WHOLE.get(word)):
                _refuse(f"`{kind}` holds for some rows only, by `{word}`", declared, EXPECTATIONS)
        words = {k: v for k, v in given.items() if k not in _IGNORED}
        _refuse_words(words, (kind, declared))
        found += _made(EXPECTATIONS[kind], words, severity, (kind, declared))
    return once(found, declared)


def _refuse_words(words: Words, place: tuple[str, str]) -> None:
    """Refuse values that stand for others, such as a parameter of the suite."""
    for word, value in words.items():
        each = value if isinstance(value, list | tuple | set) else [value]
        if any(isinstance(v, Mapping) for v in each):
            _refuse(f"`{place[0]}` is given {value!r} as `{word}`", place[1], EXPECTATIONS)


_IGNORED: tuple[str, ...] = (
    "batch_id",
    "result_format",
    "catch_exceptions",
    "meta",
    "include_config",
)
_IGNORED += ("condition_parser",)
_PARTIAL = ("mostly", "row_condition", "parse_strings_as_datetimes")
_WHOLE: Words = {"mostly": 1, "parse_strings_as_datetimes": False}
# Which rows a rule over several columns leaves out: the suite's word, and the condition that keeps.
BOTH, EITHER = "both_values_are_missing", "either_value_is_missing"
ALL, ANY = "all_values_are_missing", "any_value_is_missing"
NONE = ("neither", "never")


def _made(
    make: Callable[..., Any], words: Words, severity: Severity, place: tuple[str, str]
) -> list[Check]:
    try:
        made = make(**words, severity=severity)
    except (InvalidDeclarationError, ValueError) as error:
        what = error.what if isinstance(error, InvalidDeclarationError) else error
        _refuse(f"`{place[0]}`: {what}", place[1], EXPECTATIONS)
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
    if isinstance(value, float) and not isfinite(value):
        return f"{text(str(value))}::double"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return repr(value) if isinstance(value, int | float) else text(str(value))


def present(values: Iterable[Any] | None) -> list[Any]:
    """The values without null, which no rule about values judges."""
    return [v for v in values or () if v is not None and not (isinstance(v, float) and isnan(v))]


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
) -> Check:
    if min_value is None and max_value is None:
        raise ValueError("it has no bound")
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
    column: str,
    min_value: int | None = None,
    max_value: int | None = None,
    strict_min: bool = False,
    strict_max: bool = False,
    *,
    severity: Severity,
) -> Check:
    if min_value is None and max_value is None:
        raise ValueError("it has no bound")
    above, below = (">" if strict_min else ">="), ("<" if strict_max else "<=")
    low = [] if min_value is None else [f"length({{0}}) {above} {int(min_value)}"]
    high = [] if max_value is None else [f"length({{0}}) {below} {int(max_value)}"]
    return condition("length", column, " and ".join(low + high), severity=severity)


def _none_of(column: str, value_set: Sequence[Any], *, severity: Severity) -> Check | None:
    """A null in the set says nothing: in SQL it would let every value through."""
    values = present(value_set)
    sql = f"{{0}} not in ({listed(values)})"
    return condition("none_of", column, sql, severity=severity) if values else None


def _one_of(
    column: str, value_set: Sequence[Any] | None = None, *, severity: Severity
) -> Check | None:
    """Without a set there is nothing to hold values to."""
    if value_set is None:
        return None
    return accepted_values(column, present(value_set), severity=severity)


def _together(column_list: Sequence[str], ignore_row_if: str = ALL, *, severity: Severity) -> Check:
    """A key of several columns; which of the rows that lack some of them count is told."""
    if ignore_row_if not in (ALL, ANY, *NONE):
        raise ValueError(f"`ignore_row_if` is {ignore_row_if!r}")
    return unique(
        *column_list,
        nulls_repeat=ignore_row_if != ANY,
        blanks_repeat=ignore_row_if in NONE,
        severity=severity,
    )


def _pair(sign: str, columns: tuple[str, str], ignore_row_if: str) -> str:
    """The condition of a pair that is kept: one that lacks a side is not, but where it is told."""
    one, two = map(quote, columns)
    kept = f"({one} {sign} {two}) is true"
    if ignore_row_if == BOTH:
        return f"{kept} or ({one} is null and {two} is null)"
    if ignore_row_if == EITHER:
        return f"{kept} or {one} is null or {two} is null"
    if ignore_row_if not in NONE:
        raise ValueError(f"`ignore_row_if` is {ignore_row_if!r}")
    return kept


def _greater(
    column_A: str,
    column_B: str,
    or_equal: bool | None = False,
    ignore_row_if: str = BOTH,
    *,
    severity: Severity,
) -> Check:
    sql = _pair(">=" if or_equal else ">", (column_A, column_B), ignore_row_if)
    return expression(f"{column_A}_above_{column_B}", sql, severity=severity)


def _equal(column_A: str, column_B: str, ignore_row_if: str = BOTH, *, severity: Severity) -> Check:
    sql = _pair("=", (column_A, column_B), ignore_row_if)
    return expression(f"{column_A}_equals_{column_B}", sql, severity=severity)


def _rows(
    min_value: int | None = None,
    max_value: int | None = None,
    strict_min: bool = False,
    strict_max: bool = False,
    *,
    severity: Severity,
) -> Check:
    low = 0 if min_value is None else int(min_value) + bool(strict_min)
    high = None if max_value is None else int(max_value) - bool(strict_max)
    return row_count(low=low, high=high, severity=severity)


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
    "expect_column_values_to_be_in_set": _one_of,
    "expect_column_distinct_values_to_be_in_set": _one_of,
    "expect_column_values_to_not_be_in_set": _none_of,
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_match_regex": lambda column, regex, severity: matches(
        column, searched(regex), severity=severity
    ),
    "expect_column_values_to_be_unique": lambda column, severity: unique(
        column, nulls_repeat=False, severity=severity
    ),
    "expect_compound_columns_to_be_unique": _together,
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": lambda column, value, severity: _lengths(
        column, value, value, severity=severity
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
    "expect_column_pair_values_to_be_equal": _equal,
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
