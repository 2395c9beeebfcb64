"""How promises stand, by the same arithmetic as `watermain slo`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.watermain.console.seeded import SeededPlatform
from tests.watermain.engine.promise.promises import june
from watermain.cli.promise.standings import standings as of_command
from watermain.console.books import ShownBooks
from watermain.console.standing import COUNTED, ORDER, Standings, StandingsReader, one
from watermain.lake.lake import Lake
from watermain.settings import load_settings

NOW = june(20, 12)


@pytest.fixture
def seeded(home: Path, lake: Lake) -> SeededPlatform:
    """A month of verdicts."""
    made = SeededPlatform(home, str(load_settings().postgres), NOW)
    made.judged()
    return made


def read(seeded: SeededPlatform) -> Standings:
    """How every dataset stands now."""
    return StandingsReader(seeded.home, ShownBooks(lambda: seeded.dsn))(NOW)


def test_page_and_command_say_the_same(seeded: SeededPlatform) -> None:
    """State, counts, budget and coverage of every promise."""
    found, book = read(seeded), seeded.judged()
    wanted = [line.promised for line in found.promised if line.promised is not None]
    for each in of_command(wanted, book, NOW):
        line, facts = found.lines[str(each.promised.dataset)], each.facts()
        assert line.state == facts["state"]
        told = (line.good, line.bad, line.unknown, line.left, line.allowed)
        assert told == tuple(facts[n] for n in ("good", "bad", "unknown", "left", "allowed"))
        assert round(line.coverage, 4) == facts["coverage"]
        stands, verdicts = one(each.promised, ShownBooks(lambda: seeded.dsn), NOW)
        assert stands == each.status
        assert {k: verdicts[k] for k in each.verdicts} == each.verdicts
    assert len(wanted) == 3


def test_what_needs_a_look_comes_first(seeded: SeededPlatform) -> None:
    """Not measured stands above what burns: nobody knows that it does not."""
    states = [line.state for line in read(seeded).promised]
    assert states == ["breached", "burning", "met"]
    assert ORDER.index("not measured") < ORDER.index("burning") < ORDER.index("met")


def test_nothing_is_counted_twice_until_something_is_written(seeded: SeededPlatform) -> None:
    """The same lines, while the instant of the evaluator is read each time."""
    reader = StandingsReader(seeded.home, ShownBooks(lambda: seeded.dsn))
    first = reader(NOW)
    assert reader(NOW + timedelta(seconds=10)).lines is first.lines
    name = first.promised[0].told.name
    book = seeded.judged()
    book.correct(name, "2026-06-18", "excused", why="nobody works then", by="ann", now=NOW)
    assert reader(NOW + timedelta(seconds=20)).lines is not first.lines


def test_what_nobody_judges_is_counted_again_after_a_while(seeded: SeededPlatform) -> None:
    """An evaluator that is away writes nothing, and what becomes due is not measured."""
    reader = StandingsReader(seeded.home, ShownBooks(lambda: seeded.dsn))
    first = reader(NOW)
    assert reader(NOW + COUNTED).lines is not first.lines
    later = reader(NOW + timedelta(days=5))
    assert {line.state for line in later.promised} == {"not measured", "breached"}
    assert all(line.unknown == 5 for line in later.promised)


def test_line_shows_the_last_partitions(seeded: SeededPlatform) -> None:
    """Oldest first, with the newest by its key."""
    line = read(seeded).lines["operations.curated.late_fees"]
    assert line.recent == ("good",) * 12 + ("bad",) * 2
    assert line.newest == "2026-06-19"
