"""Rules about how large a thing may grow."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.house.tree import SOURCE, modules

LINES_OF_FUNCTION = 40
LINES_OF_NINE_IN_TEN = 25
LINES_OF_MODULE = 400
LINES_OF_CONFTEST = 150
MODULES_OF_FOLDER = 16
TESTS_PER_LINE = 0.94  # only ever raised, up to 1.00
LINES_OF_DEFINITIONS = 10
PARAMETERS = 6
PARAMETERS_OF_WORD = 9


class Function(NamedTuple):
    """One function with its size."""

    path: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def lines(self) -> int:
        """Count the lines without the docstring."""
        docstring = ast.get_docstring(self.node, clean=False)
        whole = (self.node.end_lineno or 0) - self.node.lineno + 1
        return whole - (docstring.count("\n") + 1 if docstring else 0)

    @property
    def parameters(self) -> int:
        """Count the named parameters without self or cls."""
        arguments = self.node.args
        named = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        return len([name for name in named if name not in ("self", "cls")])

    def __str__(self) -> str:
        return f"{self.path}:{self.node.lineno} {self.node.name}"


def functions(files: Mapping[str, str]) -> Iterator[Function]:
    """List every function of every file."""
    for path, tree in modules(files).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield Function(path, node)


def functions_are_short(files: Mapping[str, str]) -> list[str]:
    """No function is longer than a screen."""
    return [
        f"{each}: {each.lines} lines, {LINES_OF_FUNCTION} at most"
        for each in functions(files)
        if each.lines > LINES_OF_FUNCTION
    ]


def most_functions_are_very_short(files: Mapping[str, str]) -> list[str]:
    """Nine functions in ten are half a screen."""
    sizes = sorted(each.lines for each in functions(files))
    ninth = sizes[len(sizes) * 9 // 10] if sizes else 0
    if ninth <= LINES_OF_NINE_IN_TEN:
        return []
    return [f"the 90th percentile of function lengths is {ninth}, {LINES_OF_NINE_IN_TEN} at most"]


def modules_are_short(files: Mapping[str, str]) -> list[str]:
    """No module is longer than a chapter; conftest.py, definitions.py are shorter still."""
    limits = {"conftest.py": LINES_OF_CONFTEST, "definitions.py": LINES_OF_DEFINITIONS}
    found = []
    for path in modules(files):
        lines = files[path].count("\n")
        limit = limits.get(path.rpartition("/")[2], LINES_OF_MODULE)
        if lines > limit:
            found.append(f"{path}: {lines} lines, {limit} at most")
    return found


def folders_are_small(files: Mapping[str, str]) -> list[str]:
    """A folder of the platform or of its rooms holds sixteen modules at most."""
    held = Counter(p.rpartition("/")[0] for p in modules(files, SOURCE) if "__init__" not in p)
    return [
        f"{folder}: {count} modules, {MODULES_OF_FOLDER} at most"
        for folder, count in held.items()
        if count > MODULES_OF_FOLDER
    ]


def parameters_are_few(files: Mapping[str, str]) -> list[str]:
    """A function takes six parameters at most, a word nine."""
    found = []
    for each in functions(files):
        is_word = each.path.startswith("watermain/declare/")
        limit = PARAMETERS_OF_WORD if is_word else PARAMETERS
        if each.parameters > limit:
            found.append(f"{each}: {each.parameters} parameters, {limit} at most")
    return found


def tests_weigh_as_much_as_source(files: Mapping[str, str]) -> list[str]:
    """Tests weigh almost as much as source; the goal is a line for a line."""
    source = sum(files[path].count("\n") for path in modules(files, SOURCE))
    tests = sum(files[path].count("\n") for path in modules(files, ("tests/",)))
    if tests >= TESTS_PER_LINE * source:
        return []
    return [
        f"tests : source lines = {tests} : {source} = {tests / source:.2f},"
        f" {TESTS_PER_LINE:.2f} at least"
    ]
