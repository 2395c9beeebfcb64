"""The checks of a pandera schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from watermain.declare.check import (
    Check,
    Severity,
    accepted_values,
    between,
    matches,
    not_null,
    unique,
)
from watermain.declare.errors import (
    InvalidDeclarationError,
    UnreadableContractError,
    quoted,
)
from watermain.engine.exchange.foreign_pattern import begun, contained
from watermain.engine.exchange.foreign_rules import condition, listed, once, present

Words = Mapping[str, Any]
# What would make another table of the one that is checked.
_CHANGES = ("default", "parsers", "drop_invalid_rows", "add_missing_columns")
_SAID = {
    *_CHANGES,
    *("dtype", "nullable", "unique", "coerce", "required", "regex", "title", "description"),
    *("metadata", "checks", "report_duplicates", "name"),
}
# What decides nothing here, or is read elsewhere; below it what is told.
_QUIET = {
    *("schema_type", "version", "api", "columns", "name", "title", "description", "metadata"),
    *("unique", "checks", "index", "report_duplicates", "unique_column_names"),
}
_TOLD = {"dtype", "coerce", "strict", "ordered"}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_or_equal_to": ("low", ">="),
    "greater_than": ("", ">"),
    "less_than_or_equal_to": ("high", "<="),
    "less_than": ("", "<"),
}


def frame_checks(schema: Any, declared: str = "the schema") -> tuple[Check, ...]:
    """The checks of a pandera schema: its YAML as plain values, its object or its model.

    Guarantees: a rule is translated whole, or the schema is refused.
    Raises: UnreadableContractError, listing what can be read.
    """
    words = schema if isinstance(schema, Mapping) else _words(schema)
    columns = words.get("columns")
    if not isinstance(columns, Mapping) or words.get("checks"):
        rules = "rules over the whole frame" if columns else "no columns"
        _refuse(f"it has {rules}", declared)
    if words.get("index"):
        next_step = "make columns of it, as `schema.reset_index()` does"
        _refuse("it has rules over the index, which no table has", declared, next_step)
    for word in (k for k, v in words.items() if k not in _QUIET | _TOLD and v):
        _refuse(f"it says `{word}`, which has no word here", declared)
    found: list[Check] = []
    for name, column in columns.items():
        try:
            found += _column(str(name), column, declared)
        except InvalidDeclarationError as error:
            _refuse(f"column `{name}`: {error.what}", declared)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            _refuse(f"column `{name}` is malformed: {error}", declared)
    together = words.get("unique")
    if together:
        found.append(unique(*([together] if isinstance(together, str) else together)))
    return once(found, declared)


def frame_notes(schema: Any) -> tuple[str, ...]:
    """What a pandera schema says beside its checks: it belongs into the contract, or is lost."""
    words = schema if isinstance(schema, Mapping) else _words(schema)
    notes = []
    for word in sorted(_TOLD):
        if words.get(word):
            notes.append(f"`{word}={words[word]}` of the schema: {_ELSEWHERE[word]}")
    for name, column in words["columns"].items():
        if column.get("dtype"):
            notes.append(f"`{name}` is {column['dtype']}: {_ELSEWHERE['dtype']}")
        if column.get("coerce"):
            notes.append(f"`coerce` of `{name}`: {_ELSEWHERE['coerce']}")
        if column.get("required", True) is not True:
            notes.append(f"`{name}` may be left out there: a contract's columns are all there")
    return tuple(notes)


_ELSEWHERE = {
    "dtype": "name the type in the contract",
    "coerce": "cast in the body, for no check changes a value",
    "strict": "a body returns the contract's columns, no other",
    "ordered": "columns are put into the contract's order",
}


def _column(name: str, words: Words, declared: str) -> Iterator[Check]:
    _refuse_column(name, words, declared)
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


def _refuse_column(name: str, words: Words, declared: str) -> None:
    if words.get("regex"):
        _refuse(f"column `{name}` stands for many columns", declared)
    for word in _CHANGES:
        if words.get(word) not in (None, False, []):
            _refuse(f"column `{name}` says `{word}`, which changes what is checked", declared)


def _rules(words: Words) -> Iterator[tuple[str, Any, Severity]]:
    """Each rule by name, and what it is given: a value or a mapping of its words."""
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
    "isin": lambda c, given, s: accepted_values(c, present(_only(given)), severity=s),
    "not_equal_to": lambda c, given, s: condition(
        "other_than", c, f"{{0}} <> {listed([_only(given)])}", severity=s
    ),
    "notin": lambda c, given, s: condition(
        "none_of", c, f"{{0}} not in ({listed(present(_only(given))) or 'null'})", severity=s
    ),
    "str_matches": lambda c, given, s: matches(c, begun(_only(given)), severity=s),
    "str_contains": lambda c, given, s: condition(
        "contains", c, f"regexp_matches({{0}}, {listed([contained(_only(given))])})", severity=s
    ),
    "str_startswith": lambda c, given, s: condition(
        "starts", c, f"starts_with({{0}}, {listed([str(_only(given))])})", severity=s
    ),
    "str_endswith": lambda c, given, s: condition(
        "ends", c, f"suffix({{0}}, {listed([str(_only(given))])})", severity=s
    ),
    "str_length": _length,
}


_OF_SCHEMA = (
    *("unique", "checks", "index", "dtype", "coerce", "strict", "ordered"),
    *("parsers", "drop_invalid_rows", "add_missing_columns"),
)
_OF_COLUMN = (
    *("nullable", "unique", "regex", "coerce", "required", "default"),
    *("parsers", "drop_invalid_rows"),
)


def _words(schema: Any) -> Words:
    """A schema's object, or its model, in the words of its YAML."""
    made = schema.to_schema() if hasattr(schema, "to_schema") else schema
    columns = getattr(made, "columns", None)
    return {
        "columns": None if columns is None else {n: _column_words(c) for n, c in columns.items()},
        **{word: getattr(made, word, None) for word in _OF_SCHEMA},
    }


def _column_words(column: Any) -> Words:
    return {
        **{word: getattr(column, word, None) for word in _OF_COLUMN},
        "dtype": None if column.dtype is None else str(column.dtype),
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


def _refuse(what: str, declared: str, next: str = "") -> NoReturn:
    raise UnreadableContractError(
        f"{declared}: {what}",
        declared=declared,
        data="nothing was imported",
        next=next or f"take it out; what can be read is {quoted([*RULES, *_BOUNDS, 'in_range'])}",
    )
