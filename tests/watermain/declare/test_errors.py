"""An error is four lines; the states of the data that recur have constructors."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from watermain.cli.exits import FAILED, UNREACHABLE, WRONG_USE, exit_code
from watermain.declare import errors
from watermain.declare.errors import (
    BrokenContractError,
    TerminalError,
    TransientError,
    UnknownSnapshotError,
    UnreachableSystemError,
    WatermainError,
    quoted,
)

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, WatermainError)
]
WORDS: dict[str, Any] = {"declared": "here", "next": "watermain status"}


@pytest.mark.parametrize(
    ("made", "data"),
    [
        (WatermainError.nothing_happened, "nothing was read or written"),
        (WatermainError.nothing_read, "nothing was read; what the lake has committed stands"),
        (WatermainError.not_published, "not published; what readers had stands as it was"),
    ],
)
def test_state_of_the_data_is_said_in_one_way(made: Any, data: str) -> None:
    """The four lines, the same facts as attributes."""
    error = made("it broke", **WORDS)
    assert str(error).splitlines() == [
        "it broke",
        "  declared  here",
        f"  data      {data}",
        "  next      watermain status",
    ]
    assert (error.what, error.declared, error.data, error.next) == (
        "it broke", "here", data, "watermain status"
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_constructor_keeps_the_kind(kind: type[WatermainError]) -> None:
    """Whoever catches a kind catches what its constructors made."""
    for made in (kind.nothing_happened, kind.nothing_read, kind.not_published):
        assert type(made("it broke", **WORDS)) is kind


def test_every_error_says_whether_trying_again_may_help() -> None:
    """It is of one of the two families, and of one alone."""
    kinds = [k for k in KINDS if k not in (WatermainError, TransientError, TerminalError)]
    assert all(issubclass(k, TransientError) != issubclass(k, TerminalError) for k in kinds)


def test_scripts_tell_misuse_from_failure() -> None:
    """A snapshot that is not there is a wrong argument; a broken promise is a failure."""
    codes = {
        UnknownSnapshotError: WRONG_USE,
        BrokenContractError: FAILED,
        UnreachableSystemError: UNREACHABLE,
    }
    for kind, code in codes.items():
        assert exit_code(kind.nothing_happened("it broke", **WORDS)) == code


def test_right_answers_are_listed_in_order_and_not_for_ever() -> None:
    """Of very many the first, with the number of the others."""
    assert quoted(["b", "a"]) == "`a`, `b`"
    assert quoted(f"{n:03}" for n in range(103)).endswith("`098`, `099`, 3 more")
