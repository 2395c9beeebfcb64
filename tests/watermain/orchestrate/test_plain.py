"""Plain Dagster definitions that a room brings along."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from watermain.orchestrate.plain import plain_definitions

MODULE = """
import dagster as dg

@dg.asset
def page(): return 1

@dg.asset_check(asset=page)
def page_is_there(): return dg.AssetCheckResult(passed=True)

outside = dg.AssetSpec("outside")
job = dg.define_asset_job("pages", [page])

@dg.sensor(job=job)
def watch(): return dg.SkipReason("nothing")

daily = dg.ScheduleDefinition(job=job, cron_schedule="0 5 * * *")
more = dg.Definitions(assets=[dg.AssetSpec("more")])
helper = 3
"""


def test_every_kind_of_definition_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out, and what is no definition is left alone."""
    (tmp_path / "plain_example.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    found = plain_definitions("plain_example")
    assert {k.to_user_string() for k in found.resolve_all_asset_keys()} == {
        *("page", "outside", "more"),
    }
    repository = found.get_repository_def()
    assert {c.name for c in repository.asset_graph.asset_check_keys} == {"page_is_there"}
    assert {j.name for j in repository.get_all_jobs()} >= {"pages"}
    assert {s.name for s in repository.sensor_defs} == {"watch"}
    assert {s.name for s in repository.schedule_defs} == {"pages_schedule"}
    sys.modules.pop("plain_example")


def test_module_that_is_not_there_is_told() -> None:
    """Dagster's own page shows it as the room's error."""
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        plain_definitions("no_such_module")
