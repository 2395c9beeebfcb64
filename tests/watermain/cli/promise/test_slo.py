"""`watermain slo` over a book with verdicts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.watermain.engine.promise.promises import FEES, Commits
from tests.watermain.observe.watch.ledger.test_look import PUBLISH
from watermain.cli.promise import standings
from watermain.cli.promise.slo import app
from watermain.declare import AtMost, Daily, Hourly, Share, Slo, Urgency
from watermain.declare.errors import InvalidDeclarationError, UnknownDatasetError
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.evaluate import Evaluator
from watermain.engine.promise.openslo import documents
from watermain.engine.rooms.promises import RoomPromises
from watermain.lake import ledger
from watermain.lake.lake import Lake

SLO = Slo(
    ready_within=timedelta(hours=2),
    objective=AtMost(2, of=28),
    urgency=Urgency(tier=1),
    consumers=("the board",),
)
PROMISE = Promised(dataset=FEES, slo=SLO, cadence=Daily(), owner="team:billing")


def _day(back: int) -> datetime:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=back)


@pytest.fixture
def judged(lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A promise of ten days, of which one partition came late and one never did."""
    known = RoomPromises((PROMISE,), frozenset({"billing"}))
    monkeypatch.setattr(standings, "promises", lambda home, teams: known)
    commits, book = Commits(), standings.book()
    for back in range(2, 12):
        late = timedelta(hours=5 if back == 4 else 1)
        if back != 8:
            commits.publish(f"{_day(back):%F}", _day(back - 1) + late)
    evaluator = Evaluator(book, commits)
    evaluator.judge([PROMISE], _day(11) + timedelta(hours=12))
    evaluator.judge([PROMISE], _day(1) + timedelta(hours=3))


def _said(*words: str) -> str:
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def _flat(told: str) -> str:
    """What is told in a frame, as one line."""
    return " ".join(told.replace("\u2502", " ").split())


def _facts(*words: str) -> Any:
    return json.loads(_said(*words, "--json"))


@pytest.mark.usefixtures("judged")
def test_promises_are_listed_with_how_they_stand() -> None:
    """As facts and as a table."""
    (told,) = _facts("list")
    assert (told["dataset"], told["bad"], told["left"]) == (str(FEES), 2, 0)
    assert told["good"] == 8
    assert told["promise"] == "partitions ready within 2 h, at most 2 of 28 late"
    assert "8 of 10" in _said("list")


@pytest.mark.usefixtures("judged")
def test_promise_is_shown_with_its_verdicts() -> None:
    """The newest first; what came late says how late."""
    told = _facts("show", str(FEES))
    states = {v["partition"]: v["state"] for v in told["verdicts"]}
    assert states[f"{_day(8):%F}"] == "bad"
    assert len(states) == 10
    text = _said("show", str(FEES))
    assert "3 h late" in text
    assert "the board" in text
    assert "tier 1, page" in text
    with pytest.raises(UnknownDatasetError, match="promises nothing"):
        _said("show", "billing.curated.fee")


@pytest.mark.usefixtures("lake", "home")
def test_rule_that_can_never_fire_is_told_where_the_promise_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At 60% nothing burns three times as fast as it may; nobody has judged the promise yet."""
    slo = Slo(ready_within=timedelta(hours=1), objective=Share(0.6, over=timedelta(days=28)))
    generous = Promised(dataset=FEES, slo=slo, cadence=Hourly(), owner="team:billing")
    known = RoomPromises((generous,), frozenset({"billing"}))
    monkeypatch.setattr(standings, "promises", lambda home, teams: known)
    said = " ".join(_said("show", str(FEES)).split())
    assert "is dropped: at 60% the fastest burn is 2.5x" in said
    assert [(each["state"], each["good"]) for each in _facts("list")] == [("not measured", 0)]
    assert "nothing was due yet" in _said("budget", str(FEES))


@pytest.mark.usefixtures("judged")
def test_budget_is_plotted() -> None:
    """Two misses spent it."""
    told = _said("budget", str(FEES))
    assert "   2 │███" in told
    assert "x" in told.splitlines()[-4]
    assert len(_facts("budget", str(FEES))["partitions"]) >= 10


@pytest.mark.usefixtures("judged")
def test_verdict_is_corrected_and_partition_excused_by_name() -> None:
    """Before it is due an excuse, afterwards a correction."""
    late, running = f"{_day(8):%F}", f"{_day(0):%F}"
    assert "is excused, signed by" in _said(
        "correct", str(FEES), late, "excused", "--why", "closed"
    )
    assert _facts("list")[0]["bad"] == 1
    assert "is excused by" in _said("excuse", str(FEES), running, "--why", "closed")
    refused = CliRunner().invoke(app, ["excuse", str(FEES), late, "--why", "closed"])
    assert refused.exit_code == 2
    assert f"watermain slo correct {FEES} {late} excused" in _flat(refused.output)
    older = f"{_day(20):%F}"
    refused = CliRunner().invoke(app, ["excuse", str(FEES), older, "--why", "closed"])
    assert refused.exit_code == 2
    assert "outside the promise, which began at" in _flat(refused.output)
    assert "it counts neither way already" in _flat(refused.output)
    assert "correct" not in refused.output
    assert (
        CliRunner().invoke(app, ["correct", str(FEES), late, "fine", "--why", "x"]).exit_code == 2
    )
    with pytest.raises(InvalidDeclarationError, match="no verdict to correct"):
        _said("correct", str(FEES), running, "good", "--why", "it was there")


@pytest.mark.usefixtures("judged")
def test_promises_are_written_as_openslo(tmp_path: Path) -> None:
    """A service for each room, and an objective that the k of n gives."""
    _said("export", "--to", str(tmp_path / "promises.yaml"))
    text = (tmp_path / "promises.yaml").read_text()
    assert text == _said("export")
    service, slo, fresh = yaml.safe_load_all(text)
    assert (service["kind"], service["metadata"]["name"]) == ("Service", "billing")
    assert slo["metadata"]["name"] == "billing-curated-fees-on-time"
    assert slo["metadata"]["labels"] == {
        "tier": "1",
        "severity": "page",
        "misses": "2",
        "partitions": "28",
    }
    spec = slo["spec"]
    assert (spec["service"], spec["budgetingMethod"]) == ("billing", "Occurrences")
    assert fresh["spec"]["budgetingMethod"] == "Timeslices"
    assert spec["timeWindow"] == [{"duration": "28d", "isRolling": True}]
    assert spec["objectives"][0]["target"] == round(26 / 28, 6)
    shared = Slo(ready_within=timedelta(hours=2), objective=Share(0.95, over=timedelta(days=40)))
    other = Promised(dataset=FEES, slo=shared, cadence=Daily(), owner="team:billing")
    *_, told, _ = yaml.safe_load_all(documents([other]))
    assert told["spec"]["timeWindow"][0]["duration"] == "40d"
    assert told["spec"]["objectives"][0]["target"] == 0.95


def test_show_tells_which_drop_of_rows_would_be_noticed(judged: None, lake: Lake) -> None:
    """A fifth of steady days; nothing before the baseline has learnt."""
    assert "notices   no drop of rows yet" in _said("show", str(FEES))
    rows = [
        replace(PUBLISH, partition=f"{_day(back):%F}", published_at=_day(back - 1))
        for back in range(1, 58)
    ]
    with lake.get_connection() as connection:
        ledger.append(connection, rows)
    assert "notices   a drop of 20% of a day's rows" in _said("show", str(FEES))
    assert _facts("show", str(FEES))["smallest_drop"] == pytest.approx(0.2)
