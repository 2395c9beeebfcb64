"""What the names in a function stand for."""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from watermain.engine.code.scope import Imported
from watermain.engine.code.source_text import UnreadableSourceError, is_ours, source_of
from watermain.engine.code.syntax import Reached

_NOTHING = object()
_CONNECTS = ("connect", "from_connection", "urlopen", "create_engine")
# What looks names up, or reads what no version can cover, and what to do instead.
_REFUSED = {
    **dict.fromkeys(
        ("globals", "locals", "vars", "eval", "exec", "compile", "__import__"),
        ("looks names up while it runs", "write the names out"),
    ),
    **dict.fromkeys(
        ("open", "input", "io.open", "io.FileIO", "os.open", "os.listdir", "os.scandir"),
        ("reads what lies outside", "declare it as a raw dataset, or as a constant"),
    ),
    **dict.fromkeys(
        ("os.environ", "os.environb", "os.getenv", "os.getenvb", "sys.argv"),
        ("reads the environment", "read it where the module is loaded, as a constant"),
    ),
    **dict.fromkeys(
        ("sys.modules", "sys._getframe", "importlib.import_module", "inspect.currentframe"),
        ("looks code up while it runs", "import it by its name"),
    ),
}
Refusal = Callable[[str, str], "UnfollowedError"]


class UnfollowedError(Exception):
    """Report what a version cannot cover: the way to it, why, and what to do."""

    def __init__(self, path: list[str], why: str, next_step: str) -> None:
        self.path, self.why, self.next = tuple(path), why, next_step
        self.what = f"{path[-1] if path else 'the body'} {why}"
        super().__init__(self.what)


@dataclass(frozen=True)
class Value:
    """What a name stands for, and the attributes that are taken of it."""

    value: Any
    rest: tuple[str, ...] = ()


Found = Value | str


class ModuleName:
    """Looks up the names that a function does not bind itself."""

    def __init__(self, function: FunctionType, refusal: Refusal) -> None:
        self.code = function.__code__
        self._function, self._refusal = function, refusal
        self._cells = cells(function)

    def found(self, piece: Reached) -> Iterator[Found]:
        """What a name stands for: a value of this project, or the name of what a library has."""
        if piece.how == "file":
            raise self._refusal("reads a file", "declare it as a raw dataset, or as a constant")
        for imported in piece.imported:
            yield from self._of_import(imported, piece)
        if piece.imported:
            return
        root, rest = piece.names[0], piece.names[1:]
        value = self._root(root)
        if value is _NOTHING:
            if piece.how == "told":
                return
            yield f"(unbound {'.'.join(piece.names)})"
        elif root not in self._cells and (library := self._of_library(root, value)):
            yield from self._library((*library, *rest), piece)
        else:
            yield from self._deeper(value, rest, piece)

    def _root(self, name: str) -> Any:
        if name in self._cells:
            return self._cells[name]
        known = self._function.__globals__
        return known[name] if name in known else getattr(builtins, name, _NOTHING)

    def _of_library(self, name: str, value: Any) -> tuple[str, ...]:
        """By what name the module imported something of a library, where it still is that."""
        known = self._function.__globals__
        if name not in known:
            is_built_in = getattr(builtins, name, _NOTHING) is value
            return (name,) if is_built_in and not isinstance(value, ModuleType) else ()
        try:
            imports = source_of(self._function).imports.get(name, [])
        except UnreadableSourceError:
            return ()
        for module, attribute, level in imports:
            if level == 0 and attribute and not is_ours(module, _file(sys.modules.get(module))):
                held = getattr(sys.modules.get(module), attribute, _NOTHING)
                if held is value and not isinstance(value, ModuleType):
                    return (*module.split("."), attribute)
        return ()

    def _of_import(self, imported: Imported, piece: Reached) -> Iterator[Found]:
        name, attribute, level = imported
        rest = () if piece.how == "imported" else piece.names[1:]
        package = str(self._function.__globals__.get("__package__") or "")
        try:
            whole = importlib.util.resolve_name("." * level + name, package) if level else name
        except ImportError as error:
            raise self._refusal("is imported from nowhere", "import it by its full name") from error
        if not is_ours(whole, _spec_file(whole)):
            names = (*whole.split("."), *((attribute,) if attribute else ()), *rest)
            yield from self._library(names, piece)
            return
        value: Any = self._module(whole)
        if attribute:
            value = self._attribute(value, attribute)
        yield from self._deeper(value, rest, piece)

    def _library(self, names: tuple[str, ...], piece: Reached) -> Iterator[Found]:
        if piece.how == "told":
            return
        text = ".".join(names)
        refuse_names(text, self._refusal)
        yield f"(library {text})"

    def _deeper(self, value: Any, rest: tuple[str, ...], piece: Reached) -> Iterator[Found]:
        while rest and isinstance(value, ModuleType):
            if not is_ours_of(value):
                yield from self._library((*value.__name__.split("."), *rest), piece)
                return
            value, rest = self._attribute(value, rest[0]), rest[1:]
        yield Value(value, rest)

    def _attribute(self, module: ModuleType, name: str) -> Any:
        if name in ("__dict__", "__getattr__"):
            raise self._refusal("looks names up while it runs", "write the names out")
        found = getattr(module, name, _NOTHING)
        return self._module(f"{module.__name__}.{name}") if found is _NOTHING else found

    def _module(self, name: str) -> ModuleType:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise self._refusal(f"is not to be had: {error}", "import what there is") from error


