"""The `logicalTypeOptions` of the Open Data Contract Standard as checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from watermain.declare.check import Check, accepted_values, between, matches
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.exchange.foreign_rules import condition, listed, present
from watermain.engine.exchange.physical_type import most_signs
from watermain.engine.exchange.rule_words import whole

Options = Mapping[str, Any]
T = pa.types
_FORMATS: Mapping[str, pa.DataType] = {
    **{f"i{bits}": getattr(pa, f"int{bits}")() for bits in (8, 16, 32, 64)},
    **{f"u{bits}": getattr(pa, f"uint{bits}")() for bits in (8, 16, 32, 64)},
    "f32": pa.float32(),
    "f64": pa.float64(),
}
_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PART = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_TEXT_FORMATS = {"uuid": _UUID, "ipv4": rf"{_PART}(\.{_PART}){{3}}"}


def type_of_options(kind: pa.DataType, options: Options) -> pa.DataType:
    """The type that options make of a logical one: its width, and whether it has a zone."""
    found = _FORMATS.get(str(options.get("format")))
    if found is not None and (
        (T.is_integer(kind) and T.is_integer(found))
        or (T.is_floating(kind) and T.is_floating(found))
    ):
        return found
    if T.is_timestamp(kind) and options.get("timezone") is False:
        return pa.timestamp(kind.unit)
    return kind


def option_checks(
    column: str, kind: pa.DataType, options: Options, physical: str = ""
) -> Iterator[Check | str]:
    """Each option as a check, or in words where no check says the same.

    Shapes: a length that the physical type holds counts as an option.
    """
    left = dict(options)
    signs = most_signs(physical)
    if signs is not None:
        left["maxLength"] = min(signs, _whole(left.get("maxLength"), signs))
    for words, make in _MADE:
        given = {w: left.pop(w) for w in words if left.get(w) is not None}
        if not given:
            continue
        try:
            yield from make(column, kind, given)
        except (InvalidDeclarationError, TypeError, ValueError, InvalidOperation) as error:
            what = error.what if isinstance(error, InvalidDeclarationError) else error
            yield f"`{column}`: the option {_shown(given)} has no word here: {what}"
    for word, value in left.items():
        if value is not None and not _is_quiet(kind, word, value):
            yield f"`{column}`: the option {_shown({word: value})} has no word here"


def _is_quiet(kind: pa.DataType, word: str, value: object) -> bool:
    """Whether the column's type already says it."""
    if word == "format":
        return bool(_FORMATS.get(str(value)) == kind)
    if word == "timezone" and T.is_timestamp(kind):
        return (kind.tz is not None) == bool(value)
    return word == "defaultTimezone" and value in ("UTC", "Etc/UTC")


def _range(column: str, kind: pa.DataType, given: Options) -> Iterator[Check]:
    """Bounds; an exclusive one is a number of its own, or a word about the inclusive one."""
    ends = []
    for word, sign in (("inimum", ">"), ("aximum", "<")):
        bound, strict = given.get(f"m{word}"), given.get(f"exclusiveM{word}")
        if isinstance(strict, bool):
            strict, bound = (bound, None) if strict else (None, bound)
        ends.append((sign, _bound(kind, bound), _bound(kind, strict)))
    (_, low, _), (_, high, _) = ends
    if low is not None or high is not None:
        yield between(column, low=low, high=high)
    strict = [(sign, value) for sign, _, value in ends if value is not None]
    if strict:
        sql = " and ".join(f"{{0}} {sign} {listed([value])}" for sign, value in strict)
        yield condition("inside", column, sql)


def _bound(kind: pa.DataType, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not _is_ordered(kind):
        raise ValueError(f"{value!r} bounds no {kind}")
    if T.is_temporal(kind):
        return str(value)
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"{value!r} is no bound")
    return value if isinstance(value, int | float) else number


def _is_ordered(kind: pa.DataType) -> bool:
    numbers = T.is_integer(kind) or T.is_floating(kind) or T.is_decimal(kind)
    return bool(numbers or T.is_temporal(kind))


def _lengths(column: str, kind: pa.DataType, given: Options) -> Iterator[Check]:
    if not (T.is_string(kind) or T.is_large_string(kind)):
        raise ValueError(f"a {kind} has no length")
    yield from _counted("length", "length({0})", column, given)


def _items(column: str, kind: pa.DataType, given: Options) -> Iterator[Check]:
    if not (T.is_list(kind) or T.is_large_list(kind)):
        raise ValueError(f"a {kind} has no items")
    yield from _counted("items", "len({0})", column, given)


def _counted(name: str, count: str, column: str, given: Options) -> Iterator[Check]:
    signs = [(">=" if w.startswith("min") else "<=", _whole(v, 0)) for w, v in given.items()]
    yield condition(name, column, " and ".join(f"{count} {sign} {n}" for sign, n in signs))


def _whole(value: Any, otherwise: int) -> int:
    if value is None:
        return otherwise
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise ValueError(f"{value!r} is no count")
    return int(value)


def _pattern(column: str, kind: pa.DataType, given: Options) -> Iterator[Check]:
    if not (T.is_string(kind) or T.is_large_string(kind)):
        raise ValueError(f"a {kind} has no pattern")
    yield matches(column, whole(str(given["pattern"])))


def _multiple(column: str, kind: pa.DataType, given: Options) -> Iterator[Check]:
    step = Decimal(str(given["multipleOf"]))
    if not step.is_finite() or step <= 0 or not (T.is_integer(kind) or T.is_decimal(kind)):
        raise ValueError(f"a multiple of {step} is not exact for {kind}")
    yield condition("multiple", column, f"{{0}} % {step:f} = 0")


def _enum(column: str, kind: pa.DataType, given: Options) -> Iterator[Check]:
    if not isinstance(given["enum"], list):
        raise ValueError("it is no list")
    yield accepted_values(column, present(given["enum"]))


def _format(column: str, kind: pa.DataType, given: Options) -> Iterator[Check]:
    """A format that is a pattern; one that is the column's type is said already."""
    word = str(given["format"])
    if word in _TEXT_FORMATS and T.is_string(kind):
        yield condition(
            "format", column, f"regexp_full_match({{0}}, {listed([_TEXT_FORMATS[word]])})"
        )
    elif not _is_quiet(kind, "format", word):
        raise ValueError(f"no check knows it of {kind}")


_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_MADE: tuple[tuple[tuple[str, ...], Callable[..., Iterator[Check]]], ...] = (
    (_BOUNDS, _range),
    (("minLength", "maxLength"), _lengths),
    (("minItems", "maxItems"), _items),
    (("pattern",), _pattern),
    (("multipleOf",), _multiple),
    (("enum",), _enum),
    (("format",), _format),
)


def _shown(given: Options) -> str:
    return ", ".join(f"`{k}: {v}`" for k, v in given.items())
