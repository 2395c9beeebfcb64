"""Everything that pages look at, each read no more often than it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from watermain.clock import Clock
from watermain.console.asked import AskedLedger, LedgerAnswer
from watermain.console.books import ShownBooks
from watermain.console.remembered import LastReading, Remembered
from watermain.console.standing import AWAY, Standings, StandingsReader
from watermain.declare.errors import UnreachableSystemError
from watermain.lake.catalog import catalog_dsn
from watermain.settings import load_settings, project

FRESH = timedelta(seconds=10)  # the evaluator judges as often
ASKED = timedelta(minutes=1)  # the ledger is asked by a process, which costs a second of a core
OLDEST = timedelta(minutes=2)  # older standings are not shown before they were read again
EVER = timedelta(days=10_000)


@dataclass(frozen=True)
class Sight:
    """What every page is made of.

    Guarantees: nothing of it changes anything.
    """

    home: Path
    books: ShownBooks
    read_standings: Remembered[Standings]
    read_ledger: Remembered[LedgerAnswer]
    dagster: str
    clock: Clock

    @classmethod
    def of_settings(cls, ask: Callable[[], LedgerAnswer] | None = None) -> Sight:
        """The sight of the platform that the settings describe."""
        settings, clock = load_settings(), Clock()
        books = ShownBooks(lambda: catalog_dsn(load_settings()))
        count = StandingsReader(settings.home, books)
        read = Remembered(lambda: count(clock.now()), FRESH, OLDEST, 2 * FRESH)
        asked = Remembered(ask or AskedLedger(), ASKED, EVER, timedelta(0))
        dagster = f"http://127.0.0.1:{settings.port}"
        return cls(settings.home, books, read, asked, dagster, clock)

    def standings(self) -> Standings:
        """How every dataset stands.

        Raises: UnreachableSystemError, where that cannot be read any more.
        """
        found = self.read_standings.get()
        if found.value is None or found.trouble:
            raise UnreachableSystemError(
                found.trouble or "the verdicts could not be read in time",
                declared="the book of verdicts in PostgreSQL",
                data="nothing is shown; nothing was changed",
                next="watermain doctor",
            )
        return found.value

    def ledger(self) -> LastReading[LedgerAnswer]:
        """What the ledger and Dagster told last; nothing until they were asked."""
        return self.read_ledger.get()

    def away(self, evaluated_at: datetime | None, now: datetime) -> str:
        """Why what was due lately may not be judged yet; empty where it is."""
        if evaluated_at is None:
            return "Nothing was judged yet."
        if abs(now - evaluated_at) > AWAY:
            return f"Nobody judges: the last verdicts are of {evaluated_at:%Y-%m-%d %H:%M:%S} UTC."
        return ""

    def asset(self, name: str) -> str:
        """Where Dagster shows a dataset."""
        return f"{self.dagster}/assets/{name.replace('.', '/')}"

    def run(self, run_id: str) -> str:
        """Where Dagster shows a run; empty for what is no run of Dagster."""
        is_run = len(run_id) == 36 and run_id.count("-") == 4
        return f"{self.dagster}/runs/{run_id}" if is_run else ""

    def file(self, path: str) -> str:
        """Where a browser reads a file of the project; empty where that is not told."""
        here, (name, _, line) = project(), path.partition(":")
        if not here.repository or not (here.root / name).is_file():
            return ""
        return f"{here.repository.rstrip('/')}/{name}{f'#L{line}' if line else ''}"
