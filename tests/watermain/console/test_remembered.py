"""What is read again beside whoever asks."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import count

import pytest

from watermain.console.remembered import Remembered
from watermain.declare.errors import UnreachableSystemError

LONG, NONE = timedelta(days=1), timedelta(0)


def away() -> UnreachableSystemError:
    """A system that does not answer."""
    return UnreachableSystemError.nothing_happened("it is away", declared="a test", next="wait")


def test_what_is_fresh_is_not_read_again() -> None:
    """Two ask, one reads."""
    read: list[int] = []
    kept = Remembered(lambda: read.append(1) or len(read), LONG, LONG)
    assert [kept.get().value, kept.get().value] == [1, 1]
    assert kept.get().at is not None


def test_what_is_old_is_given_while_it_is_read_again() -> None:
    """Nobody waits for what may be as old as this."""
    may, values = threading.Event(), count(1)
    may.set()

    def read() -> int:
        may.wait(30)
        return next(values)

    kept = Remembered(read, NONE, LONG)
    assert kept.get().value == 1
    may.clear()
    assert kept.get().value == 1
    may.set()
    while (found := kept.get().value) == 1:
        pass
    assert found is not None
    assert found > 1


def test_what_is_too_old_is_waited_for() -> None:
    """Whoever asks gets what was read because of it."""
    values = iter(range(9))
    kept = Remembered(lambda: next(values), NONE, NONE)
    assert [kept.get().value for _ in range(3)] == [0, 1, 2]


def test_nothing_is_given_before_anything_was_read() -> None:
    """Who does not wait is told that nothing is known."""
    may = threading.Event()
    kept = Remembered(lambda: may.wait(30), LONG, LONG, patience=NONE)
    found = kept.get()
    assert (found.value, found.at, found.trouble) == (None, None, "")
    may.set()


def test_trouble_keeps_what_was_read_before() -> None:
    """It is told beside what was read, with the instant of that; the next reading ends it."""
    answers = iter((7, away(), 8))

    def read() -> int:
        found = next(answers)
        if isinstance(found, UnreachableSystemError):
            raise found
        return found

    kept = Remembered(read, NONE, NONE)
    first = kept.get()
    troubled = kept.get()
    assert (troubled.value, troubled.at, troubled.trouble) == (7, first.at, "it is away")
    last = kept.get()
    assert (last.value, last.trouble) == (8, "")


def test_one_reads_at_a_time() -> None:
    """However many ask at once."""
    may, reading = threading.Event(), list[int]()

    def read() -> int:
        reading.append(1)
        may.wait(30)
        return len(reading)

    kept = Remembered(read, NONE, LONG, patience=timedelta(seconds=30))
    threads = [threading.Thread(target=kept.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    may.set()
    for thread in threads:
        thread.join()
    assert kept.get().value is not None
    assert kept.get().value <= 9  # type: ignore[operator]


def test_mistake_of_ours_lets_others_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told by the thread that made it, and nobody waits for ever."""
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    answers = iter((ZeroDivisionError(), 1))

    def read() -> int:
        found = next(answers)
        if isinstance(found, ZeroDivisionError):
            raise found
        return found

    kept = Remembered(read, NONE, NONE)
    assert kept.get().value is None
    assert kept.get().value == 1
    assert len(told) == 1
