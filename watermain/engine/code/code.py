"""The version of a dataset's code."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from watermain.declare.body.frame import Frame, asked
from watermain.declare.body.given import bundle
from watermain.declare.cadence import Cadence
from watermain.declare.check import Check
from watermain.declare.contract import Column, Contract
from watermain.declare.dataset import Body, Dataset
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.code.library_value import library_value
from watermain.engine.code.meaning import Meaning
from watermain.engine.code.reach import UnfollowedError
from watermain.engine.code.source_text import UnreadableSourceError, source_of

_LENGTH = 16
Tell = Callable[[object], str]


def code_version(dataset: Dataset) -> str:
    """Fingerprint everything that decides what the dataset's rows are.

    Guarantees: comments, layout, descriptions, docstrings and annotations do not count, nor does
    the Python that runs it. Constants, closures, defaults and every function or class of the
    platform or a room that the body reaches do. A library counts by the names that are used of it.
    Raises: InvalidDeclarationError, naming what cannot be followed.
    """
    return digest(dataset, decides(dataset))


def digest(dataset: Dataset, value: object) -> str:
    """The digest of a value that belongs to a dataset's declaration, and of all that it reaches.

    Raises: InvalidDeclarationError.
    """
    try:
        return Meaning((library_value, _word)).of(value)[:_LENGTH]
    except UnfollowedError as error:
        raise InvalidDeclarationError.nothing_happened(
            f"{dataset.name}: {error.what}, so its version cannot cover it",
            declared=dataset.declared,
            next=error.next,
        ) from error


def decides(dataset: Dataset) -> dict[str, object]:
    """What decides a dataset's rows, by what it is."""
    found: dict[str, object] = {
        "contract": _contract(dataset.contract),
        "checks": [_given(check) for check in dataset.all_checks],
        "inputs": sorted((a, str(n), dataset.looks_back(n)) for a, n in dataset.inputs.items()),
        "cadence": _cadence(dataset.cadence),
    }
    if not dataset.is_computed:
        found["captured"] = (dataset.contract.repeats_within, dataset.contract.drift)
    elif dataset.mart is not None:
        found["sql"] = dataset.mart.sql
        if dataset.mart.grows is not None:
            found["grows"] = dataclasses.asdict(dataset.mart.grows)
        if dataset.mart.batched:
            found["batched"] = sorted(dataset.mart.batched.items())
    elif dataset.body is not None:
        found |= {"body": dataset.body, "takes": takes(dataset.body)}
        kind = bundle(dataset.body)
        found |= {} if kind is None else {"given": kind}
    return found


def takes(body: Body) -> list[tuple[str, str]]:
    """The kind of table that each parameter asks for, where it is not the default."""
    if bundle(body) is not None:
        kinds = asked(body).items()
        return sorted((name, str(kind)) for name, kind in kinds if kind is not Frame.IBIS)
    found = []
    for name, parameter in inspect.signature(body).parameters.items():
        kind = _kind(body, parameter.annotation)
        if kind:
            found.append((name, kind))
    return sorted(found)


def _kind(body: Body, annotation: Any) -> str:
    """An annotation by its library and its class, however the module calls these."""
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, type):
        text = f"{annotation.__module__}.{annotation.__qualname__}"
    else:
        text = str(annotation).strip("'\"")
        root, dot, rest = text.partition(".")
        text = f"{_imported(body, root)}{dot}{rest}"
    library, name = text.partition(".")[0], text.rpartition(".")[2]
    return "" if library == "ibis" else f"{library}.{name}"


def _imported(body: Body, name: str) -> str:
    try:
        known = source_of(body).imports.get(name, []) if isinstance(body, FunctionType) else []
    except UnreadableSourceError:
        known = []
    for module, attribute, _ in known:
        return f"{module}.{attribute}".rstrip(".")
    return name


def _contract(contract: Contract) -> dict[str, object]:
    """What of a contract decides rows; what it says to people does not."""
    return {
        "key": contract.key,
        "event_time": contract.event_time,
        "columns": sorted(
            (c.name, str(c.type), contract.demands(c.name)) for c in contract.columns
        ),
    }


def _cadence(cadence: Cadence | None) -> tuple[str, str] | None:
    return None if cadence is None else (type(cadence).__name__, cadence.zone)


def _given(check: Check) -> tuple[str, dict[str, object]]:
    """A check by the words that were given; one that a later release adds changes nothing."""
    fields = [f for f in dataclasses.fields(check) if f.compare]
    given = {f.name: getattr(check, f.name) for f in fields}
    unsaid = {f.name for f in fields if given[f.name] == f.default}
    return type(check).__name__, {n: v for n, v in sorted(given.items()) if n not in unsaid}


def _word(value: object, tell: Tell) -> str | None:
    """A word of the platform that a body reads: another dataset, a contract or a column."""
    if isinstance(value, Dataset):
        return f"(dataset {tell(decides(value))})"
    if isinstance(value, Contract):
        return f"(contract {tell(_contract(value))})"
    if isinstance(value, Column):
        return f"(column {tell((value.name, str(value.type), value.unit, value.nullable))})"
    return None
