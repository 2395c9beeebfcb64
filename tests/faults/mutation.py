"""Small changes of engine code, each of which some test must notice.

A mutation changes one place of one function: a comparison, a junction, a constant, a call that is
left out, or a word of the SQL that the function speaks. Most of the engine is SQL in strings, which
mutmut and cosmic-ray do not look into; they also start a new interpreter for every mutation.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
WORDS = {
    " < ": " <= ",
    " <= ": " < ",
    " > ": " >= ",
    " >= ": " > ",
    " = ": " <> ",
    " <> ": " = ",
    " and ": " or ",
    " or ": " and ",
    " desc": " asc",
    "max(": "min(",
    "min(": "max(",
    "is not null": "is null",
    "is distinct from": "is not distinct from",
    "left join": "join",
    "not exists": "exists",
}
SQL = re.compile(r"\b(select|where|from|join|insert into|delete|update|order by|set)\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutation:
    """One change: the `number`-th place of the function `name`, which begins at `first`."""

    path: str
    name: str
    first: int
    number: int
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}: {self.what}"


@dataclass(frozen=True)
class Place:
    """Where a function can be changed: the position of the node in a walk, with what is done."""

    node: int
    index: int
    line: int
    what: str


def mutations(path: str, text: str) -> list[Mutation]:
    """Every change that can be made in the functions of a module."""
    found = []
    for name, function in functions(ast.parse(text)):
        first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
        found += [
            Mutation(path, name, first, number, place.line, place.what)
            for number, place in enumerate(places(function))
        ]
    return found


def functions(module: ast.Module) -> Iterator[tuple[str, Function]]:
    """The functions of a module and the methods of its classes, by their qualified names."""
    for node in module.body:
        if isinstance(node, Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{m.name}", m) for m in node.body if isinstance(m, Function))


def places(function: Function) -> list[Place]:
    """Where a function can be changed, in the order of a walk through it."""
    said = ast.get_docstring(function, clean=False)
    return [
        Place(number, index, getattr(node, "lineno", function.lineno), what)
        for number, node in enumerate(ast.walk(function))
        if not (isinstance(node, ast.Constant) and node.value == said)
        for index, what in enumerate(_changes(node))
    ]


def _changes(node: ast.AST) -> list[str]:
    """What can be done to a node, in words."""
    match node:
        case ast.Compare(ops=[first, *_]) if type(first) in SWAPS:
            said = [_named(first)]
        case ast.BoolOp(op=operator) | ast.BinOp(op=operator) if type(operator) in SWAPS:
            said = [_named(operator)]
        case ast.UnaryOp(op=ast.Not()):
            said = ["`not` is left out"]
        case ast.Expr(value=ast.Call(func=called)) if ast.unparse(called) != "failpoint":
            said = [f"`{ast.unparse(called)}(...)` is left out"]
        case ast.Constant(value=value):
            said = _of_constant(value)
        case _:
            said = []
    return said


def _named(operator: ast.AST) -> str:
    return f"{type(operator).__name__} becomes {SWAPS[type(operator)].__name__}"


def _of_constant(value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"{value} becomes {not value}"]
    if isinstance(value, int):
        return [f"{value} becomes {value + 1}"]
    if isinstance(value, str) and SQL.search(value):
        return [f"`{w.strip()}` becomes `{WORDS[w].strip()}`" for w in WORDS if w in value]
    return []


def mutated(mutation: Mutation, text: str) -> CodeType:
    """The code of the function once it is changed."""
    module = copy.deepcopy(ast.parse(text))
    function = dict(functions(module))[mutation.name]
    place = places(function)[mutation.number]
    node = list(ast.walk(function))[place.node]
    if isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()  # type: ignore[assignment]
    elif isinstance(node, ast.BoolOp | ast.BinOp):
        node.op = SWAPS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
        node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
    elif isinstance(node, ast.Expr):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Constant):
        node.value = _other(node.value, place.index)  # type: ignore[arg-type]
    return code_of(ast.fix_missing_locations(module), mutation)


def _other(value: object, index: int) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, str)
    word = [w for w in WORDS if w in value][index]
    return value.replace(word, WORDS[word], 1)


def code_of(module: ast.Module, mutation: Mutation) -> CodeType:
    """The code of the mutation's function in a module."""
    due = [compile(module, str(Path(mutation.path).resolve()), "exec")]
    while due:
        code = due.pop()
        if (code.co_qualname, code.co_firstlineno) == (mutation.name, mutation.first):
            return code
        due += [each for each in code.co_consts if isinstance(each, CodeType)]
    raise LookupError(f"{mutation.path} has no function {mutation.name}")
