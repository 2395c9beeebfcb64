"""Spans around what the platform does, where traces are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from watermain.settings import load_settings
from watermain.trace.identity import TracePoint
from watermain.trace.outlet import outlet
from watermain.trace.span import OpenSpan

_CURRENT: ContextVar[OpenSpan | None] = ContextVar("watermain_span", default=None)


@contextmanager
def operation(name: str) -> Iterator[OpenSpan | None]:
    """A span with a trace of its own; None, at no cost, where no traces are asked for.

    Shapes: it is sent with its parts once it is over, if somebody said by then what it is about;
    within another operation it is linked to that.
    Raises: MissingExtraError, before anything is done.
    """
    endpoint = load_settings().otlp_endpoint
    if not endpoint:
        yield None
        return
    way, span, above = outlet(endpoint), OpenSpan(name), _CURRENT.get()
    if above is not None and above.point is not None:
        span.links.append(above.point)
    token = _CURRENT.set(span)
    try:
        with span.timed():
            yield span
    finally:
        _CURRENT.reset(token)
        way.put(span.whole())


def begin(span: OpenSpan, point: TracePoint) -> None:
    """Say what an operation is about; that it began is sent at once, should it never end."""
    span.point = point
    begun = replace(span, name=f"{span.name} begins", parts=[], links=[], facts=dict(span.facts))
    begun.parent, begun.point = point, point.child("begins")
    begun.ended = begun.began
    outlet(str(load_settings().otlp_endpoint)).put([begun])


def current() -> OpenSpan | None:
    """What goes on here; None where nothing is traced."""
    return _CURRENT.get()


@contextmanager
def part(name: str) -> Iterator[OpenSpan | None]:
    """A span within the operation that goes on; None, at no cost, where none does."""
    above = _CURRENT.get()
    if above is None:
        yield None
        return
    span = OpenSpan(name)
    above.parts.append(span)
    token = _CURRENT.set(span)
    try:
        with span.timed():
            yield span
    finally:
        _CURRENT.reset(token)
