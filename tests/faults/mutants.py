"""Mutations of the engine, each of which the fast tests of its districts must kill.

Run by `make mutants`. Everything is imported once; each mutation is made in a process forked from
there, by giving a function other code, and the tests that reach the function are run until one of
them fails. No file is changed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType

import pytest
from _pytest.runner import CallInfo, runtestprotocol

from tests.faults.mutation import Mutation, mutated, mutations

ROOT = Path(__file__).resolve().parents[2]
LAKE, ENGINE = "watermain/lake", "watermain/engine"
# What is mutated, by theme: folders or modules.
THEMES = {
    "publish": (f"{ENGINE}/publish",),
    "capture": (f"{ENGINE}/capture",),
    "ledger": (f"{LAKE}/ledger.py", f"{LAKE}/checkpoint.py"),
    "fence": (f"{LAKE}/fence.py", f"{LAKE}/lake.py"),
    "point in time": (f"{ENGINE}/feature/point_in_time.py", f"{ENGINE}/feature/spine.py"),
}
SUITE = (
    f"tests/{ENGINE}/publish",
    f"tests/{ENGINE}/capture",
    *(
        f"tests/{LAKE}/test_{name}.py"
        for name in ("ledger", "checkpoint", "fence", "lake", "lake_remote")
    ),
    *(f"tests/{ENGINE}/feature/test_{name}.py" for name in ("point_in_time", "training")),
)
LEFT_OUT = "not large_transaction"  # alone it takes longer than all others
MOST_SECONDS = 600  # of a mutant: one that hangs is killed, too
PASSED, KILLED, BROKEN = 0, 7, 8

Reached = dict[str, set[str]]  # the functions, as `path:name`, that a test calls


@dataclass
class Tally:
    """What became of the mutations."""

    seed: int
    killed: Counter[str] = field(default_factory=Counter)
    survived: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        count = self.killed.total() + len(self.survived) + len(self.unreached)
        left = len(self.survived) + len(self.unreached)
        told = [f"seed {self.seed}: {count} mutants, {self.killed.total()} killed, {left} survived"]
        told += [f"  {theme}: {number} killed" for theme, number in sorted(self.killed.items())]
        told += [f"  survived: {each}" for each in self.survived]
        told += [f"  reached by no test: {each}" for each in self.unreached]
        return "\n".join(told)


def chosen(seed: int, count: int) -> list[tuple[str, Mutation]]:
    """As many mutations of each theme, by chance."""
    chance, found = random.Random(seed), []
    for theme, places in THEMES.items():
        paths = [p for place in places for p in _modules(ROOT / place)]
        every = [m for p in paths for m in mutations(str(p.relative_to(ROOT)), p.read_text())]
        share = count // len(THEMES)
        found += [(theme, each) for each in chance.sample(every, share)]
    return found


def _modules(place: Path) -> list[Path]:
    return [place] if place.suffix else sorted(p for p in place.glob("*.py") if p.stem[0] != "_")


class Mutants:
    """The pytest plugin that runs tests in forked processes in place of the usual way."""

    def __init__(self, due: Sequence[tuple[str, Mutation]], tally: Tally, jobs: int) -> None:
        self.due, self.tally, self.jobs = due, tally, jobs
        self.folder = Path(tempfile.mkdtemp(prefix="watermain-mutants-"))

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """See what each test reaches, then make one mutation after another."""
        gc.freeze()  # or each process would copy all that was imported
        reached = self.reached(session)
        tests = {item.nodeid: item for item in session.items}
        turns = []
        for number, (theme, mutation) in enumerate(self.due):
            key = f"{mutation.path}:{mutation.name}"
            mine = [tests[name] for name, keys in reached.items() if key in keys]
            if not mine:
                self.tally.unreached.append(f"{theme}, {mutation}")
                continue
            turns.append((number, lambda m=mutation, i=mine: self.judged(m, i)))
        for number, code in self.forked(turns):
            theme, mutation = self.due[number]
            assert code != BROKEN, f"cannot be made: {mutation}"
            is_dead = code != PASSED
            self.tally.killed[theme] += is_dead
            self.tally.survived += [] if is_dead else [f"{theme}, {mutation}"]
            _say(f"{'killed  ' if is_dead else 'SURVIVED'} {theme}, {mutation}")
        return True

    def reached(self, session: pytest.Session) -> Reached:
        """The functions that each test calls, quickest test first.

        Raises: AssertionError, when a test fails without any mutation.
        """
        items = session.items
        shares = [items[n * len(items) // self.jobs : (n + 1) * len(items) // self.jobs]
                  for n in range(self.jobs)]  # fmt: skip
        turns = [(n, lambda n=n: self.traced(shares[n], n)) for n in range(self.jobs)]
        codes = [code for _, code in self.forked(turns)]
        rows = [r for n in range(self.jobs) for r in json.loads(self._told(n).read_text())]
        wrong = [key for _, _, keys in rows for key in keys if key.startswith("it fails")]
        assert codes == [PASSED] * self.jobs, f"without a mutation, {wrong or codes}"
        shutil.rmtree(self.folder)
        return {name: set(keys) for name, _, keys in sorted(rows, key=lambda row: row[1])}

    def _told(self, number: int) -> Path:
        return self.folder / f"{number}.json"

    def traced(self, items: Sequence[pytest.Item], number: int) -> int:
        """Run tests; write down what each of them calls of what is mutated."""
        names = {str(ROOT / m.path): m.path for _, m in self.due}
        seen: set[str] = set()

        def look(frame: FrameType, event: str, arg: object) -> None:
            path = names.get(frame.f_code.co_filename) if event == "call" else None
            if path:
                seen.add(f"{path}:{frame.f_code.co_qualname.partition('.<locals>')[0]}")

        rows, wrong = [], False
        threading.setprofile(look)
        for item, following in _pairs(items):
            seen.clear()
            began = time.monotonic()
            sys.setprofile(look)
            failed = _failed(item, following)
            sys.setprofile(None)
            wrong |= failed
            seen |= {f"it fails: {item.nodeid}"} if failed else set()
            rows.append((item.nodeid, time.monotonic() - began, sorted(seen)))
        self._told(number).write_text(json.dumps(rows))
        return KILLED if wrong else PASSED

    def judged(self, mutation: Mutation, items: Sequence[pytest.Item]) -> int:
        """Make a mutation; run tests until one of them fails."""
        put(mutation)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(MOST_SECONDS)
        for item, following in _pairs(items):
            if _failed(item, following):
                state = item.session._setupstate  # which knows how to end the database
                CallInfo.from_call(partial(state.teardown_exact, None), "teardown")
                return KILLED
        return PASSED

    def forked(self, turns: Sequence[tuple[int, Callable[[], int]]]) -> Iterator[tuple[int, int]]:
        """Do turns in processes of their own, some at once; give their exit codes as they end."""
        running: dict[int, int] = {}
        left = list(turns)
        while left or running:
            while left and len(running) < self.jobs:
                number, turn = left.pop(0)
                running[_fork(turn)] = number
            pid, status = os.wait()
            if pid in running:
                yield running.pop(pid), os.waitstatus_to_exitcode(status)


def put(mutation: Mutation) -> None:
    """Give the function its changed code, wherever it is held."""
    code = mutated(mutation, (ROOT / mutation.path).read_text())
    gc.unfreeze()  # what is frozen is not listed
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and _same(function.__code__, code):
            function.__code__ = code


def _same(one: CodeType, other: CodeType) -> bool:
    return (one.co_filename, one.co_qualname, one.co_firstlineno) == (
        other.co_filename,
        other.co_qualname,
        other.co_firstlineno,
    )


def _pairs(items: Sequence[pytest.Item]) -> list[tuple[pytest.Item, pytest.Item | None]]:
    return list(zip(items, [*items[1:], None], strict=True))


def _failed(item: pytest.Item, following: pytest.Item | None) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _fork(turn: Callable[[], int]) -> int:
    """Begin a turn in a process of its own that says nothing."""
    pid = os.fork()
    if pid:
        return pid
    os.setpgid(0, 0)
    code = BROKEN
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    try:
        code = turn()
    finally:
        os._exit(code)


def main(arguments: list[str] | None = None) -> int:
    """Make mutations; 0 when tests killed each of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=2013)
    parser.add_argument("--count", type=int, default=50, help="how many, the themes in turn")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    asked = parser.parse_args(arguments)
    tally = Tally(asked.seed)
    plugin = Mutants(chosen(asked.seed, asked.count), tally, asked.jobs)
    words = ["-q", "-s", "-p", "no:xdist", "-p", "no:cacheprovider", "-k", LEFT_OUT]
    code = pytest.main([*words, *map(str, (ROOT / each for each in SUITE))], plugins=[plugin])
    _say(str(tally))
    return int(code) or len(tally.survived + tally.unreached)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
