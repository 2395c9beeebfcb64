"""Checks as quality rules of the Open Data Contract Standard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from watermain.declare.check import (
    AcceptedValues,
    Between,
    Check,
    Expression,
    Matches,
    NotNull,
    RowCount,
    Severity,
    UniqueKey,
    kinds,
)
from watermain.declare.errors import UnreadableContractError, quoted
from watermain.declare.name import DatasetName
from watermain.engine.audit.rule import violation

ENGINE = "watermain"
KINDS = kinds()
SEVERITIES: Mapping[Severity, str] = {
    "block": "error",
    "quarantine": "error",
    "warn": "warning",
}
ACTION = "action"  # what happens to failing rows, where the standard's severity does not tell
_UNSAID = ("severity", "declared")
_WARNINGS = {"info", "warning", "warn", "low", "minor", "trivial"}
_TAGGED: Mapping[str, Any] = {
    "decimal": (Decimal, str, Decimal),
    "timestamp": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "seconds": (timedelta, timedelta.total_seconds, lambda s: timedelta(seconds=s)),
}


def rule_of(check: Check, *, is_partitioned: bool) -> tuple[str | None, dict[str, Any]]:
    """A rule's column, or None for the table; and the rule in the standard's words.

    Guarantees: any tool can test what the standard has a word for; what it has none for is SQL
    that counts the failing rows, or a rule of this platform's own. `check_of` reads it back.
    """
    found = _library(check, is_partitioned) or _sql(check) or _own(check)
    rule = {"name": check.label, **found, "severity": SEVERITIES[check.severity]}
    if check.severity == "quarantine":
        action = {"property": ACTION, "value": check.severity}
        rule["customProperties"] = [*rule.get("customProperties", ()), action]
    column = getattr(check, "column", None)
    return (column if found.get("metric") else None), rule


def _library(check: Check, is_partitioned: bool) -> dict[str, Any] | None:
    """The rule as a metric that each tool knows, where it says exactly the same."""
    words: dict[str, Any] = {"mustBe": 0}
    match check:
        case NotNull():
            metric = "nullValues"
        case UniqueKey(nulls_repeat=True, blanks_repeat=True):
            metric, words = "duplicateValues", {"arguments": {"properties": [*check.key]}, **words}
        case AcceptedValues(values=values) if values and all(map(_is_plain, values)):
            metric, words = "invalidValues", {"arguments": {"validValues": [*values]}, **words}
        case Matches():
            pattern = f"^(?:{check.pattern})$"
            metric, words = "invalidValues", {"arguments": {"pattern": pattern}, **words}
        case RowCount(low=low, high=high) if not is_partitioned:
            metric, words = "rowCount", {"mustBeBetween": [low, high]}
            if high is None:
                words = {"mustBeGreaterOrEqualTo": low}
            elif low == high:
                words = {"mustBe": low}
        case _:
            return None
    return {"type": "library", "metric": metric, **words}


def _sql(check: Check) -> dict[str, Any] | None:
    if not isinstance(check, Between | Expression):
        return None
    query = f"select count(*) from ${{table}} where {violation(check)}"
    words = {"type": "sql", "query": query, "mustBe": 0}
    return {**words, "customProperties": [{"property": ENGINE, "value": facts(check)}]}


def _own(check: Check) -> dict[str, Any]:
    return {"type": "custom", "engine": ENGINE, "implementation": facts(check)}


def facts(check: Check) -> dict[str, Any]:
    """A check as plain values that YAML can hold."""
    words = {k: _plain(v) for k, v in vars(check).items() if k not in _UNSAID and v is not None}
    return {"check": check.word, **words}


def check_of(rule: Mapping[str, Any], column: str | None) -> Check | None:
    """The check that a rule is, or None for one that has no word here.

    Raises: UnreadableContractError, for a rule of this platform's own that is malformed.
    """
    severity: Severity = "warn" if str(rule.get("severity")).lower() in _WARNINGS else "block"
    custom = {p["property"]: p.get("value") for p in rule.get("customProperties") or []}
    severity = "quarantine" if custom.get(ACTION) == "quarantine" else severity
    own = [custom[ENGINE]] if ENGINE in custom else []
    if rule.get("type") == "custom" and rule.get("engine") == ENGINE:
        own = [rule.get("implementation")]
    if own:
        return _of_facts(own[0], severity)
    if rule.get("metric") == "rowCount":
        return _row_count(rule, severity)
    return _counted(rule, column, severity) if rule.get("mustBe") == 0 else None


def _counted(rule: Mapping[str, Any], column: str | None, severity: Severity) -> Check | None:
    """The check that a metric is which must count no failing row."""
    words = rule.get("arguments") or {}
    key = tuple(words.get("properties") or [c for c in (column,) if c])
    match rule.get("metric"), tuple(words):
        case "duplicateValues", _ if key:
            return UniqueKey(key=key, severity=severity)
        case "nullValues" | "missingValues", () if column:
            return NotNull(column=column, severity=severity)
        case "invalidValues", ("validValues",) if column:
            values = tuple(words["validValues"])
            return AcceptedValues(column=column, values=values, severity=severity)
        case "invalidValues", ("pattern",) if column:
            return Matches(column=column, pattern=whole(words["pattern"]), severity=severity)
    return None


def whole(pattern: str, *, end: str = "") -> str:
    """The pattern that matches a whole value where the given one is searched for in it.

    Shapes: `end` may follow where the pattern says that the value ends.
    """
    starts = pattern.startswith("^")
    slashes = len(pattern[:-1]) - len(pattern[:-1].rstrip("\\"))
    ends = pattern.endswith("$") and slashes % 2 == 0
    inner = pattern[1 if starts else 0 : -1 if ends else None]
    if starts and ends and inner.startswith("(?:") and _closes_last(inner):
        return inner[3:-1] if not end else inner + end
    if "|" in inner or not (starts or ends):
        last = rf"(?:{end}\z)" if ends and end else "$" if ends else ""
        return rf"(?s:.*)(?:{'^' if starts else ''}{inner}{last})(?s:.*)"
    return ("" if starts else "(?s:.*)") + inner + (end if ends else "(?s:.*)")


def _closes_last(inner: str) -> bool:
    """Whether the group that opens the pattern is closed by its last character."""
    depth, inside, skip = 0, False, False
    for place, sign in enumerate(inner):
        if skip or sign == "\\":
            skip = not skip
        elif inside or sign == "[":
            inside = sign != "]"
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if depth == 0:
                return place == len(inner) - 1
    return False


def _row_count(rule: Mapping[str, Any], severity: Severity) -> Check | None:
    exact, low = rule.get("mustBe"), rule.get("mustBeGreaterOrEqualTo")
    above, high = rule.get("mustBeGreaterThan"), rule.get("mustBeLessOrEqualTo")
    bounds = rule.get("mustBeBetween") or [exact, exact]
    if bounds[0] is None:
        bounds = [above + 1 if above is not None else low, high]
    if bounds == [None, None]:
        return None
    return RowCount(low=bounds[0] or 0, high=bounds[1], severity=severity)


def _of_facts(words: Any, severity: Severity) -> Check:
    try:
        kind = KINDS[words["check"]]
        given = {k: _value(v) for k, v in words.items() if k != "check"}
        for name in ("dataset", "datasets"):
            if name in given:
                told = given[name]
                given[name] = (
                    DatasetName.parse(told)
                    if isinstance(told, str)
                    else tuple(map(DatasetName.parse, told))
                )
        return kind(**given, severity=severity)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableContractError(
            f"{str(words)[:200]!r} is no check",
            declared="a quality rule of the contract",
            data="nothing was written",
            next=f"use one of {quoted(KINDS)}, with its own words",
        ) from error


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, DatasetName):
        return str(value)
    if value is None or _is_plain(value):
        return value
    for word, (kind, write, _) in _TAGGED.items():
        if isinstance(value, kind):
            return {word: write(value)}
    raise UnreadableContractError(
        f"the value {value!r} of a check cannot be written",
        declared=f"a check with a {type(value).__name__}",
        data="nothing was written",
        next="use text, numbers, true, false, decimals, dates, times or timestamps",
    )


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_value(v) for v in value)
    if isinstance(value, dict):
        ((word, inner),) = value.items()
        return _TAGGED[word][2](inner)
    return value
