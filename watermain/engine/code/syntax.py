"""A piece of code as it is written, told the same by every Python."""

from __future__ import annotations

import ast
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from watermain.engine.code.literal import constant
from watermain.engine.code.scope import (
    COMPREHENSIONS,
    FUNCTIONS,
    Imported,
    Scope,
    brought,
    parameters,
    scope_of,
)

# What says nothing of what a program does, or is told by other fields.
_SILENT = {"ctx", "type_comment", "type_params", "kind", "annotation", "returns", "simple"}
_ASKS_BY_NAME = {"query", "eval", "sql", "execute", "register_globals", "from_query"}
_CHANGES = {
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "add", "discard"),
    *("update", "setdefault", "popitem", "appendleft", "popleft", "extendleft", "subtract"),
    *("intersection_update", "difference_update", "symmetric_difference_update", "move_to_end"),
}
_STACK, _DEPTH = 512 * 1024 * 1024, 50_000
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Reached:
    """A name that the code does not bind itself, and the attributes taken of it.

    Shapes: `imported` lists what the code itself imported under the name. `how` is "read";
    "imported"; "stored", where an attribute or an item of it is set; "changed", where a method is
    called that changes containers; "told", of a word in a text that a library may look up;
    or "file", of a call that reads one.
    """

    names: tuple[str, ...]
    line: int
    imported: tuple[Imported, ...] = ()
    how: str = "read"


Piece = str | Reached


def written(node: ast.AST, decorators: Sequence[ast.expr] | None = None) -> tuple[Piece, ...]:
    """What a function or a lambda does, in pieces; its own name is left out.

    Guarantees: layout, comments, docstrings and annotations do not count, nor does the Python that
    parsed it. Its defaults are left out, for they may be changed after it was made.
    Shapes: `decorators` are those that a library wrapped it by, which may read annotations, so
    that these count then.
    """
    try:
        return _written(node, decorators)
    except RecursionError:
        return _deeply(lambda: _written(node, decorators))


def _written(node: ast.AST, decorators: Sequence[ast.expr] | None) -> tuple[Piece, ...]:
    writer = _Writer(typed=decorators is not None)
    writer.root(node, decorators or ())
    return tuple(writer.pieces)


def _deeply(act: Callable[[], tuple[Piece, ...]]) -> tuple[Piece, ...]:
    """Do what calls itself as deep as an expression is nested: a sum of a thousand terms is."""
    limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK)
    sys.setrecursionlimit(max(limit, _DEPTH))
    try:
        with ThreadPoolExecutor(1) as beside:
            return beside.submit(act).result()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)


