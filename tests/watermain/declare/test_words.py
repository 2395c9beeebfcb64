"""The words of declarations are looked up when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest

import watermain
from watermain import declare


@pytest.mark.parametrize("word", declare.__all__)
def test_word_is_what_its_home_defines(word: str) -> None:
    """Each is found under both packages and is no module."""
    found = getattr(declare, word)
    assert not isinstance(found, ModuleType)
    assert getattr(watermain, word) is found
    assert getattr(import_module(found.__module__), word) is found


@pytest.mark.parametrize("word", ["dataset", "feature_table"])
def test_module_does_not_hide_the_word_of_its_name(word: str) -> None:
    """Whoever imports the module first."""
    lines = f"import watermain.declare.{word}\nfrom watermain.declare import {word}\nprint({word})"
    assert _printed(lines).startswith(f"<function {word} at")


def test_errors_bring_no_table_with_them() -> None:
    """A command that fails, or one that tells of services, needs no pyarrow."""
    lines = "import sys, watermain.declare.errors\nprint('pyarrow' in sys.modules)"
    assert _printed(lines) == "False\n"


def test_word_that_is_none_is_refused() -> None:
    """By name, as for any module."""
    with pytest.raises(AttributeError, match="no attribute `colum`"):
        _ = declare.colum


def _printed(lines: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, check=True
    ).stdout
