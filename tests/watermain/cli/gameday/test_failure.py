"""What came of a failure is held against what had to come of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.house.tree import ROOT
from watermain.cli.gameday.failure import FAILURES, FailureSeen, Provoked, chosen
from watermain.cli.gameday.scenes import SCENES
from watermain.declare.errors import InvalidDeclarationError
from watermain.observe.runbook.shelf import runbooks
from watermain.observe.runbook.symptom import page_of

AT = datetime(2026, 6, 3, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
GOOD = FailureSeen(
    failure=FAILURES["F1"],
    number=2,
    provoked=Provoked(at=AT, partition="2026-06-03-07:00"),
    told_at=AT + 50 * SECOND,
    promise="on_time",
    rule="first miss",
    severity="page",
    owner="team:harbour",
    told="it is missing",
    mitigation=(("watermain run x", 0),),
    mended_at=AT + 60 * SECOND,
    fixed_at=AT + 200 * SECOND,
)


def test_every_failure_of_the_list_has_its_scene_its_runbook() -> None:
    """F1 to F10; the page that the alert itself names; each stands in the guide."""
    assert list(FAILURES) == [f"F{n}" for n in range(1, 11)] == list(SCENES)
    guide = (ROOT / "docs" / "guides" / "gameday.md").read_text()
    for code, each in FAILURES.items():
        assert each.runbook in runbooks()
        assert {page_of(p) for p in each.promises} == {each.runbook}, code
        assert f"| {code} | {each.title} |" in guide
        assert f"a {each.severity}, [" in guide.split(f"| {code} |")[1].splitlines()[0]


def test_failures_are_chosen_by_their_codes() -> None:
    """In the order of the list, whatever the case; all of them without any."""
    assert [f.code for f in chosen(["f10", "F2"])] == ["F2", "F10"]
    assert len(chosen([])) == 10
    with pytest.raises(InvalidDeclarationError, match="there is no failure `F11`") as refused:
        chosen(["F11"])
    assert "`F1`, `F2`" in refused.value.next
    assert FAILURES["F1"].dataset(3) == "harbour.raw.late_3"


def test_what_is_as_it_has_to_be_is_said_to_be() -> None:
    """With how long it took."""
    assert (GOOD.outcome, GOOD.wrong) == ("as expected", [])
    assert GOOD.detection == 50 * SECOND
    assert GOOD.recovery == 140 * SECOND


@pytest.mark.parametrize(
    ("words", "outcome", "said"),
    [
        ({"provoked": None, "trouble": "no"}, "not provoked", "it could not be provoked: no"),
        ({"told_at": None}, "not detected", "nobody was told within 300 s"),
        ({"promise": "cost"}, "otherwise", "told as `cost`, not as one of `on_time`"),
        ({"severity": "ticket"}, "otherwise", "a ticket, not a page"),
        ({"owner": ""}, "otherwise", "its owner is nobody, not team:harbour"),
        ({"told_at": AT + 121 * SECOND}, "otherwise", "told after 121 s"),
        ({"fixed_at": None}, "otherwise", "it was never told to be over"),
        ({"mitigation": (("watermain run x", 1),)}, "otherwise", "`watermain run x` ended with 1"),
        ({"trouble": "the line broke"}, "otherwise", "the line broke"),
    ],
)
def test_what_is_not_is_told(words: dict[str, object], outcome: str, said: str) -> None:
    """Each with what is wrong."""
    seen = replace(GOOD, **words)  # type: ignore[arg-type]
    assert seen.outcome == outcome
    assert said in seen.wrong


def test_alert_that_outlasts_the_day_is_not_awaited() -> None:
    """That of cost stands for its hour."""
    dear = FAILURES["F4"]
    seen = replace(GOOD, failure=dear, promise="cost", severity="ticket", fixed_at=None)
    assert seen.wrong == []
