"""The kinds of table that a body may ask for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from watermain.declare.body.given import named, taken


class Frame(StrEnum):
    """One kind of table, called as a body's annotation calls it."""

    IBIS = "ibis.Table"
    ARROW = "pa.Table"
    BATCHES = "pa.RecordBatchReader"
    PANDAS = "pd.DataFrame"
    POLARS = "pl.DataFrame"
    LAZY = "pl.LazyFrame"


FRAMES = tuple(str(f) for f in Frame)
_LIBRARIES = {"ibis": "ibis", "pyarrow": "pa", "pandas": "pd", "polars": "pl"}
_UNSAID = ("Any", "object")


def asked(body: Callable[..., Any]) -> Mapping[str, Frame | None]:
    """The kind of table that a body asks for under each name; None where it names no kind.

    Guarantees: nothing is imported, and nothing is evaluated but names of the body's own module. A
    parameter without an annotation is given an `ibis.Table`.
    """
    return {name: _kind(*each) for name, each in taken(body).items()}


def _kind(annotation: Any, names: Mapping[str, Any]) -> Frame | None:
    if annotation is inspect.Parameter.empty:
        return Frame.IBIS
    if isinstance(annotation, str):
        word = annotation.strip("'\" ")
        if word.rpartition(".")[2] in _UNSAID:
            return Frame.IBIS
        head = word.partition(".")[0]
        if head not in names:  # imported for the type checker alone
            short = {**_LIBRARIES, **{v: v for v in _LIBRARIES.values()}}.get(head, head)
            return _called(f"{short}.{word.rpartition('.')[2]}")
        annotation = named(word, names)
    if annotation in (Any, object):
        return Frame.IBIS
    return framed_as(annotation)


def framed_as(annotation: object) -> Frame | None:
    """The kind of table that a class is; None for one that is no table."""
    library = _LIBRARIES.get(str(getattr(annotation, "__module__", "")).partition(".")[0], "")
    return _called(f"{library}.{getattr(annotation, '__name__', '')}")


def _called(word: str) -> Frame | None:
    return Frame(word) if word in FRAMES else None
