"""Captures with publishes killed at every failpoint lose nothing, double nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.answers import LOST
from tests.faults.campaign import INGEST, PUBLISH, campaign
from tests.faults.contracts import FAILPOINTS
from tests.faults.outside import KINDS, Systems
from tests.house.tree import ROOT
from tests.watermain.engine.feature.test_online import FAILPOINTS as ONLINE

KILLS = 36
# What no capture or publish passes, by the test that kills there.
ELSEWHERE = {
    "adopt.": "tests/faults/test_adopt_kills.py",
    "alert.": "tests/faults/alerts.py",
    "checksums.": "tests/watermain/lake/rest/test_vouching.py",
    "compact.": "tests/watermain/engine/table/test_compaction.py",
    "deliver.": "tests/faults/alerts.py",
    "expiry.": "tests/watermain/lake/rest/test_expiry.py",
    "files.": "tests/watermain/engine/table/test_file_resident.py",
    "ledger.packed": "tests/watermain/lake/rest/test_ledger_files.py",
    "promise.": "tests/watermain/engine/promise/test_evaluate.py",
    "sweep.": "tests/watermain/lake/rest/test_sweep.py",
    "verify.": "tests/watermain/lake/rest/test_verification.py",
}


def test_every_failpoint_of_the_sources_is_in_the_campaign() -> None:
    """A failpoint that somebody adds is killed at, too."""
    named = set()
    for folder in ("watermain", "platform_assets"):
        for path in (ROOT / folder).rglob("*.py"):
            named |= set(re.findall(r'failpoint\("([\w.]+)"\)', path.read_text()))
    killed = {name for name in named if name.startswith(tuple(ELSEWHERE))}
    for prefix, path in ELSEWHERE.items():
        told = (ROOT / path).read_text()
        assert [n for n in killed if n.startswith(prefix) and f'"{n}' not in told] == []
    assert named - killed == {*INGEST, *PUBLISH, LOST, *FAILPOINTS, *ONLINE}


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_kills_lose_nothing_double_nothing(
    tmp_path: Path, systems: Systems, capsys: pytest.CaptureFixture[str]
) -> None:
    """After each of thirty-six kills a retry brings the lake to what was written at the source."""
    tally = campaign(systems, tmp_path, kills=KILLS, seed=2013)
    with capsys.disabled():
        print(f"\n{tally}")  # noqa: T201
    assert tally.problems == []
    assert tally.kills.total() == KILLS
    assert tally.while_recovering >= KILLS // 4
    assert {place.partition(":")[0] for place in tally.kills} == set(KINDS)
    assert tally.files > 0
