"""The source text that a piece of code was loaded from."""

from __future__ import annotations

import ast
import linecache
import sys
import sysconfig
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import decode_source
from pathlib import Path
from types import CodeType, FunctionType

from watermain.engine.code.scope import FUNCTIONS, Imported, brought

OWN = __name__.partition(".")[0]
NAMELESS = "<string>"  # whatever was handed to `exec`; since Python 3.13 also the text of `-c`
_OF_OTHERS = {"site-packages", "dist-packages"}
# Filters of warnings belong to all threads, and before Python 3.11.4 so does the depth of a tree.
_ONE_AT_A_TIME = threading.Lock()
_LIBRARY = tuple(
    str(Path(path).resolve()) + "/"
    for name, path in sysconfig.get_paths().items()
    if name in ("stdlib", "platstdlib")
)


class UnreadableSourceError(Exception):
    """Report code whose text cannot be had, or is another than what was loaded."""


@dataclass(kw_only=True)
class SourceText:
    """The text of one module: its tree, its functions and its import statements."""

    text: str
    filename: str
    tree: ast.Module
    functions: dict[tuple[str, int], list[ast.AST]] = field(default_factory=dict)
    imports: dict[str, list[Imported]] = field(default_factory=dict)
    _codes: dict[tuple[str, int], list[CodeType]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, filename: str) -> SourceText:
        """Read a module's text."""
        with _quietly():
            source = cls(text=text, filename=filename, tree=ast.parse(text))
        for node in ast.walk(source.tree):
            if isinstance(node, FUNCTIONS):
                lines = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]
                name = getattr(node, "name", "<lambda>")
                source.functions.setdefault((name, min(lines)), []).append(node)
        for statement in _of_module(source.tree.body):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                for name, imported in brought(statement):
                    source.imports.setdefault(name, []).append(imported)
        return source

    def node_of(self, code: CodeType) -> ast.AST:
        """The definition that a function's code was compiled from.

        Raises: UnreadableSourceError, when the text has changed since it was loaded.
        """
        found = self.functions.get((code.co_name, code.co_firstlineno), [])
        if not found or not self._compiles_to(code, found):
            raise UnreadableSourceError("has another source text now than when it was loaded")
        if len(found) > 1:
            found = [node for node in found if _holds(node, code)]
            if len({ast.dump(node) for node in found}) != 1:
                raise UnreadableSourceError("shares its line with another lambda")
        return found[0]

    def _compiles_to(self, code: CodeType, found: list[ast.AST]) -> bool:
        """Whether the text still is what was loaded; a rewritten `assert` is nobody's change."""
        if not self._codes:
            with _quietly():
                whole = compile(self.text, self.filename, "exec", dont_inherit=True)
            for each in _codes(whole):
                self._codes.setdefault((each.co_name, each.co_firstlineno), []).append(each)
        standing = self._codes.get((code.co_name, code.co_firstlineno), [])
        if any(each == code for each in standing):
            return True
        return any(isinstance(n, ast.Assert) for node in found for n in ast.walk(node))


def source_of(function: FunctionType) -> SourceText:
    """The text of the module that a function was loaded from.

    Raises: UnreadableSourceError, when there is none.
    """
    filename = function.__code__.co_filename
    try:
        stat = Path(filename).stat()
    except (OSError, ValueError):
        lines = []
        if filename != NAMELESS:
            lines = linecache.getlines(filename, function.__globals__)
        if not lines:
            raise UnreadableSourceError("has no source text") from None
        return _read("".join(lines), filename)
    return _from_file(filename, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _from_file(filename: str, _changed_at: int, _size: int) -> SourceText:
    return _read(decode_source(Path(filename).read_bytes()), filename)


@lru_cache(maxsize=256)
def _read(text: str, filename: str) -> SourceText:
    try:
        return SourceText.of(text, filename)
    except (SyntaxError, ValueError) as error:
        raise UnreadableSourceError(f"has a source text that does not parse: {error}") from error


@lru_cache(maxsize=4096)
def is_ours(name: str, filename: str | None) -> bool:
    """Whether a module is of this project, and neither of Python nor of a library."""
    top = name.partition(".")[0]
    if top == OWN:
        return True
    if filename is None or top in sys.stdlib_module_names:
        return False
    path = Path(filename)
    return not _OF_OTHERS & set(path.parts) and not str(path.resolve()).startswith(_LIBRARY)


@contextmanager
def _quietly() -> Iterator[None]:
    """Leave warnings out that were told when the module was loaded; one thread at a time."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _of_module(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under conditions among them."""
    for statement in body:
        yield statement
        for name in ("body", "orelse", "finalbody", "handlers"):
            if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
                yield from _of_module(getattr(statement, name, []))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _holds(node: ast.AST, code: CodeType) -> bool:
    """Whether the instructions of a lambda's code stand in its body."""
    body: ast.expr = node.body  # type: ignore[attr-defined]
    first = (body.lineno, body.col_offset)
    last = (body.end_lineno or 0, body.end_col_offset or 0)
    spans = [
        ((line, column), (end_line or 0, end_column or 0))
        for line, end_line, column, end_column in code.co_positions()
        if line is not None and column is not None and (end_line, end_column) != (line, column)
    ]
    inside = [first <= begin and end <= last for begin, end in spans]
    return bool(inside) and all(inside) and (first, last) in spans
