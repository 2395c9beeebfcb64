"""The commands of a runbook, run one after another for a case."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from watermain.declare.dataset import Dataset
from watermain.engine.publish.attempt import Attempts
from watermain.observe.alert.book import AlertBook
from watermain.observe.incident.book import IncidentBook
from watermain.observe.runbook.book import RunbookBook, RunbookCase, StepTaken
from watermain.observe.runbook.page import FOUND, OURS, RunbookStep, filled
from watermain.settings import child_environment

Run = Callable[[tuple[str, ...]], int]


def run_here(words: tuple[str, ...]) -> int:
    """Run a command of ours in a process of its own, whose output is seen; its exit code.

    Guarantees: no shell reads the words.
    """
    assert words[0] == OURS  # others are shown to people, and run by them
    command = [sys.executable, "-m", OURS, *words[1:]]
    return subprocess.run(command, env=child_environment(), check=False).returncode


def found_words(dsn: str, case: RunbookCase) -> dict[str, str]:
    """The words of a case that the books know: its alert, its incident, its last failed run."""
    alerts = [a for a in AlertBook(dsn).listed() if case.dataset in (a.root, *a.members)]
    incidents = [i for i in IncidentBook(dsn).listed() if i.is_open and i.dataset == case.dataset]
    tried = Attempts(dsn).of([case.dataset]).get((case.dataset, case.partition))
    found = {
        "CAUSE": alerts[-1].cause_id if alerts else None,
        "NUMBER": str(incidents[0].number) if incidents else None,
        "RUN": tried.run if tried and tried.run else None,
    }
    assert found.keys() == FOUND.keys()
    return {name: value for name, value in found.items() if value}


def given_words(dataset: Dataset, partition: str | None) -> dict[str, str]:
    """The words that a person gave, and what commands about this dataset do not take."""
    words = {"DATASET": str(dataset.name)}
    if partition is not None:
        words["PARTITION"] = partition
    if dataset.cadence is None:
        words["PARTITION"] = ""
    return words if dataset.is_computed else words | {"--partition": ""}


@dataclass(frozen=True, kw_only=True)
class RunbookRunner:
    """Run steps of a runbook and write down what was run.

    Shapes: `most` bounds what is begun within a day, for what no person asked for.
    """

    book: RunbookBook
    case: RunbookCase
    by: str
    is_automatic: bool = False
    most: int | None = None
    run: Run = run_here

    def take(self, step: RunbookStep, words: dict[str, str]) -> StepTaken | None:
        """Run one step; None where the bound of the day is reached."""
        begun = StepTaken(
            case=self.case,
            words=filled(step.words, words),
            by=self.by,
            is_automatic=self.is_automatic,
            at=datetime.now(UTC),
        )
        number = self.book.begin(begun, self.most)
        if number is None:
            return None
        code = self.run(begun.words)
        return self.book.end(number, replace(begun, ended_at=datetime.now(UTC), exit_code=code))

    def mend(self, steps: tuple[RunbookStep, ...], words: dict[str, str]) -> Iterator[StepTaken]:
        """Run every step that mends, has all its words, up to the first that fails."""
        for step in steps:
            if step.kind != "mend" or step.unfilled - words.keys():
                continue
            taken = self.take(step, words)
            if taken is None:
                return
            yield taken
            if taken.exit_code:
                return
