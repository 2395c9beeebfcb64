"""What a function means is the same on every Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.watermain.engine import corpus, told_by
from watermain.engine.code.meaning import Meaning
from watermain.engine.code.reach import UnfollowedError

# Recorded once; what changes them publishes every dataset of every lake again.
KNOWN = {
    "constants": "2e01392cc66d2494",
    "classes": "54fea0f0d9a34d93",
    "texts": "3c1a634bae643b76",
    "loops": "5da6883ba273b27f",
    "matches": "daf27bef5b29a215",
    "waits": "5a33fce44c61607e",
    "nested": "99d81efb0db5fc75",
    "recursive": "ee316d8be99b1830",
    "dispatched": "0c0d5b4a7c89f242",
    "inner": "550903bcb16bf223",
    "cached": "b4a7ba921312cff7",
}


def interpreters() -> list[str]:
    """Each Python of 3.11 or later on the path or beside the one that runs."""
    beside = Path(sys.base_prefix).resolve().parent.glob("*/bin/python3.[0-9]*")
    named = (shutil.which(f"python3.{minor}") for minor in range(11, 20))
    found = {*map(str, beside), *filter(None, named), sys.executable}
    return sorted(p for p in found if re.search(r"python(3\.1[1-9])?$", p) and _answers(p))


def _answers(program: str) -> bool:
    told = subprocess.run(
        [program, "-c", "import sys; print(sys.version_info >= (3, 11))"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() == "True"


@pytest.mark.parametrize("function", corpus.FUNCTIONS, ids=lambda f: str(f.__name__))
def test_meaning_is_the_recorded_one(function: Any) -> None:
    """On this Python, with the packages of the project loaded."""
    assert Meaning().of(function)[:16] == KNOWN[function.__name__]


def test_meaning_is_the_recorded_one_on_every_python() -> None:
    """Each is asked in a process of its own, with another hash seed, without any package."""
    found = interpreters()
    assert found
    for seed, program in enumerate(found):
        told = subprocess.run(
            [program, "-S", str(told_by.__file__)],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(told.stdout) == KNOWN, program


def test_meaning_of_what_holds_itself_ends() -> None:
    """A list in itself, a set of functions that read that set."""
    around: list[object] = [1]
    around.append(around)
    other: list[object] = [2]
    other.append(other)
    assert Meaning().of(around) == Meaning().of(around) != Meaning().of(other)


def test_meaning_tells_types_apart() -> None:
    """Equal values of other types, the two zeros."""
    values = [1, 1.0, True, 1 + 0j, "1", b"1", (1,), [1], {1}, frozenset({1}), {1: 1}, 0.0, -0.0]
    assert len({Meaning().of(v) for v in values}) == len(values)


def test_meaning_of_a_set_has_no_order() -> None:
    """Functions in it, which lie anywhere, have none either."""
    functions = (corpus.recursive, corpus.cached, corpus.dispatched)
    one, other = {f: f.__name__ for f in functions}, {f: f.__name__ for f in functions[::-1]}
    assert Meaning().of(set(one)) == Meaning().of(set(other))
    assert Meaning().of(one) != Meaning().of(other)


def test_two_lambdas_on_one_line_are_told_apart() -> None:
    """By where their instructions stand."""
    one, other, same = lambda x: x + 1, lambda x: x + 2, lambda y: y
    assert len({Meaning().of(f) for f in (one, other, same)}) == 3


def test_closure_of_a_loop_counts_what_it_will_read() -> None:
    """The last value, whichever was bound first."""

    def factory(values: tuple[int, ...]) -> list[Any]:
        return [lambda: value for value in values]  # noqa: B023

    first, last = factory((1, 2))
    assert Meaning().of(first) == Meaning().of(last)
    assert Meaning().of(first) != Meaning().of(factory((1, 3))[0])


def test_what_is_nested_too_deeply_is_refused() -> None:
    """Python itself would give up."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UnfollowedError, match="nested too deeply"):
        Meaning().of(deep)
