"""Out of order, late: whatever the schedule, readers end as one batch would have left them."""

from __future__ import annotations

import json

import pytest

from tests.faults.lateness import run_schedules
from watermain.engine.capture.lateness import Late, Watermarks
from watermain.lake.lake import Lake


def test_schedules_of_late_events_give_the_batch_answer(lake: Lake) -> None:
    """A short cut of the campaign in `make faults`."""
    found = run_schedules(lake, 6, 3)
    assert found.problems == []
    assert found.counts["late"] > 0
    assert found.counts["refreshed"] > 0
    assert found.done == 6


def test_the_campaign_bites_when_late_rows_are_not_counted(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted defect is found by the model."""
    monkeypatch.setattr(Watermarks, "late", lambda *_: Late(0, json.dumps([])))
    assert run_schedules(lake, 6, 3).problems
