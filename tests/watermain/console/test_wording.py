"""States in words, with how old they are."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta

import pytest
from markupsafe import Markup

from watermain.console import wording
from watermain.console.standing import ORDER
from watermain.console.wording import ago, badge, breaking, instant, marks, percent

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)


def test_examples_are_true() -> None:
    """Those of the docstrings."""
    found = doctest.testmod(wording)
    assert found.attempted >= 3
    assert found.failed == 0


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=9, seconds=59), "9 min 59 s ago"),
        (timedelta(minutes=10, seconds=59), "10 min ago"),
        (timedelta(hours=3, seconds=30), "3 h ago"),
        (timedelta(days=2, hours=5, minutes=3), "2 days 5 h ago"),
        (-timedelta(hours=2), "in 2 h"),
    ],
)
def test_age_is_told_in_words(before: timedelta, words: str) -> None:
    """No finer than anybody wants to know."""
    assert ago(NOW - before, NOW) == words


def test_what_never_was_has_no_age() -> None:
    """It is said."""
    assert ago(None, NOW) == "never"
    assert instant(None) == "never"


def test_instant_has_its_zone() -> None:
    """For people and for machines; whatever zone it came in."""
    local = NOW.astimezone(tz=datetime.fromisoformat("2026-01-01T00:00:00+05:30").tzinfo)
    told = '<time datetime="2026-06-20T12:00:00+00:00">2026-06-20 12:00:00 UTC</time>'
    assert instant(local) == told


def test_no_state_is_told_by_its_color_alone() -> None:
    """Each has its word and a mark, and no two of one list have the same mark."""
    for state in ORDER:
        shown = badge(state)
        assert f"</span> {state}</span>" in shown
        assert f'aria-hidden="true">{wording.MARKS[state]}</span>' in shown
    assert len({wording.MARKS[state] for state in ORDER}) == len(ORDER)
    verdicts = ("good", "bad", "excused", "unknown")
    assert len({wording.MARKS[state] for state in verdicts}) == 4


@pytest.mark.parametrize("state", ["not measured", "no promise", "pending", "<b>"])
def test_what_is_not_known_is_never_green(state: str) -> None:
    """Nor is what this release has no word for; and text stays text."""
    assert 'class="badge unknown"' in badge(state)
    assert "<b>" not in badge(state)


def test_marks_say_what_they_show() -> None:
    """What nobody judged is counted as not measured."""
    shown = marks(("good", "bad", None))
    assert "the last 3, oldest first: 1 in time, 1 missed, 1 not measured" in shown
    assert shown.count('class="mark unknown"') == 1
    assert "nothing was due yet" in marks(())


def test_names_break_after_their_parts() -> None:
    """And escape what is in them."""
    assert breaking("a.b.c") == Markup("a.<wbr>b.<wbr>c")
    assert "<b>" not in breaking("<b>.x")


def test_share_that_was_not_measured_is_no_number() -> None:
    """No 0 % and no 100 %."""
    assert (percent(None), percent(1.0), percent(0.8929)) == ("not measured", "100%", "89.3%")
