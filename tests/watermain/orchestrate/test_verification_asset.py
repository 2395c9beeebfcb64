"""The upkeep room verifies the lake by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.house.tree import ROOT
from tests.watermain.engine.damaging import SALES, cut, listed
from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import KNOWN, days, events, job, rows, sales, sold
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import publish
from watermain.lake.lake import Lake
from watermain.orchestrate.location import code_location
from watermain.orchestrate.verification_asset import (
    RUNBOOK,
    is_verification,
    verification_asset,
)
from watermain.upkeep.raw import verifications

KEY = dg.AssetKey(["upkeep", "raw", "verifications"])


@pytest.fixture
def stocked(lake: Lake) -> Lake:
    """Three days of sales."""
    given = [sold(n, 1 + n % 3, n) for n in range(9)]
    capture(events, job(lake), source=Feed(changes(given)))
    publish(sales, days(1, 3), job(lake)).refuse_blocked()
    return lake


def run(lake: Lake) -> tuple[dict[str, Any], Any, list[Any]]:
    """Run the asset: its facts, its check, what else Dagster is told of."""
    asset = verification_asset(verifications, KNOWN.__getitem__, lambda: KNOWN)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([asset], instance=instance, resources={"lake": lake})
    told = done.get_asset_materialization_events()
    (own,) = [e for e in told if e.asset_key == KEY]
    others = [e for e in told if e.asset_key != KEY]
    (check,) = done.get_asset_check_evaluations()
    facts = {k: v.value for k, v in own.materialization.metadata.items()}
    return facts, check, others


def test_slice_rebuilds_what_it_can_then_passes(stocked: Lake) -> None:
    """Dagster learns of each partition that was computed anew."""
    before = rows(stocked)
    cut(Path(listed(stocked)[0].path))
    facts, check, others = run(stocked)
    assert (facts["damaged"], facts["partitions computed anew"]) == (1, 3)
    assert check.passed
    assert [(e.asset_key.path[-1], e.partition) for e in others] == [
        ("sales", f"2013-01-0{day}") for day in (1, 2, 3)
    ]
    assert rows(stocked) == before


def test_slice_names_what_nothing_can_rebuild(stocked: Lake) -> None:
    """Dataset, partitions, snapshots, file, what to capture again: by a check that fails."""
    (raw,) = listed(stocked, str(events.name))
    cut(Path(raw.path))
    facts, check, others = run(stocked)
    assert (facts["damaged"], facts["partitions computed anew"], others) == (1, 0, [])
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    damage = check.metadata["damaged"].value
    assert damage.startswith(
        f"{events.name} [2013-01-01..2013-01-03], snapshots since {raw.begun}: {raw.file}: it holds"
    )
    assert damage.endswith("(s from its beginning to 1)")
    assert check.metadata["runbook"].value == RUNBOOK
    assert (ROOT / RUNBOOK).exists()


def test_room_verifies_each_hour() -> None:
    """The schedule runs by default; the asset has the dataset's key, nothing else has."""
    made = code_location("upkeep")
    assert [d.name.table for d in [verifications] if is_verification(d)] == ["verifications"]
    assert not is_verification(sales)
    (schedule,) = [s for s in made.schedules or () if s.name == "upkeep_verification"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "40 * * * *"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    keys = [k for a in made.assets or () if isinstance(a, dg.AssetsDefinition) for k in a.keys]
    assert keys.count(KEY) == 1
    assert SALES not in map(str, keys)
