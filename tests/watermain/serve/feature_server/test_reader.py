"""A reader waits for no store longer than it may."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.watermain.serve.feature_server.delays import AIRPORT, MemoryStore, filled, unreachable
from watermain.declare.errors import UnreachableSystemError
from watermain.online.protocol import StoredRow
from watermain.serve.feature_server import reader
from watermain.serve.feature_server.reader import FoundRows, ThreadReader

WANTED = [(str(AIRPORT.name), [b'["JFK"]', b'["EWR"]'])]
JFK = (str(AIRPORT.name), b'["JFK"]')
SHORT = timedelta(milliseconds=250)
Ask = Callable[[ThreadReader], Awaitable[object]]


def reading(
    store: MemoryStore, ask: Ask, *, threads: int = 1, patience: timedelta = timedelta(seconds=20)
) -> object:
    """Ask a reader over a store in a loop of its own."""

    async def whole() -> object:
        found = ThreadReader(lambda: store, threads=threads, patience=patience)
        try:
            return await ask(found)
        finally:
            await found.close()

    before = set(threading.enumerate())
    try:
        return asyncio.run(whole())
    finally:
        for thread in set(threading.enumerate()) - before:
            if thread.name == "online-store":
                thread.join(timeout=120)


async def once(found: ThreadReader) -> FoundRows:
    """Read two rows."""
    return await found.read(WANTED)


def test_reader_gives_rows_in_order() -> None:
    """What is there, None for what is not."""
    store = filled()
    assert reading(store, once) == FoundRows.of([store.rows[JFK], None])


def test_reader_gives_up_on_a_store_that_hangs() -> None:
    """The question is answered by an error; the loop never stood still."""
    store, free = filled(), threading.Event()
    store.before = free.wait

    async def ask(found: ThreadReader) -> int:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        beside = asyncio.create_task(turn())
        with pytest.raises(UnreachableSystemError, match=r"does not answer: after 0\.25 s"):
            await found.read(WANTED)
        beside.cancel()
        free.set()
        return turns

    turns = reading(store, ask, patience=SHORT)
    assert isinstance(turns, int)
    assert turns > 1  # whoever waits keeps nobody else from a turn


def test_questions_given_up_are_not_asked_later() -> None:
    """When a store comes back, it is not flooded with what nobody waits for."""
    store, free, asked = filled(), threading.Event(), []
    store.before = lambda: (asked.append(1), free.wait())

    async def ask(found: ThreadReader) -> object:
        for _ in range(5):
            with pytest.raises(UnreachableSystemError):
                await found.read(WANTED)
        free.set()
        return await found.read(WANTED)

    assert reading(store, ask, patience=timedelta(seconds=0.5)) is not None
    assert len(asked) == 2


def test_questions_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the answer comes at once."""
    monkeypatch.setattr(reader, "MOST_WAITING", 1)
    store, free = filled(), threading.Event()
    store.before = free.wait

    async def ask(found: ThreadReader) -> object:
        waiting = [asyncio.create_task(found.read(WANTED)) for _ in range(5)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        free.set()
        with pytest.raises(UnreachableSystemError, match="1 questions wait for it"):
            raise next(iter(done)).exception() or AssertionError
        return await asyncio.gather(*waiting, return_exceptions=True)

    answers = reading(store, ask)
    assert isinstance(answers, list)
    assert sum(isinstance(a, UnreachableSystemError) for a in answers) >= 3


def test_store_is_opened_anew_after_an_error() -> None:
    """A broken connection is not asked twice."""
    store, failures = filled(), [unreachable()]

    def fail() -> None:
        if failures:
            raise failures.pop()

    store.before = fail

    async def ask(found: ThreadReader) -> object:
        with pytest.raises(UnreachableSystemError, match="the online store is away"):
            await found.read(WANTED)
        return await found.read(WANTED), store.closed

    rows, closed = reading(store, ask)  # type: ignore[misc]
    assert rows == FoundRows.of([store.rows[JFK], None])
    assert closed == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_unforeseen_errors_cost_no_thread() -> None:
    """The one who asked is told, another thread takes over."""
    store, failures = filled(), [ValueError("a bug")] * 3

    def fail() -> None:
        if failures:
            raise failures.pop()

    store.before = fail

    async def ask(found: ThreadReader) -> object:
        for _ in range(3):
            with pytest.raises(ValueError, match="a bug"):
                await found.read(WANTED)
        return await found.read(WANTED)

    assert reading(store, ask) == FoundRows.of([store.rows[JFK], None])


def test_closing_ends_threads_that_do_not_hang() -> None:
    """Each closes its own store."""
    store, before = filled(), set(threading.enumerate())
    reading(store, once, threads=3)
    assert store.closed >= 1
    left = set(threading.enumerate()) - before
    assert "online-store" not in [thread.name for thread in left]


def test_rows_are_cut_into_parts() -> None:
    """Each table's rows are its own."""
    rows = FoundRows.of([StoredRow(1, b"a"), None, StoredRow(3, b"c")])
    assert rows == FoundRows([1, None, 3], [b"a", None, b"c"])
    assert rows.part(1, 2) == FoundRows([None, 3], [None, b"c"])
