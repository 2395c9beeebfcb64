"""The command that runs the campaigns at the edges."""

from __future__ import annotations

import json

import pytest

from tests.faults.edges import EDGES, main


@pytest.mark.slow
def test_campaign_prints_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each, in a shape that all share."""
    assert main(["request schedules", "endpoint kills", "--count", "2", "--seed", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["request schedules", "endpoint kills"]
    for line in lines:
        found = json.loads(line.partition(": ")[2])
        assert found.keys() == {"count", "figures", "problems", "left_out"}
        assert (found["count"], found["problems"]) == (2, [])


def test_campaigns_are_as_long_as_promised() -> None:
    """Five hundred schedules, twenty rotations at least."""
    assert EDGES["request schedules"][0] >= 500
    assert EDGES["secret rotations"][0] >= 20
