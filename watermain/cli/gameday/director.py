"""Every failure provoked, watched, mended, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from watermain.cli.gameday.failure import PATIENCE, Failure, FailureSeen
from watermain.cli.gameday.pager import GamePager, HeardTelling
from watermain.cli.gameday.scenes import SCENES
from watermain.cli.gameday.stage import Stage
from watermain.declare.errors import WatermainError
from watermain.observe.alert.book import AlertBook

CLEARED = timedelta(minutes=6)
Tell = Callable[[str], None]


class Director:
    """Let failures happen on a stage that is up.

    Guarantees: what was found comes from what arrived at the pager and from the platform's own
    books; nothing of it is taken from what was to be expected.
    """

    def __init__(self, stage: Stage, pager: GamePager, tell: Tell) -> None:
        self._stage, self._pager, self._tell = stage, pager, tell
        self._commands = threading.Lock()  # one command at a time: each is a process

    def play(self, failures: Sequence[Failure], times: int) -> list[FailureSeen]:
        """Let each fail so many times, all beside each other; in the order of the list."""
        cases = [(each, number) for each in failures for number in range(1, times + 1)]
        with ThreadPoolExecutor(max_workers=len(cases)) as pool:
            return list(pool.map(lambda case: self._case(*case), cases))

    def _case(self, failure: Failure, number: int) -> FailureSeen:
        seen = FailureSeen(failure=failure, number=number)
        try:
            seen = self._told(self._provoked(seen))
            if seen.provoked is not None:
                seen = self._mended(seen)
        except (WatermainError, OSError) as error:
            seen = replace(seen, trouble=" ".join(str(error).split())[:400])
        self._tell(f"{failure.code} {number}: {seen.outcome}{_why(seen)}")
        return seen

    def _provoked(self, seen: FailureSeen) -> FailureSeen:
        done = SCENES[seen.failure.code].provoke(self._stage, seen.number)
        self._tell(f"{seen.failure.code} {seen.number}: {seen.failure.provoked}")
        return replace(seen, provoked=done)

    def _told(self, seen: FailureSeen) -> FailureSeen:
        """What people were told, and what the book has of it."""
        assert seen.provoked is not None
        dataset = seen.failure.dataset(seen.number)
        wanted = seen.failure.severity
        heard = self._pager.first(dataset, seen.provoked.at, wanted, PATIENCE[wanted])
        if heard is None:
            return seen
        self._tell(f"{seen.failure.code} {seen.number}: {heard.title}")
        alert = next(
            a for a in AlertBook(self._stage.dsn).listed(everything=True)
            if a.cause_id == heard.cause_id
        )  # fmt: skip
        first = next((s for s in alert.signals if str(s.dataset) == dataset), alert.signals[0])
        return replace(
            seen,
            told_at=heard.at,
            promise=first.promise,
            rule=first.rule,
            told=first.told,
            severity=alert.severity,
            owner=alert.owner,
        )

    def _mended(self, seen: FailureSeen) -> FailureSeen:
        """Let the outside be well, run what the runbook says, wait for the end."""
        SCENES[seen.failure.code].mend(self._stage, seen.number)
        seen = replace(seen, mended_at=datetime.now(UTC))
        if seen.told_at is None:
            return seen
        seen = replace(seen, mitigation=tuple(self._runbook(seen)))
        if seen.failure.stands:
            return seen
        over = self._pager.fixed(self._cause(seen), CLEARED)
        if over is None:
            return seen
        return replace(seen, fixed_at=over.at, proof=over.title)

    def _cause(self, seen: FailureSeen) -> str:
        dataset = seen.failure.dataset(seen.number)
        return next(t.cause_id for t in self._pager.heard if _is_of(t, dataset, seen))

    def _runbook(self, seen: FailureSeen) -> list[tuple[str, int]]:
        """Run what mends in the runbook, as somebody on call does."""
        words = ["--dataset", seen.failure.dataset(seen.number)]
        if seen.provoked is not None and seen.provoked.partition is not None:
            words += ["--partition", seen.provoked.partition]
        name = seen.failure.runbook
        with self._commands:
            steps = self._stage.facts("runbook", "show", name, *words)["steps"]
            wanted = [s for s in steps if s["kind"] == "mend" and not s["lacks"]]
            numbers = [w for s in wanted for w in ("--step", str(s["number"]))]
            if not wanted:
                return []
            done = self._stage.run("runbook", "run", name, *words, "--yes", *numbers)
        return [(" ".join(s["words"]), done.returncode) for s in wanted]


def _is_of(heard: HeardTelling, dataset: str, seen: FailureSeen) -> bool:
    return heard.dataset == dataset and heard.at == seen.told_at


def _why(seen: FailureSeen) -> str:
    parts = []
    if seen.detection is not None:
        parts.append(f"told after {seen.detection.total_seconds():.0f} s")
    if seen.recovery is not None:
        parts.append(f"over {seen.recovery.total_seconds():.0f} s after it was mended")
    parts += seen.wrong
    return f": {'; '.join(parts)}" if parts else ""
