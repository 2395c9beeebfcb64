"""What goes wrong reaches the right people, on a real platform."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.house.tree import ROOT
from watermain.cli.gameday.failure import FAILURES
from watermain.settings import child_environment

pytestmark = [pytest.mark.campaign, pytest.mark.slow, pytest.mark.timeout(2400)]


def test_every_failure_is_told_as_what_it_is() -> None:
    """Of F1 to F10: the promise, the severity, the owner, the runbook's end; nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "watermain", "gameday", "--json"],
        cwd=ROOT,
        env={k: v for k, v in child_environment().items() if not k.startswith("WATERMAIN_")},
        capture_output=True,
        text=True,
        timeout=2300,
        check=False,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["others"] == []
    assert [each["failure"] for each in told["failures"]] == list(FAILURES)
    for each in told["failures"]:
        wanted = FAILURES[each["failure"]]
        found = (each["promise"] in wanted.promises, each["severity"], each["owner"])
        assert found == (True, wanted.severity, wanted.owner), each
        assert {step["exit"] for step in each["mitigation"]} <= {0}, each
        assert wanted.stands or each["recovery_seconds"] is not None, each
