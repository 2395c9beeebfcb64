"""A plain value as text, the same in every process on every Python."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import ipaddress
import operator
import re
import string
import types
import typing
import uuid
import zoneinfo
from collections.abc import Callable, Iterable
from functools import partial, partialmethod, singledispatchmethod
from hashlib import sha256
from pathlib import PurePath

from watermain.engine.code.literal import constant

Tell = Callable[[object], str]
_LITERALS = (type(None), type(...), bool, int, float, complex, str, bytes)
_MAPS = (dict, types.MappingProxyType, collections.OrderedDict, collections.Counter)
_SHORT = 200
_ADDRESSES = (
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)


def plain(value: object, tell: Tell) -> str | None:
    """A number, a text, an instant or a collection of such; None for what is something else.

    Guarantees: values of different types differ; neither the hash seed nor an address counts.
    """
    kind = type(value)
    if kind in _LITERALS:
        return constant(value)
    if kind in _TEXTS:
        return f"({kind.__name__} {_TEXTS[kind](value)})"
    parts = _PARTS.get(kind)
    if parts is not None:
        return f"({kind.__name__} {' '.join(map(tell, parts(value)))})"
    if kind in _MAPS:
        items = value.items()  # type: ignore[attr-defined]
        return f"({kind.__name__} {' '.join(f'{tell(k)}:{tell(v)}' for k, v in items)})"
    return _of_types(value, tell)


def short(text: str) -> str:
    """A long text by its hash."""
    return text if len(text) <= _SHORT else f"<{sha256(text.encode()).hexdigest()}>"


def named(value: object) -> str:
    """What a library calls a function or a class of its, without the private parts of its place.

    Guarantees: `pathlib._local.Path` is `pathlib.Path`, for Pythons differ in the former.
    """
    of = getattr(value, "__objclass__", None)
    owner = getattr(value, "__self__", None) if of is None else None
    if isinstance(owner, type):
        of = owner
    module = str(getattr(value, "__module__", None) or getattr(of, "__module__", "builtins"))
    name = str(getattr(value, "__qualname__", type(value).__qualname__))
    first, *others = module.split(".")
    public = [first.lstrip("_"), *(o for o in others if not o.startswith("_"))]
    return f"{'.'.join(public)}.{name}"


def _of_types(value: object, tell: Tell) -> str | None:
    """What the type system writes: `list[int]` or `int | None`."""
    origin = typing.get_origin(value)
    if origin is not None:
        # Python 3.14 has one kind of union, which is told as `int | None` always was.
        is_union = isinstance(value, types.UnionType)
        told = "(library types.UnionType)" if is_union else tell(origin)
        return f"(type {told} {' '.join(map(tell, typing.get_args(value)))})"
    if isinstance(value, typing.TypeVar | typing.ForwardRef):
        return f"(type {value!r})"
    if isinstance(value, typing.NewType):
        return f"(type {getattr(value, '__name__', '')})"
    if type(value).__module__ == "typing" and hasattr(value, "_name"):
        return f"(typing {value._name})"
    return None


def _zone(value: zoneinfo.ZoneInfo) -> str:
    return ascii(value.key) if value.key else "without a key"


def _decimal(value: decimal.Decimal) -> str:
    sign, digits, exponent = value.as_tuple()
    return f"{sign} {''.join(map(str, digits))} {exponent}"


_TEXTS: dict[type, Callable[[typing.Any], str]] = {
    decimal.Decimal: _decimal,
    fractions.Fraction: str,
    uuid.UUID: str,
    datetime.date: datetime.date.isoformat,
    zoneinfo.ZoneInfo: _zone,
    bytearray: lambda v: repr(bytes(v)),
    range: repr,
    types.EllipsisType: repr,
    types.NotImplementedType: repr,
    **dict.fromkeys(_ADDRESSES, str),
}
_PARTS: dict[type, Callable[[typing.Any], Iterable[object]]] = {
    **dict.fromkeys((list, tuple, collections.deque), iter),
    collections.defaultdict: lambda v: (v.default_factory, dict(v)),
    datetime.datetime: lambda v: (v.replace(tzinfo=None).isoformat(), v.fold, v.tzinfo),
    datetime.time: lambda v: (v.replace(tzinfo=None).isoformat(), v.fold, v.tzinfo),
    datetime.timedelta: lambda v: (v.days, v.seconds, v.microseconds),
    datetime.timezone: lambda v: (v.utcoffset(None), v.tzname(None)),
    re.Pattern: lambda v: (v.pattern, v.flags),
    slice: lambda v: (v.start, v.stop, v.step),
    array.array: lambda v: (v.typecode, v.tolist()),
    partial: lambda v: (v.func, v.args, v.keywords),
    partialmethod: lambda v: (v.func, v.args, v.keywords),
    singledispatchmethod: lambda v: (v.func, frozenset(v.dispatcher.registry.items())),
    operator.attrgetter: lambda v: v.__reduce__()[1],
    operator.itemgetter: lambda v: v.__reduce__()[1],
    operator.methodcaller: lambda v: (v.__reduce__(),),
    types.SimpleNamespace: lambda v: (vars(v),),
    types.MethodType: lambda v: (v.__func__, v.__self__),
    collections.ChainMap: lambda v: v.maps,
    string.Template: lambda v: (v.template,),
}


def path_text(value: PurePath) -> str:
    """A path as it is written."""
    return f"(path {str(value)!a})"
