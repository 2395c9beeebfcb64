"""The state of an object that a class of the project or of a library made."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from watermain.engine.code.plain_value import Tell, named

_HOLDS_SOMETHING_OPEN = ("close", "execute", "cursor", "connect", "send", "raw_sql", "fileno")
Named = Callable[[type], str]


class OpaqueError(Exception):
    """Report an object that does not say what it is made of."""


def state(value: object) -> dict[str, object]:
    """The attributes of an object, without what it only keeps to be quick.

    Shapes: fields of a dataclass, `__slots__`, and whatever stands in its `__dict__`.
    """
    kind, found = type(value), dict[str, object]()
    for base in reversed(kind.__mro__):
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    for name, held in getattr(value, "__dict__", {}).items():
        if not isinstance(static(kind, name), cached_property):
            found[name] = held
    return found


def static(kind: type, name: str) -> object:
    """What a class holds under a name, as it stands there."""
    for base in kind.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def told_instance(value: object, kind: str, tell: Tell) -> str:
    """An object of the project: its class, its attributes and what it holds as a collection."""
    parts = [f"{name}={tell(held)}" for name, held in sorted(state(value).items())]
    if isinstance(value, dict):
        parts += [f"{tell(k)}:{tell(v)}" for k, v in value.items()]
    elif isinstance(value, set | frozenset):
        parts.append(tell(frozenset(value)))
    elif isinstance(value, list | tuple):
        parts += [tell(v) for v in value]
    else:
        parts += [tell(plain(value)) for of, plain in _PLAIN if isinstance(value, of)]
    return f"(object {kind} {' '.join(parts)})"


def told_enum(value: enum.Enum, kind: str, tell: Tell) -> str:
    """A member of an enumeration."""
    return f"(member {kind} {value.name} {tell(value._value_)})"


def told_value(value: Any, tell: Tell) -> str:
    """An object of a library that is a value: equal to its like, and told by how it is made.

    Raises: OpaqueError, for an object that is itself alone or holds something open.
    """
    kind: Any = type(value)
    if dataclasses.is_dataclass(value) and kind.__eq__ is not object.__eq__:
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return f"(value {named(kind)} {tell(fields)})"
    if isinstance(value, BaseException):
        return f"(error {named(kind)} {tell(value.args)})"
    if isinstance(value, datetime.tzinfo) and isinstance(zone := getattr(value, "zone", None), str):
        return f"(zone {named(kind.__mro__[1])} {zone})"
    if kind.__eq__ is object.__eq__ or kind.__hash__ in (None, object.__hash__):
        raise OpaqueError(named(kind))
    if any(hasattr(kind, name) for name in _HOLDS_SOMETHING_OPEN):
        raise OpaqueError(named(kind))
    try:
        made = value.__reduce_ex__(2)
    except (TypeError, AttributeError, ValueError, NotImplementedError) as error:
        raise OpaqueError(named(kind)) from error
    if isinstance(made, str):
        return f"(value {named(kind)} {made})"
    return f"(value {' '.join(_made(made, tell))})"


def _made(made: tuple[Any, ...], tell: Tell) -> Iterator[str]:
    yield tell(made[0])
    for part in made[1:3]:
        yield tell(part)
    for rest in made[3:5]:
        yield tell(list(rest) if rest is not None else None)


_PLAIN: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (str, str.__str__),
    (bytes, bytes),
    (int, int.__int__),
    (float, float.__float__),
)