def cells(function: FunctionType) -> dict[str, Any]:
    """What a function holds of the functions around it."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def refuse_names(name: str, refusal: Refusal) -> None:
    """Refuse a function of Python or a library that no version can cover.

    Raises: UnfollowedError.
    """
    plain = name.removeprefix("builtins.")
    for known, (why, next_step) in _REFUSED.items():
        if plain == known or ("." in known and plain.startswith(known + ".")):
            raise refusal(why, next_step)
    if "." in plain and plain.rpartition(".")[2] in _CONNECTS:
        raise refusal("opens a connection", "declare what it reads as a raw dataset")


def is_ours_of(value: Any) -> bool:
    """Whether a module, a function or a class is of this project."""
    if isinstance(value, ModuleType):
        return is_ours(value.__name__, _file(value))
    if isinstance(value, FunctionType):
        name = str(value.__globals__.get("__name__", ""))
        return is_ours(name, value.__globals__.get("__file__") or value.__code__.co_filename)
    name = str(getattr(value, "__module__", ""))
    return is_ours(name, _file(sys.modules.get(name)))


def is_of_library(value: Any) -> bool:
    """Whether a function stands in a library, or in Python, under the name that it has."""
    name = getattr(value, "__module__", None) or getattr(
        getattr(value, "__objclass__", None), "__module__", None
    )
    module = sys.modules.get(str(name))
    if module is None or is_ours_of(module):
        return False
    found: Any = module
    for part in str(getattr(value, "__qualname__", "")).split("."):
        found = getattr(found, part, None)
    return found is value


def is_own_matter(value: Any) -> bool:
    """Whether a library wrapped a function of its own, whatever for."""
    inner = getattr(value.__wrapped__, "__globals__", {})
    tops = [str(g.get("__name__")).partition(".")[0] for g in (value.__globals__, inner)]
    return tops[0] == tops[1]


def where(code: CodeType, line: int = 0) -> str:
    """Where code stands, as people read it."""
    return f" ({code.co_filename}:{line or code.co_firstlineno})"


@contextmanager
def on(path: list[str], place: str) -> Iterator[None]:
    """Remember the way for the block."""
    path.append(place)
    yield
    path.pop()


def _file(module: ModuleType | None) -> str | None:
    if module is None:
        return None
    found = getattr(module, "__file__", None)
    if found is None:
        found = next(iter(getattr(module, "__path__", [])), None)
    return found


def _spec_file(name: str) -> str | None:
    if name in sys.modules:
        return _file(sys.modules[name])
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None
