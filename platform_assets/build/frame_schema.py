"""The checks of a pandera schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from platform_assets.build.foreign_rules import condition, listed, once
from platform_assets.build.rule_words import whole
from platform_assets.declare.check import (
    Check,
    Severity,
    accepted_values,
    between,
    matches,
    not_null,
    unique,
)
from platform_assets.declare.errors import UnreadableContractError, quoted

Words = Mapping[str, Any]
_SAID = {
    *("dtype", "nullable", "unique", "coerce", "required", "regex", "title", "description"),
    *("default", "metadata", "checks", "report_duplicates", "drop_invalid_rows", "parsers"),
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_or_equal_to": ("low", ">="),
    "greater_than": ("", ">"),
    "less_than_or_equal_to": ("high", "<="),
    "less_than": ("", "<"),
}


def frame_checks(schema: Any, declared: str = "the schema") -> tuple[Check, ...]:
    """The checks of a pandera schema: its YAML as plain values, its object, or its model.

    Guarantees: a rule is translated whole, or the schema is refused.
    Raises: UnreadableContractError, listing what can be read.
    """
    words = schema if isinstance(schema, Mapping) else _words(schema)
    columns = words.get("columns")
    if not isinstance(columns, Mapping) or words.get("checks"):
        rules = "rules over the whole frame" if columns else "no columns"
        _refuse(f"it has {rules}", declared)
    found: list[Check] = []
    for name, column in columns.items():
        try:
            found += _column(str(name), column, declared)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            _refuse(f"column `{name}` is malformed: {error}", declared)
    together = words.get("unique")
    if together:
        found.append(unique(*([together] if isinstance(together, str) else together)))
    return once(found, declared)


def _column(name: str, words: Words, declared: str) -> Iterator[Check]:
    if words.get("regex"):
        _refuse(f"column `{name}` stands for many columns", declared)
    if not words.get("nullable", False):
        yield not_null(name)
    if words.get("unique"):
        yield unique(name)
    bounds: dict[tuple[Severity, str], Any] = {}
    for rule, given, severity in _rules(words):
        if rule in _BOUNDS or rule == "in_range":
            for end, sign, value in _ends(rule, given):
                if end:
                    tighter = max if end == "low" else min
                    held = bounds.get((severity, end))
                    bounds[severity, end] = value if held is None else tighter(held, value)
                else:
                    sql = f"{{0}} {sign} {listed([value])}"
                    name_of = "above" if sign == ">" else "below"
                    yield condition(name_of, name, sql, severity=severity)
        elif rule in RULES:
            yield RULES[rule](name, given, severity)
        else:
            _refuse(f"the rule `{rule}` of column `{name}` has no word here", declared)
    for severity in ("block", "warn"):
        ends = {end: value for (how, end), value in bounds.items() if how == severity}
        if ends:
            yield between(name, **ends, severity=severity)


def _rules(words: Words) -> Iterator[tuple[str, Any, Severity]]:
    """Each rule by name with what it is given: a value, or a mapping of its words."""
    listed_rules = words.get("checks") or {}
    pairs = [(k, v) for k, v in words.items() if k not in _SAID]
    if isinstance(listed_rules, Mapping):
        pairs += listed_rules.items()
    else:
        pairs += [(c["options"]["check_name"], c) for c in listed_rules]
    for rule, given in pairs:
        options = given.get("options", {}) if isinstance(given, Mapping) else {}
        told = {k: v for k, v in given.items() if k != "options"} if options else given
        if options.get("ignore_na", True) is not True or options.get("groupby"):
            raise ValueError(f"the rule `{rule}` has options that have no word here")
        warns: Severity = "warn" if options.get("raise_warning") else "block"
        yield rule, told, warns


def _ends(rule: str, given: Any) -> Iterator[tuple[str, str, Any]]:
    if rule != "in_range":
        end, sign = _BOUNDS[rule]
        yield end, sign, _only(given)
        return
    low, high = given["min_value"], given["max_value"]
    yield ("low", ">=", low) if given.get("include_min", True) else ("", ">", low)
    yield ("high", "<=", high) if given.get("include_max", True) else ("", "<", high)


def _only(given: Any) -> Any:
    """The one thing that a rule is given, by whichever name."""
    if isinstance(given, Mapping):
        ((_, value),) = given.items()
        return value
    return given


def _length(column: str, given: Any, severity: Severity) -> Check:
    words = given if isinstance(given, Mapping) else {"exact_value": given}
    exact = words.get("exact_value")
    low, high = (
        (exact, exact) if exact is not None else (words.get("min_value"), words.get("max_value"))
    )
    ends = [f"length({{0}}) >= {int(low)}"] if low is not None else []
    ends += [f"length({{0}}) <= {int(high)}"] if high is not None else []
    return condition("length", column, " and ".join(ends) or "true", severity=severity)


RULES: Mapping[str, Callable[[str, Any, Severity], Check]] = {
    "equal_to": lambda c, given, s: accepted_values(c, [_only(given)], severity=s),
    "isin": lambda c, given, s: accepted_values(c, list(_only(given)), severity=s),
    "not_equal_to": lambda c, given, s: condition(
        "other_than", c, f"{{0}} <> {listed([_only(given)])}", severity=s
    ),
    "notin": lambda c, given, s: condition(
        "none_of", c, f"{{0}} not in ({listed(list(_only(given)))})", severity=s
    ),
    "str_matches": lambda c, given, s: matches(c, whole(f"^(?:{_only(given)})"), severity=s),
    "str_contains": lambda c, given, s: condition(
        "contains", c, f"regexp_matches({{0}}, {listed([str(_only(given))])})", severity=s
    ),
    "str_startswith": lambda c, given, s: condition(
        "starts", c, f"starts_with({{0}}, {listed([str(_only(given))])})", severity=s
    ),
    "str_endswith": lambda c, given, s: condition(
        "ends", c, f"suffix({{0}}, {listed([str(_only(given))])})", severity=s
    ),
    "str_length": _length,
}


def _words(schema: Any) -> Words:
    """A schema's object, or its model, in the words of its YAML."""
    made = schema.to_schema() if hasattr(schema, "to_schema") else schema
    columns = getattr(made, "columns", None)
    return {
        "columns": None if columns is None else {n: _column_words(c) for n, c in columns.items()},
        "unique": getattr(made, "unique", None),
        "checks": getattr(made, "checks", None),
    }


def _column_words(column: Any) -> Words:
    return {
        "nullable": column.nullable,
        "unique": column.unique,
        "regex": column.regex,
        "checks": [
            {
                **(check.statistics or {}),
                "options": {
                    "check_name": check.name,
                    "ignore_na": check.ignore_na,
                    "raise_warning": check.raise_warning,
                    "groupby": check.groupby,
                },
            }
            for check in column.checks
        ],
    }


def _refuse(what: str, declared: str) -> NoReturn:
    raise UnreadableContractError(
        f"{declared}: {what}",
        declared=declared,
        data="nothing was imported",
        next=f"take it out; what can be read is {quoted([*RULES, *_BOUNDS, 'in_range'])}",
    )
