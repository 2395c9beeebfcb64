"""Reading an online store from an event loop, which never waits for it."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple, Protocol

from watermain.declare.errors import UnreachableSystemError, WatermainError
from watermain.online.protocol import OnlineStore, StoredRow

Wanted = Sequence[tuple[str, Sequence[bytes]]]
PATIENCE = timedelta(seconds=2)
MOST_WAITING = 512


class FoundRows(NamedTuple):
    """Rows as they were asked for, one table after the other; None where there is none.

    Units: `events` are microseconds of UTC since 1970. Each of `values` is a JSON object in UTF-8.
    """

    events: Sequence[int | None]
    values: Sequence[bytes | None]

    @classmethod
    def of(cls, kept: Sequence[StoredRow | None]) -> FoundRows:
        """Put rows as a store gives them into columns."""
        events = [None if row is None else row.event_us for row in kept]
        return cls(events, [None if row is None else row.value for row in kept])

    def part(self, first: int, count: int) -> FoundRows:
        """Some of them."""
        return FoundRows(self.events[first : first + count], self.values[first : first + count])


class Reader(Protocol):
    """Read rows by their keys, those of one table after those of the other, and hold up no loop.

    Raises: UnreachableSystemError, after PATIENCE at the latest.
    """

    async def read(self, wanted: Wanted) -> FoundRows:
        """Give each row."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class ThreadReader:
    """Read any store through a few threads, each of which has a store of its own.

    Guarantees: a store that hangs costs its thread alone, which ends with the process. A store that
    gave an error is opened anew.
    """

    def __init__(
        self,
        opens: Callable[[], OnlineStore],
        *,
        threads: int = 4,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._opens, self._patience = opens, patience
        self._tasks: queue.Queue[_Task | None] = queue.Queue(MOST_WAITING)
        self._threads = threads
        for _ in range(threads):
            self._start()

    def _start(self) -> None:
        threading.Thread(target=self._work, daemon=True, name="online-store").start()

    async def read(self, wanted: Wanted) -> FoundRows:
        """Give each row."""
        task = _Task(wanted, asyncio.get_running_loop())
        try:
            self._tasks.put_nowait(task)
            async with asyncio.timeout(self._patience.total_seconds()):
                return await task.answer
        except TimeoutError:
            raise silent(f"after {self._patience.total_seconds():g} s") from None
        except queue.Full:
            raise silent(f"{MOST_WAITING} questions wait for it") from None

    async def close(self) -> None:
        """End the threads that do not hang."""
        for _ in range(self._threads):
            try:
                self._tasks.put_nowait(None)
            except queue.Full:
                return

    def _work(self) -> None:
        store: OnlineStore | None = None
        while (task := self._tasks.get()) is not None:
            if task.answer.done():  # nobody waits any more
                continue
            try:
                store = store or self._opens()
                task.tell(FoundRows.of(store.get(task.pairs())))
            except WatermainError as error:
                task.fail(error)
                _closed(store)
                store = None
            except BaseException as error:
                task.fail(error)
                _closed(store)
                self._start()  # in place of this thread, which tells the world what broke
                raise
        _closed(store)


class _Task:
    """One read, and whom to tell of it."""

    def __init__(self, wanted: Wanted, loop: asyncio.AbstractEventLoop) -> None:
        self.wanted, self.loop = wanted, loop
        self.answer: asyncio.Future[FoundRows] = loop.create_future()

    def pairs(self) -> list[tuple[str, bytes]]:
        """What to read, in the form in which stores take it."""
        return [(table, key) for table, keys in self.wanted for key in keys]

    def tell(self, rows: FoundRows) -> None:
        """Give the answer to who waits."""
        self._call(lambda: self.answer.set_result(rows))

    def fail(self, error: BaseException) -> None:
        """Give the error to who waits."""
        self._call(lambda: self.answer.set_exception(error))

    def _call(self, report: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: the server has ended
            self.loop.call_soon_threadsafe(self._report, report)

    def _report(self, report: Callable[[], None]) -> None:
        if not self.answer.done():
            report()


def _closed(store: OnlineStore | None) -> None:
    """Close a store that may be broken; give none."""
    if store is not None:
        with suppress(WatermainError):
            store.close()


def silent(when: str) -> UnreachableSystemError:
    """Tell that the store does not answer."""
    return UnreachableSystemError(
        f"the online store does not answer: {when}",
        declared="the settings of the online store",
        data="unchanged; nothing was answered",
        next="ask again; `watermain doctor` tells what is wrong",
    )
