"""Everything that decides what a function does, followed from name to name."""

from __future__ import annotations

import ast
import enum
import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import PurePath
from types import CodeType, FunctionType, ModuleType
from typing import Any

from watermain.engine.code import reach
from watermain.engine.code.instance import (
    OpaqueError,
    state,
    static,
    told_enum,
    told_instance,
    told_value,
)
from watermain.engine.code.plain_value import named, path_text, plain, short
from watermain.engine.code.reach import ModuleName, UnfollowedError, is_ours_of, where
from watermain.engine.code.shape import behaves, members
from watermain.engine.code.source_text import OWN, UnreadableSourceError, source_of
from watermain.engine.code.syntax import Piece, Reached, written

Teller = Callable[[object, Callable[[object], str]], str | None]
WORDS = f"{OWN}.declare"
_CHANGEABLE = (list, dict, set, bytearray)
_PIECES: dict[tuple[int, bool], tuple[CodeType, tuple[Piece, ...]]] = {}


class Meaning:
    """One walk from a function over all that it reaches.

    Guarantees: names of functions and modules do not count, but what they stand for does; the
    order of sets, addresses and the interpreter do not count.
    Shapes: `tellers` tell the values of libraries; the first that knows a value is right.
    Raises: UnfollowedError, naming what cannot be followed.
    """

    def __init__(self, tellers: Sequence[Teller] = ()) -> None:
        self._tellers = tuple(tellers)
        self._numbers: dict[int, int] = {}
        self._waiting: list[object] = []
        self._short: dict[int, tuple[object, str]] = {}
        self._open: list[int] = []
        self._path: list[str] = []

    def of(self, value: object) -> str:
        """The digest of a value, most often a function."""
        told = sha256(self.tell(value).encode())
        done = 0
        while done < len(self._waiting):
            waiting = self._waiting[done]
            done += 1
            text = self._class(waiting) if isinstance(waiting, type) else self._function(waiting)
            told.update(f"\0#{done}\0{text}".encode())
        return told.hexdigest()

    def tell(self, value: object) -> str:
        """A value as text; functions and classes of the project by the number of their turn."""
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, type):
            return self._kind(value)
        if id(value) in self._short:
            return self._short[id(value)][1]
        if id(value) in self._open:
            return f"(around {len(self._open) - self._open.index(id(value))})"
        self._open.append(id(value))
        try:
            text = short(self._value(value))
        except RecursionError as error:
            raise self._refusal("is nested too deeply", "make it flatter") from error
        finally:
            self._open.pop()
        self._short[id(value)] = (value, text)
        return text

    def _value(self, value: object) -> str:
        ways: tuple[Teller, ...] = (*self._tellers, self._unordered, plain, self._callable, _quiet)
        try:
            told = next((t for way in ways if (t := way(value, self.tell)) is not None), None)
            return self._instance(value) if told is None else told
        except OpaqueError as error:
            raise self._refusal(
                f"is a {error}, which does not say what it is made of",
                "make it a constant of plain values, or take it as an input",
            ) from error

    def _instance(self, value: object) -> str:
        kind = type(value)
        if isinstance(value, enum.Enum):
            own = is_ours_of(kind) and behaves(kind)
            return told_enum(value, self._kind(kind) if own else kind.__name__, self.tell)
        if is_ours_of(kind):
            return told_instance(value, self._kind(kind), self.tell)
        return told_value(value, self.tell)

    def _unordered(self, value: Any, _tell: object = None) -> str | None:
        """A set: each of its members for itself, in the order of what they mean."""
        if type(value) not in (set, frozenset):
            return None
        found = []
        for member in value:
            inner = Meaning(self._tellers)
            inner._open, inner._path = self._open, self._path
            found.append(inner.of(member))
        return f"({type(value).__name__} {' '.join(sorted(found))})"

    def _module(self, value: ModuleType) -> str:
        if is_ours_of(value):
            raise self._refusal(
                "is a module, used as a value", "take what is needed of it, as `module.name`"
            )
        return f"(library {value.__name__})"

    def _kind(self, kind: type) -> str:
        if kind.__module__.startswith(WORDS) or not is_ours_of(kind):
            return f"(library {named(kind)})"
        return self._turn(kind)

    def _turn(self, value: object) -> str:
        if id(value) not in self._numbers:
            self._waiting.append(value)
            self._numbers[id(value)] = len(self._waiting)
        return f"#{self._numbers[id(value)]}"

    def _callable(self, value: Any, _tell: object = None) -> str | None:
        if isinstance(value, FunctionType) and is_ours_of(value):
            return self._turn(value)
        if not callable(value) or is_ours_of(type(value)):
            return None
        if reach.is_of_library(value):
            reach.refuse_names(named(value), self._refusal)
            return f"(library {named(value)})"
        if getattr(value, "__wrapped__", None) is not None:
            return self._wrapped(value)
        return self._routine(value)

    def _routine(self, value: Any) -> str | None:
        if isinstance(value, FunctionType):
            return self._made_by_library(value)
        if inspect.isbuiltin(value):
            return f"(method {value.__name__} {self.tell(value.__self__)})"
        return f"(library {named(value)})" if inspect.isroutine(value) else None

    def _made_by_library(self, value: FunctionType) -> str:
        """A function that a library made on the way: what that gave it."""
        given = (reach.cells(value), value.__defaults__, value.__kwdefaults__)
        return f"(library {value.__code__.co_qualname} {self.tell(given)})"

    def _wrapped(self, value: Any) -> str:
        """What a library wrapped around a function: that, and the words that it was wrapped by."""
        code = getattr(value, "__code__", None)
        around = named(type(value)) if code is None else code.co_qualname
        first = inspect.unwrap(value)
        if isinstance(first, FunctionType) and is_ours_of(first):
            words = self._joined(first, self._pieces(first, decorated=True))
        else:
            words = (
                "" if code is None or reach.is_own_matter(value) else self._made_by_library(value)
            )
        registry = getattr(value, "registry", None)
        others = "" if registry is None else self.tell(frozenset(registry.items()))
        return f"(wrapped {around} {self.tell(value.__wrapped__)} {short(words)} {others})"

    def _function(self, value: Any) -> str:
        with reach.on(self._path, f"`{value.__qualname__}`{where(value.__code__)}"):
            defaults = self.tell((value.__defaults__, value.__kwdefaults__))
            return f"{defaults} {self._joined(value, self._pieces(value))}"

    def _pieces(self, function: FunctionType, *, decorated: bool = False) -> tuple[Piece, ...]:
        code = function.__code__
        known = _PIECES.get((id(code), decorated))
        if known is None:
            try:
                node = source_of(function).node_of(code)
            except UnreadableSourceError as error:
                raise self._refusal(str(error), "write it in a file, then start again") from error
            around = list(self._decorators(function, node)) if decorated else None
            known = _PIECES[id(code), decorated] = (code, written(node, around))
        return known[1]

    def _decorators(self, function: FunctionType, node: ast.AST) -> Iterator[ast.expr]:
        """The decorators of a function, but for the words that declare a dataset."""
        for each in getattr(node, "decorator_list", []):
            root = each.func if isinstance(each, ast.Call) else each
            names = ast.unparse(root).split(".")
            found: Any = function.__globals__.get(names[0])
            for name in names[1:]:
                found = getattr(found, name, None)
            if not str(getattr(found, "__module__", "")).startswith(WORDS):
                yield each

    def _joined(self, function: FunctionType, pieces: tuple[Piece, ...]) -> str:
        names = ModuleName(function, self._refusal)
        return "".join(p if isinstance(p, str) else self._reached(p, names) for p in pieces)

    def _reached(self, piece: Reached, names: ModuleName) -> str:
        place = f"`{'.'.join(piece.names)}`{where(names.code, piece.line)}"
        with reach.on(self._path, place):
            return "".join(self._found(f, piece) for f in names.found(piece))

    def _found(self, found: reach.Found, piece: Reached) -> str:
        if isinstance(found, str):
            return found
        value, rest = self._inward(found.value, list(found.rest))
        if piece.how == "stored" or (piece.how == "changed" and isinstance(value, _CHANGEABLE)):
            raise self._refusal("is changed while it runs", "return what changes instead")
        if piece.how == "changed":
            return ""
        if piece.how == "imported" and isinstance(value, ModuleType):
            return "(module)" if is_ours_of(value) else f"(library {value.__name__})"
        if piece.how == "told" and (
            isinstance(value, ModuleType) or type(value).__module__.startswith(WORDS)
        ):
            return ""
        return self.tell(value) + "".join(f".{name}" for name in rest)

    def _inward(self, value: Any, rest: list[str]) -> tuple[Any, list[str]]:
        """The value that attributes lead to, as far as these are data; and what is left of them."""
        while rest:
            name = rest[0]
            if isinstance(value, FunctionType) and name in vars(value) and is_ours_of(value):
                value = vars(value)[name]
            elif isinstance(value, enum.EnumMeta) and name in value.__members__:
                value = value.__members__[name]
            elif isinstance(value, type) and is_ours_of(value):
                held = static(value, name)
                if isinstance(held, staticmethod):
                    held = held.__func__
                elif held is None or callable(held) or hasattr(type(held), "__get__"):
                    break
                value = held
            elif is_ours_of(type(value)) and name in (held := state(value)):
                if hasattr(static(type(value), name), "__set__") and not _is_slot(value, name):
                    break
                value = held[name]
            else:
                break
            rest = rest[1:]
        return value, rest

    def _class(self, kind: type) -> str:
        with reach.on(self._path, f"class `{kind.__qualname__}`"):
            bases = " ".join(self.tell(b) for b in kind.__bases__)
            parts = [f"{name}={self._member(held)}" for name, held in members(kind)]
            return f"(class {self.tell(type(kind))} {bases} {' '.join(parts)})"

    def _member(self, held: Any) -> str:
        if isinstance(held, property):
            return f"(property {self.tell((held.fget, held.fset, held.fdel))})"
        if isinstance(held, classmethod | staticmethod):
            return f"({type(held).__name__} {self.tell(held.__func__)})"
        if isinstance(held, cached_property):
            return f"(property {self.tell(held.func)})"
        return self.tell(held)

    def _refusal(self, why: str, next_step: str) -> UnfollowedError:
        return UnfollowedError(self._path, why, next_step)


def _quiet(value: object, tell: object) -> str | None:
    """What decides nothing but where, or how, something is told."""
    if isinstance(value, PurePath):
        return path_text(value)
    return "(log)" if isinstance(value, logging.Logger | logging.LoggerAdapter) else None


def _is_slot(value: object, name: str) -> bool:
    return inspect.ismemberdescriptor(static(type(value), name))
