"""The files of a repository, as the house rules read them."""

from __future__ import annotations

import ast
import gc
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DBT = ROOT / "dbt_project"
SOURCE = ("watermain/", "platform_assets/", "resources/", "sensors/")
TEMPLATES = "watermain/templates/"  # of other projects
OURS = ("watermain", "platform_assets", "resources", "sensors", "demo", "tests", "benchmarks")

Rule = Callable[[Mapping[str, str]], list[str]]


class Import(NamedTuple):
    """One imported module, wherever in the file the import stands."""

    path: str
    line: int
    importer: str
    target: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.target}"


def repository() -> dict[str, str]:
    """Read every text file that git tracks or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found = {}
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            found[name] = "" if b"\0" in content else content.decode()  # a picture has no text
    return found


@cache
def parsed(text: str) -> ast.Module:
    """Parse one file."""
    return ast.parse(text)


def modules(files: Mapping[str, str], under: tuple[str, ...] = ("",)) -> dict[str, ast.Module]:
    """Parse every Python file under some folders, by path."""
    with _uncollected():
        return {
            path: parsed(text)
            for path, text in sorted(files.items())
            if path.endswith(".py") and path.startswith(under) and not path.startswith(TEMPLATES)
        }


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for garbage neither in the block nor among what it made: millions of nodes, all kept."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


def module_name(path: str) -> str:
    """Name the module that a path holds."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(files: Mapping[str, str]) -> Iterator[Import]:
    """List every import of every file: at the top, in functions, for types, by literal name."""
    known = {module_name(path) for path in modules(files)}
    for path in modules(files):
        importer = module_name(path)
        package = importer if path.endswith("__init__.py") else importer.rpartition(".")[0]
        for node in _importing(files[path]):
            for target, names in _targets(node, package, known):
                yield Import(path, node.lineno, importer, target, names)  # type: ignore[attr-defined]


@cache
def _importing(text: str) -> tuple[ast.AST, ...]:
    """The nodes of a file that import something, found once for all rules."""
    imported = (ast.Import, ast.ImportFrom)
    return tuple(n for n in ast.walk(parsed(text)) if isinstance(n, imported) or _calls_for(n))


def _calls_for(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    name = getattr(called, "id", getattr(called, "attr", ""))
    return name in ("import_module", "__import__")


def _targets(node: ast.AST, package: str, known: set[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    match node:
        case ast.Import(names=names):
            yield from ((alias.name, ()) for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            parts = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            start = ".".join([*parts, *([module] if module else [])])
            inner = [a.name for a in names if f"{start}.{a.name}" in known]
            yield from ((f"{start}.{name}", ()) for name in inner)
            others = tuple(a.name for a in names if a.name not in inner)
            if others:
                yield start, others
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            yield name, ()
