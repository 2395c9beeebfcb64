"""Promises as the Python that declares them."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, time, timedelta
from textwrap import indent
from typing import Any

import pyarrow as pa

from watermain import declare
from watermain.declare.cadence import Cadence
from watermain.declare.check import (
    AcceptedValues,
    Between,
    Check,
    Expression,
    FreshWithin,
    Matches,
    NotNull,
    Query,
    RefersTo,
    RowCount,
    Steady,
    UniqueKey,
)
from watermain.declare.contract import Column, Contract, Sensitivity
from watermain.declare.errors import UnreadableContractError
from watermain.declare.name import DatasetName
from watermain.declare.quarantine import UNLIMITED
from watermain.declare.slo import Slo
from watermain.engine.exchange.released import Released

T = pa.types
# What the code of a declaration may use, and where each of it comes from.
STANDARD = {"Decimal": "decimal"} | dict.fromkeys(
    ("date", "datetime", "time", "timedelta", "timezone"), "datetime"
)
WHOLE = {"ibis": "import ibis", "pa": "import pyarrow as pa"}
_NAMES = {
    "bool": "bool_",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32[day]": "date32",
    "date64[ms]": "date64",
    "month_day_nano_interval": "month_day_nano_interval",
}


NAMED = ("other", "low", "high", "against", "within")
WARNING = (FreshWithin, Steady)  # their words say `warn` unless told otherwise
POSITIONAL: Mapping[type[Check], tuple[str, ...]] = {
    NotNull: ("column",),
    UniqueKey: ("key",),
    AcceptedValues: ("column", "values"),
    Between: ("column",),
    Matches: ("column", "pattern"),
    RefersTo: ("column", "dataset"),
    RowCount: (),
    FreshWithin: ("column", "within"),
    Steady: ("of",),
    Expression: ("name", "sql"),
}


def declaration(promise: Released) -> str:
    """The declaration of a promise, whose body is left to write.

    Guarantees: the code runs; what it declares promises the same, but for what its notes tell.
    """
    word = "raw" if promise.is_captured else "dataset"
    kept = [check for check in promise.checks if not isinstance(check, Query)]
    words = {
        "contract": contract_code(promise.contract),
        "checks": checks_code(kept) if kept else None,
        "cadence": _cadence(promise.cadence),
        "slo": _slo(promise.slo),
        "owner": repr(promise.owner),
    }
    head = f"{word}(\n    {promise.name!r},\n"
    if promise.is_captured:
        source = 'Files(connection="somewhere", pattern="*.csv", format="csv")'
        words = {"description": repr(promise.description), "source": source, **words}
    body = "".join(f"    {k}={indent(v, '    ').strip()},\n" for k, v in words.items() if v)
    queries = [f"`{c.label}` is a test of a dbt model" for c in promise.checks if c not in kept]
    notes = "".join(f"# not kept: {' '.join(n.split())}\n" for n in (*promise.notes, *queries))
    table = DatasetName.parse(promise.name).table
    if promise.is_captured:
        return f"{notes}{table} = {head}{body})\n"
    lines = (
        f"def {table}() -> ibis.Table:",
        f"    {promise.description!r}",
        '    raise NotImplementedError("name the inputs, compute the table from them")',
    )
    return f"{notes}@{head}{body})\n" + "\n".join(lines) + "\n"


def imports(code: str) -> str:
    """The imports that a module of such code needs; nothing where it needs none."""
    tree = ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    standard: dict[str, list[str]] = {}
    for name in sorted(used & STANDARD.keys()):
        standard.setdefault(STANDARD[name], []).append(name)
    ours = sorted(used & set(declare.__all__))
    parts = [
        [f"from {module} import {', '.join(names)}" for module, names in sorted(standard.items())],
        [line for name, line in WHOLE.items() if name in used],
        [f"from watermain import {', '.join(ours)}"] if ours else [],
    ]
    told = "\n\n".join("\n".join(lines) for lines in parts if lines)
    return f"{told}\n\n" if told else ""


def checks_code(checks: Iterable[Check]) -> str:
    """Checks as the value of `checks=`."""
    return _tuple(map(check_code, checks))


def contract_code(contract: Contract) -> str:
    """A contract as Python."""
    words = {
        "grain": repr(contract.grain),
        "key": repr(contract.key),
        "keyless": "True" if contract.keyless else None,
        "event_time": repr(contract.event_time) if contract.event_time else None,
        "version": repr(contract.version),
        "migrations": _tuple(
            f"Migration({m.version!r}, {m.readers!r})" for m in contract.migrations
        )
        if contract.migrations
        else None,
        "repeats_within": _repeats(contract.repeats_within),
        "drift": repr(contract.drift) if contract.drift != "divert" else None,
        "quarantine": repr(contract.quarantine) if contract.quarantine != UNLIMITED else None,
        "columns": _tuple(map(_column, contract.columns)),
    }
    told = "".join(f"    {k}={indent(v, '    ').strip()},\n" for k, v in words.items() if v)
    return f"Contract(\n{told})"


def check_code(check: Check) -> str:
    """A check as the word that makes it.

    Raises: UnreadableContractError, for a query: that is written in dbt.
    """
    if isinstance(check, Query):
        raise UnreadableContractError(
            f"the check `{check.label}` has no word",
            declared="Query",
            data="nothing was written",
            next="write it as a test of a dbt model",
        )
    word, places = check.word, POSITIONAL[type(check)]
    said = vars(check)
    parts = [", ".join(map(repr, said[p])) if p == "key" else _said(said[p]) for p in places]
    named = [k for k in NAMED if k not in places and said.get(k) is not None]
    parts += [f"{k}={_said(said[k])}" for k in named]
    parts += [f"{k}=False" for k in ("nulls_repeat", "blanks_repeat") if said.get(k) is False]
    if check.severity != ("warn" if isinstance(check, WARNING) else "block"):
        parts.append(f'severity="{check.severity}"')
    return f"{word}({', '.join(parts)})"


def _said(value: object) -> str:
    if type(value) is tuple:
        return f"({', '.join(map(_said, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, (date, time, timedelta)):
        return _bare(value)
    return repr(str(value) if isinstance(value, DatasetName) else value)


def _bare(value: object) -> str:
    """A value of the module `datetime`, by the names that are imported from it."""
    return repr(value).replace("datetime.", "")


def type_code(kind: pa.DataType) -> str:
    """An Arrow type as Python."""
    for belongs, code in _TYPES:
        if belongs(kind):
            return code(kind)
    return f"pa.{_NAMES.get(str(kind), str(kind))}()"


_TYPES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], str]], ...] = (
    (T.is_decimal, lambda k: f"pa.decimal{k.bit_width}({k.precision}, {k.scale})"),
    (T.is_timestamp, lambda k: f"pa.timestamp({', '.join(repr(w) for w in (k.unit, k.tz) if w)})"),
    (T.is_duration, lambda k: f"pa.duration({k.unit!r})"),
    (T.is_time, lambda k: f"pa.time{k.bit_width}({k.unit!r})"),
    (T.is_fixed_size_binary, lambda k: f"pa.binary({k.byte_width})"),
    (T.is_struct, lambda k: f"pa.struct([{', '.join(map(_field, k))}])"),
    (T.is_map, lambda k: f"pa.map_({_field(k.key_field)}, {_field(k.item_field)})"),
    (T.is_fixed_size_list, lambda k: f"pa.list_({_field(k.value_field)}, {k.list_size})"),
    (T.is_list, lambda k: f"pa.list_({_field(k.value_field)})"),
    (T.is_large_list, lambda k: f"pa.large_list({_field(k.value_field)})"),
)


def _field(field: pa.Field) -> str:
    nullable = "" if field.nullable else ", nullable=False"
    return f"pa.field({field.name!r}, {type_code(field.type)}{nullable})"


def _column(column: Column) -> str:
    more = f", unit={column.unit!r}" if column.unit is not None else ""
    if column.sensitivity is not Sensitivity.INTERNAL:
        more += f", sensitivity=Sensitivity.{column.sensitivity.name}"
    more += "" if column.nullable else ", nullable=False"
    return f"Column({column.name!r}, {type_code(column.type)}, {column.description!r}{more})"


def _tuple(parts: Iterable[str]) -> str:
    lines = "".join(f"    {indent(part, '    ').strip()},\n" for part in parts)
    return f"(\n{lines})" if lines else "()"


def _cadence(cadence: Cadence | None) -> str | None:
    if cadence is None:
        return None
    words: dict[str, Any] = {"zone": repr(cadence.zone)}
    words |= {"start": _bare(cadence.start)} if cadence.start else {}
    words |= {"late_for": _span(cadence.late_for), "idle_after": _span(cadence.idle_after)}
    return f"{type(cadence).__name__}({', '.join(f'{k}={v}' for k, v in words.items())})"


def _slo(slo: Slo | None) -> str | None:
    return None if slo is None else _word(slo)


def _word(value: object) -> str:
    """A word of a promise with what is unlike its defaults, by name."""
    if not is_dataclass(value) or isinstance(value, type):
        return _bare(value) if isinstance(value, time | timedelta) else repr(value)
    said = []
    for part in fields(value):
        given = getattr(value, part.name)
        factory = part.default_factory
        usual = part.default if factory is MISSING else factory()
        if given != usual:
            said.append(f"{part.name}={_word(given)}")
    return f"{type(value).__name__}({', '.join(said)})"


def _repeats(within: timedelta | None) -> str | None:
    return "timedelta.max" if within == timedelta.max else None if within is None else _span(within)


def _span(span: timedelta) -> str:
    return _bare(span)
