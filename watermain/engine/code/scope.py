"""The names that a piece of code binds itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OWN = (*FUNCTIONS, ast.ClassDef, *COMPREHENSIONS)


class Imported(NamedTuple):
    """What an import statement names; `attribute` is empty where that is a module."""

    module: str
    attribute: str
    level: int


@dataclass(kw_only=True)
class Scope:
    """The names of one function, class or comprehension, as Python's own rules bind them."""

    names: set[str] = field(default_factory=set)
    imports: dict[str, list[Imported]] = field(default_factory=dict)
    of_module: set[str] = field(default_factory=set)
    of_function: set[str] = field(default_factory=set)
    is_class: bool = False

    def add(self, node: ast.AST) -> None:
        """Take in what one node binds."""
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            self.names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self.names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name, imported in brought(node):
                self.names.add(name)
                self.imports.setdefault(name, []).append(imported)
        elif isinstance(node, ast.Global):
            self.of_module.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            self.of_function.update(node.names)
        else:
            for attribute in ("name", "rest"):  # of handlers and of patterns
                bound = getattr(node, attribute, None)
                if isinstance(bound, str) and not isinstance(node, ast.alias):
                    self.names.add(bound)

    def done(self) -> Scope:
        """The same, without the names that the code says lie outside."""
        self.names -= self.of_module | self.of_function
        return self


def brought(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Imported]]:
    """Each name that an import statement binds, and what it stands for."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield (
                alias.asname or alias.name,
                Imported(node.module or "", alias.name, node.level),
            )
        elif alias.asname:
            yield alias.asname, Imported(alias.name, "", 0)
        else:
            top = alias.name.partition(".")[0]
            yield top, Imported(top, "", 0)


def scope_of(node: ast.AST) -> Scope:
    """What a function, a class or a comprehension binds itself."""
    scope = Scope(is_class=isinstance(node, ast.ClassDef))
    if isinstance(node, COMPREHENSIONS):
        for generator in node.generators:
            for target in ast.walk(generator.target):
                scope.add(target)
        return scope
    if isinstance(node, FUNCTIONS):
        scope.names |= {a.arg for a in parameters(node.args)}
    body = node.body if isinstance(node.body, list) else [node.body]  # type: ignore[attr-defined]
    for statement in body:
        for found in _inside(statement):
            scope.add(found)
    return scope.done()


def parameters(given: ast.arguments) -> list[ast.arg]:
    """Every parameter, in the order of the signature."""
    starred = [a for a in (given.vararg, given.kwarg) if a is not None]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *starred]


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what lies in it, but for the bodies of functions and classes in it.

    A walrus in a comprehension binds in the function around it.
    """
    yield node
    if isinstance(node, COMPREHENSIONS):
        for found in ast.walk(node):
            if isinstance(found, ast.NamedExpr):
                yield found.target
        return
    if isinstance(node, _OWN):
        for outer in evaluated_outside(node):
            yield from _inside(outer)
        return
    for child in ast.iter_child_nodes(node):
        yield from _inside(child)


def evaluated_outside(node: ast.AST) -> list[ast.expr]:
    """What a definition evaluates where it stands: decorators, defaults and bases."""
    found: list[ast.expr] = [*getattr(node, "decorator_list", [])]
    if isinstance(node, ast.ClassDef):
        found += [*node.bases, *(k.value for k in node.keywords)]
    elif isinstance(node, FUNCTIONS):
        given: ast.arguments = node.args
        found += [*given.defaults, *(d for d in given.kw_defaults if d is not None)]
    return found