class _Writer:
    """Writes a tree down in pieces."""

    def __init__(self, *, typed: bool) -> None:
        self.pieces: list[Piece] = []
        self._scopes: list[Scope] = []
        self._typed = typed

    def root(self, node: ast.AST, decorators: Sequence[ast.expr]) -> None:
        """Write a function down, as one that nothing stands around."""
        if decorators:
            self._many("decorators", decorators)
        self._say(f"({_kind(node)}")
        self._scopes.append(scope_of(node))
        self._signature(node.args)  # type: ignore[attr-defined]
        self._types(node)
        self._body(node)
        self._say(")")
        if any(_asks_by_name(n) for n in ast.walk(node)):
            self._words(node)

    def tell(self, node: ast.AST) -> None:
        """Write one node and what lies in it."""
        if isinstance(node, ast.Name | ast.Attribute):
            self._chain(node)
        elif isinstance(node, ast.Constant):
            self._say(constant(node.value))
        elif isinstance(node, ast.JoinedStr):
            self._joined(node)
        elif isinstance(node, FUNCTIONS):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            self._class(node)
        elif isinstance(node, COMPREHENSIONS):
            self._comprehension(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        elif isinstance(node, ast.AnnAssign):
            self._annotated(node)
        elif isinstance(node, ast.Call):
            self._call(node)
        else:
            self._plain(node)

    def _say(self, text: str) -> None:
        self.pieces.append(text)

    def _plain(self, node: ast.AST) -> None:
        self._say(f"({type(node).__name__}")
        self._stored(node)
        for name in node._fields:
            value = getattr(node, name, None)
            if name not in _SILENT and value is not None and value != []:
                self._field(name, value)
        self._say(")")

    def _field(self, name: str, value: object) -> None:
        if isinstance(value, list):
            found = statements(value) if name in ("body", "orelse", "finalbody") else value
            self._many(name, found)
        elif isinstance(value, ast.AST):
            self._say(f" {name}=")
            self.tell(value)
        else:
            self._say(f" {name}={constant(value)}")

    def _many(self, name: str, values: Iterable[object]) -> None:
        self._say(f" {name}=[")
        for value in values:
            if isinstance(value, ast.AST):
                self.tell(value)
            else:
                self._say(constant(value))
            self._say(",")
        self._say("]")

    def _chain(self, node: ast.Name | ast.Attribute) -> None:
        names, root = _names(node)
        if root is None:
            self._say("(Attribute ")
            self.tell(node.value)  # type: ignore[union-attr]
            self._say(f" {node.attr})")  # type: ignore[union-attr]
            return
        self._reach(names, node.lineno, "read" if isinstance(node.ctx, ast.Load) else "stored")

    def _reach(self, names: tuple[str, ...], line: int, how: str) -> None:
        is_own, imported = self._found(names[0])
        if is_own and not imported:
            self._say(f"(own {'.'.join(names)})")
            return
        if how == "stored" and len(names) == 1 and is_own:
            self._say(f"(own {names[0]})")
            return
        if how == "stored" and len(names) > 1:
            self.pieces.append(Reached(names[:-1], line, imported, "stored"))
            self._say(f".{names[-1]}")
            return
        self.pieces.append(Reached(names, line, imported, how))

    def _found(self, name: str) -> tuple[bool, tuple[Imported, ...]]:
        """Whether the code binds a name itself; what it imported under it."""
        for depth, scope in enumerate(reversed(self._scopes)):
            if scope.is_class and depth:
                continue
            if name in scope.of_module:
                return False, ()
            if name in scope.names:
                return True, tuple(scope.imports.get(name, ()))
        return False, ()

    def _stored(self, node: ast.AST) -> None:
        """Tell where an item of something outside is set or deleted."""
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            self._changed(node.value, "stored")

    def _changed(self, node: ast.expr, how: str) -> None:
        names, root = _names(node) if isinstance(node, ast.Name | ast.Attribute) else ((), None)
        if root is not None and not self._found(names[0])[0]:
            self.pieces.append(Reached(names, node.lineno, (), how))

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in _CHANGES:
                self._changed(node.func.value, "changed")
            if _reads_a_file(node, node.func.attr):
                self.pieces.append(Reached((node.func.attr,), node.lineno, (), "file"))
        taken = _taken(node)
        if taken is not None and not self._found("getattr")[0]:
            self._chain(taken)
            self._many("or", node.args[2:])
            return
        self._plain(node)

    def _joined(self, node: ast.JoinedStr) -> None:
        self._say("(text")
        held = ""
        for part in _parts(node):
            if isinstance(part, str):
                held += part
                continue
            self._say(constant(held) if held else "")
            held = ""
            self._say(f"(shown {part.conversion} ")
            self.tell(part.value)
            spec = part.format_spec
            if isinstance(spec, ast.JoinedStr) and any(_parts(spec)):
                self.tell(spec)
            self._say(")")
        self._say((constant(held) if held else "") + ")")

    def _function(self, node: ast.AST) -> None:
        self._many("decorators", getattr(node, "decorator_list", []))
        self._say(f"({_kind(node)} {getattr(node, 'name', '')}")
        given: ast.arguments = node.args  # type: ignore[attr-defined]
        self._many("defaults", given.defaults)
        self._many("kw_defaults", given.kw_defaults)
        self._types(node)
        self._scopes.append(scope_of(node))
        self._signature(given)
        self._body(node)
        self._say(")")
        self._scopes.pop()

    def _signature(self, given: ast.arguments) -> None:
        kinds = [
            *("/" + a.arg for a in given.posonlyargs),
            *(a.arg for a in given.args),
            *("=" + a.arg for a in given.kwonlyargs),
            "*" + given.vararg.arg if given.vararg else "",
            "**" + given.kwarg.arg if given.kwarg else "",
        ]
        self._say(f" takes {' '.join(kinds)}")

    def _types(self, node: ast.AST) -> None:
        if not self._typed or isinstance(node, ast.Lambda):
            return
        for each in parameters(node.args):  # type: ignore[attr-defined]
            if each.annotation is not None:
                self._say(f" {each.arg}:")
                self.tell(each.annotation)
        if getattr(node, "returns", None) is not None:
            self._say(" returns:")
            self.tell(node.returns)  # type: ignore[attr-defined]

    def _body(self, node: ast.AST) -> None:
        body = node.body  # type: ignore[attr-defined]
        self._many("does", statements(body) if isinstance(body, list) else [body])

    def _class(self, node: ast.ClassDef) -> None:
        self._many("decorators", node.decorator_list)
        self._say(f"(class {node.name}")
        self._many("bases", node.bases)
        self._many("keywords", node.keywords)
        self._scopes.append(scope_of(node))
        self._many("does", statements(node.body, of_class=True))
        self._scopes.pop()
        self._say(")")

    def _comprehension(self, node: ast.AST) -> None:
        self._say("(over ")
        self.tell(node.generators[0].iter)  # type: ignore[attr-defined]  # evaluated outside
        self._say(")")
        self._scopes.append(scope_of(node))
        self._plain(node)
        self._scopes.pop()

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        self._say("(import")
        for name, imported in brought(node):
            self.pieces.append(Reached((name,), node.lineno, (imported,), "imported"))
        for alias in node.names if isinstance(node, ast.Import) else ():
            whole = Imported(alias.name, "", 0)
            self.pieces.append(Reached((alias.name,), node.lineno, (whole,), "imported"))
        self._say(")")

    def _annotated(self, node: ast.AnnAssign) -> None:
        """An assignment: what its annotation says counts in the body of a class alone."""
        in_class = bool(self._scopes) and self._scopes[-1].is_class
        if in_class or self._typed:
            self._say("(typed ")
            self.tell(node.annotation)
            self._say(")")
        if node.value is None and not in_class:
            return
        self._say("(Assign targets=[")
        self.tell(node.target)
        self._say(",] value=")
        if node.value is not None:
            self.tell(node.value)
        self._say(")")

    def _words(self, node: ast.AST) -> None:
        """Names that stand in texts, for a library may look them up by name."""
        texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
        words = {w for t in texts if isinstance(t, str) for w in _WORD.findall(t)}
        for word in sorted(words):
            if not self._found(word)[0]:
                self.pieces.append(Reached((word,), getattr(node, "lineno", 0), (), "told"))


def statements(body: list[ast.stmt], *, of_class: bool = False) -> list[ast.stmt]:
    """Statements without those that do nothing: docstrings, texts by themselves and `pass`."""
    return [
        s
        for s in body
        if not isinstance(s, ast.Pass)
        and not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        and not (isinstance(s, ast.AnnAssign) and s.value is None and not of_class)
    ]


def _names(node: ast.expr) -> tuple[tuple[str, ...], ast.Name | None]:
    """The names of `a.b.c`; no root where that begins with anything but a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return (), None
    return (node.id, *reversed(names)), node


def _parts(node: ast.JoinedStr) -> Iterator[str | ast.FormattedValue]:
    for part in node.values:
        if isinstance(part, ast.Constant):
            yield str(part.value)
        elif isinstance(part, ast.JoinedStr):
            yield from _parts(part)
        elif isinstance(part, ast.FormattedValue):
            yield part


def _kind(node: ast.AST) -> str:
    return "async" if isinstance(node, ast.AsyncFunctionDef) else "function"


def _taken(node: ast.Call) -> ast.Attribute | None:
    """`getattr(a, "b")` as `a.b`, with or without what is taken in its stead."""
    asked = node.func, node.args, node.keywords
    match asked:
        case (
            ast.Name(id="getattr"),
            [ast.Name() | ast.Attribute() as of, ast.Constant(value=str(name)), *_],
            [],
        ) if name.isidentifier():
            found = ast.Attribute(value=of, attr=name, ctx=ast.Load())
            return ast.copy_location(found, node)
    return None


def _reads_a_file(node: ast.Call, name: str) -> bool:
    if name in ("read_text", "read_bytes"):
        return True
    named = node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    return bool(named) and name.startswith(("read_", "scan_"))


def _asks_by_name(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _ASKS_BY_NAME
    )
