"""What came of a game day is told as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.watermain.cli.gameday.test_failure import AT, GOOD, SECOND
from watermain.cli.gameday.failure import FAILURES, FailureSeen
from watermain.cli.gameday.pager import HeardTelling
from watermain.cli.gameday.report import facts, p95, page, strangers

SLOW = replace(GOOD, number=1, told_at=AT + 90 * SECOND)
UNSEEN = FailureSeen(failure=FAILURES["F2"], number=1, provoked=GOOD.provoked)


def heard(dataset: str, kind: str = "fired") -> HeardTelling:
    """Something that was told."""
    return HeardTelling(at=AT, cause_id=f"{dataset}@x", kind=kind, title=f"[page] {dataset}")


def test_page_has_a_row_for_each_failure() -> None:
    """With how often, how fast; what nobody was told of is no success."""
    text = page([SLOW, GOOD, UNSEEN], [], datetime(2026, 6, 3, tzinfo=UTC))
    late, drift = (line for line in text.splitlines() if line.startswith("| F"))
    assert late == (
        "| F1 | late arrivals | 2 | 2 | on_time: first miss | page | team:harbour | 90, p95 90 |"
        " [partitions-are-late](runbooks/partitions-are-late.md) | 140, p95 140 | 2 of 2 |"
    )
    assert drift.startswith("| F2 | schema drift | 1 | 0 | none | none | none | none |")
    assert drift.endswith("| none | 0 of 1 |")
    assert 'and people were told "it is missing", and then the partner sends it, and' in text
    assert "sends it, and `watermain run x` was run." in text
    assert "and nobody was told, and then" in text
    assert "- F2 1: nobody was told within 720 s" in text
    assert "what nobody provoked: none." in text


def test_stranger_is_told() -> None:
    """An alert about what nobody let fail; its end is not counted again."""
    some = [heard("harbour.raw.late_1"), heard("harbour.raw.dear_1"), heard("a.raw.b", "fixed")]
    others = strangers(some, [FAILURES["F1"]])
    assert [each.dataset for each in others] == ["harbour.raw.dear_1"]
    assert "- [page] harbour.raw.dear_1" in page([GOOD], others, AT)


def test_facts_are_for_programs() -> None:
    """Seconds, outcome, what was run."""
    told = facts(GOOD)
    assert (told["failure"], told["dataset"]) == ("F1", "harbour.raw.late_2")
    assert (told["detection_seconds"], told["recovery_seconds"]) == (50, 140)
    assert told["mitigation"] == [{"command": "watermain run x", "exit": 0}]
    assert (facts(UNSEEN)["outcome"], facts(UNSEEN)["detection_seconds"]) == ("not detected", None)


def test_p95_is_a_value_that_was_measured() -> None:
    """Of five the greatest, of a hundred the ninety-fifth."""
    assert p95([5.0, 1.0, 2.0, 3.0, 4.0]) == 5.0
    assert p95([float(n) for n in range(1, 101)]) == 95.0
    assert p95([7.0]) == 7.0
