"""The version of a dataset's code as releases before 0035 told it.

A lake or a released contract that such a release wrote holds these. They knew no constant, no
closure and no helper reached as `module.name`; they depended on the Python. So they are believed
once, where a version of today has never been seen, and nothing new is told by them.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from watermain.declare.check import Check, NotNull, UniqueKey
from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.settings import project

_PLACE = re.compile(r" at 0x[0-9a-f]+")
# The words of each check as they were; a later one must be left out for the check to be the same.
_WORDS = {
    "NotNull": ("severity", "column"),
    "UniqueKey": ("severity", "key"),
    "AcceptedValues": ("severity", "column", "values"),
    "Between": ("severity", "column", "low", "high"),
    "Matches": ("severity", "column", "pattern"),
    "RefersTo": ("severity", "column", "dataset", "other"),
    "RowCount": ("severity", "low", "high"),
    "Expression": ("severity", "name", "sql"),
    "Query": ("severity", "name", "sql", "datasets"),
    "FreshWithin": ("severity", "column", "within"),
    "Steady": ("severity", "of", "against", "within"),
}


def former_code_version(dataset: Dataset) -> str:
    """The version that an earlier release gave the same code on this Python; "" if it had none."""
    checks = [_said(check) for check in _all_checks(dataset)]
    if None in checks:
        return ""
    parts = [_contract_hash(dataset.contract), f"({', '.join(map(str, checks))}{_end(checks)})"]
    parts.append(repr(dict(dataset.inputs)))
    parts += [f"{n.dataset} before {n.before}" for n in dataset.needs.values() if n.before]
    if dataset.mart is not None:
        parts.append(dataset.mart.sql)
    elif dataset.body is not None:
        parts += [_meaning(f) for f in _reached(dataset.body, set())]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def former_definition(dataset: Dataset) -> str:
    """What a released feature contract held; "" for what had no definition."""
    feature, contract = dataset.feature, dataset.contract
    if feature is None or feature.state == "candidate" or dataset.body is None:
        return ""
    parts = [
        repr([(c.name, str(c.type), c.unit, c.nullable) for c in contract.columns]),
        repr((contract.key, contract.event_time, feature.entity, feature.known_at)),
        repr(feature.max_age),
        repr([(a, str(n), dataset.looks_back(n)) for a, n in sorted(dataset.inputs.items())]),
    ]
    try:
        parts += [_tree(f) for f in _reached(dataset.body, set())]
    except (OSError, SyntaxError):
        return ""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _all_checks(dataset: Dataset) -> tuple[Check, ...]:
    declared = {c.label for c in dataset.checks}
    contract = dataset.contract
    needed = [*contract.key, *(c.name for c in contract.columns if not c.nullable)]
    if dataset.cadence is not None and contract.event_time:
        needed.append(contract.event_time)
    implied: list[Check] = [NotNull(column=n) for n in dict.fromkeys(needed)]
    if dataset.is_computed:
        implied.append(UniqueKey(key=contract.key))
    return tuple(c for c in implied if c.label not in declared) + dataset.checks


def _end(checks: list[Any]) -> str:
    return "," if len(checks) == 1 else ""


def _said(check: Check) -> str | None:
    """A check as `repr` told it; None for one that no earlier release could declare."""
    name = type(check).__name__
    words = _WORDS.get(name)
    later = [f for f in dataclasses.fields(check) if f.compare and f.name not in (words or ())]
    if words is None or any(getattr(check, f.name) != f.default for f in later):
        return None
    return f"{name}({', '.join(f'{w}={getattr(check, w)!r}' for w in words)})"


def _contract_hash(contract: Contract) -> str:
    within = contract.repeats_within
    facts = {
        **({} if within is None else {"repeats_within_seconds": within.total_seconds()}),
        "grain": contract.grain,
        "key": list(contract.key),
        "event_time": contract.event_time,
        "version": contract.version,
        "columns": [
            {
                "name": c.name,
                "type": str(c.type),
                "description": c.description,
                "unit": c.unit,
                "sensitivity": c.sensitivity.value,
                "nullable": c.nullable,
            }
            for c in contract.columns
        ],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _reached(function: Callable[..., Any], seen: set[str]) -> Iterator[Callable[..., Any]]:
    if function.__qualname__ in seen or not hasattr(function, "__code__"):
        return
    seen.add(function.__qualname__)
    yield function
    for name in function.__code__.co_names:
        called = function.__globals__.get(name)
        if inspect.isfunction(called) and called.__module__.startswith(
            (project().rooms, "watermain")
        ):
            yield from _reached(called, seen)


def _meaning(function: Callable[..., Any]) -> str:
    defaults = (function.__defaults__, function.__kwdefaults__)
    told = _PLACE.sub("", repr(defaults))  # where an object lies differs between processes
    return f"{told}{_compiled(function.__code__, function.__doc__)}"


def _compiled(code: CodeType, docstring: str | None = None) -> str:
    constants = [c for c in code.co_consts if docstring is None or c != docstring]
    told = [_compiled(c) if isinstance(c, CodeType) else _constant(c) for c in constants]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return f"{code.co_code.hex()}{names!r}{told!r}"


def _constant(value: object) -> str:
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)


def _tree(function: Callable[..., Any]) -> str:
    found = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if isinstance(found, ast.FunctionDef):
        found.decorator_list, found.name = [], ""
        if ast.get_docstring(found) is not None:
            found.body = found.body[1:]
    return _dumped(found)


def _dumped(node: object) -> str:
    """What `ast.dump` of Python 3.11 says, on every Python."""
    if isinstance(node, list):
        return f"[{', '.join(map(_dumped, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    told = []
    for name in node._fields:
        value = getattr(node, name, None)
        is_left_out = value is None and getattr(type(node), name, ...) is None
        if name != "type_params" and not is_left_out:
            told.append(f"{name}={_dumped(value)}")
    return f"{type(node).__name__}({', '.join(told)})"
