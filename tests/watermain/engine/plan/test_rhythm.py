"""What a project leaves to streams."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import ibis
import pytest

from tests.watermain.engine.capture.test_lateness import DAYS, events
from watermain.declare import Dataset, Kafka, dataset
from watermain.engine.plan.rhythm import flows, is_streamed
from watermain.project import Project

live = replace(events, source=Kafka(connection="bus", topic="events"))


@dataset(
    "shop.curated.days",
    inputs={"events": "shop.raw.events"},
    contract=events.contract,
    cadence=replace(DAYS, every=timedelta(seconds=1)),
    owner="team:shop",
)
def days(events: ibis.Table) -> ibis.Table:
    """Read the events of a day."""
    return events.select("id", "at")


slow = replace(days, cadence=DAYS)
timed = replace(live, schedule="@daily")


@pytest.mark.parametrize(
    ("stream", "streamed"),
    [
        ("all", [live, days]),
        ("rooms", [live, days]),
        ((), []),
        (("shop",), [live, days]),
        (("other",), []),
        (("shop.raw.events",), [events, live, timed]),
        (("shop.curated.days",), [days]),
    ],
)
def test_a_project_says_what_is_streamed(
    stream: str | tuple[str, ...], streamed: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that flows, or what is named; a dataset that is named is, whatever its source."""
    said = Project(root=Path(), stream=stream)
    monkeypatch.setattr("watermain.engine.plan.rhythm.project", lambda: said)
    found = [d for d in (events, live, timed, days, slow) if is_streamed(d)]
    assert list(map(id, found)) == list(map(id, streamed))


def test_what_flows_is_live_or_follows() -> None:
    """Files wait for a look, and what has a schedule for its time."""
    assert [flows(d) for d in (events, live, timed, days, slow)] == [
        False,
        True,
        False,
        True,
        False,
    ]
