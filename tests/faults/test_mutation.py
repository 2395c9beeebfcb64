"""The mutations themselves: each changes what it says, is chosen by the seed alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import mutants
from tests.faults.mutation import mutated, mutations

MODULE = '''
def small(n):
    """Say whether a number is at most 1 and no more."""
    return n < 1

def both(a, b):
    return a and b

def far(n):
    return n + 10

def none(found):
    return not found

class Notes:
    @staticmethod
    def kept(notes):
        notes.append("a")
        return notes

def sql():
    return "select id from t where a = 1 and b >= 2"

def told(word):
    failpoint("x")
    return word
'''


def made(name: str, number: int = 0) -> Callable[..., Any]:
    """The function of the module, changed at one of its places."""
    found = [m for m in mutations("a.py", MODULE) if m.name == name]
    names: dict[str, Any] = {}
    exec(compile(MODULE, str(Path("a.py").resolve()), "exec"), names)
    owner, _, method = name.rpartition(".")
    function = getattr(names[owner], method) if owner else names[name]
    function.__code__ = mutated(found[number], MODULE)
    return function


@pytest.mark.parametrize(
    ("name", "number", "given", "expected"),
    [
        ("small", 0, (1,), True),
        ("small", 1, (1,), True),
        ("both", 0, (True, False), True),
        ("far", 0, (1,), -9),
        ("far", 1, (1,), 12),
        ("none", 0, ("",), False),
        ("Notes.kept", 0, ([],), []),
        ("sql", 0, (), "select id from t where a = 1 and b > 2"),
        ("sql", 1, (), "select id from t where a <> 1 and b >= 2"),
        ("sql", 2, (), "select id from t where a = 1 or b >= 2"),
    ],
)
def test_mutation_changes_one_place(
    name: str, number: int, given: tuple[Any, ...], expected: object
) -> None:
    """What the function then gives."""
    assert made(name, number)(*given) == expected


def test_what_only_campaigns_pass_is_left_alone() -> None:
    """No docstring, no failpoint is a place; each place has its line."""
    found = mutations("a.py", MODULE)
    assert [m for m in found if m.name == "told"] == []
    assert {m.name: m.line for m in found}["small"] == 4
    assert [m.what for m in found if m.name == "Notes.kept"] == ["`notes.append(...)` is left out"]


def test_choice_is_the_seeds() -> None:
    """The same seed chooses the same, of each theme as many; another chooses others."""
    chosen = mutants.chosen(2013, 50)
    assert chosen == mutants.chosen(2013, 50) != mutants.chosen(7, 50)
    assert [theme for theme, _ in chosen] == [theme for theme in mutants.THEMES for _ in range(10)]
    for _, mutation in mutants.chosen(7, 200):
        mutated(mutation, (mutants.ROOT / mutation.path).read_text())


def test_mutation_is_put_wherever_the_function_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it was imported by name, or decorated."""
    path = "tests/faults/test_mutation.py"
    text = (mutants.ROOT / path).read_text()
    (mutation,) = [m for m in mutations(path, text) if m.name == "_more" and m.what.startswith("1")]
    held, before = _more, _more.__code__
    mutants.put(mutation)
    try:
        assert held(1) == 3
        assert inspect.unwrap(held)(2) == 4
    finally:
        _more.__code__ = before
    assert held(1) == 2


def _more(n: int) -> int:
    return n + 1
