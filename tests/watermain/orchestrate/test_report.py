"""Check evaluations reach Dagster's PostgreSQL alike, few or many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster_postgres.event_log import PostgresEventLogStorage

from tests.conftest import NUMBERS
from tests.watermain.orchestrate.test_asset import KEY, ranged, run, stocked
from watermain.lake.lake import Lake
from watermain.orchestrate import report
from watermain.process.postgres import EmbeddedPostgres

__all__ = ["stocked"]
Row = tuple[str, str, str, str]


@pytest.fixture
def instance(tmp_path: Path, postgres: EmbeddedPostgres) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance on PostgreSQL."""
    name = f"dagster_{next(NUMBERS)}"
    postgres.ensure_database(name)
    url = postgres.url(name).replace("postgresql://", "postgresql+psycopg2://")
    words = {"storage": {"postgres": {"postgres_url": url}}, "telemetry": {"enabled": False}}
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(words))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def executions(instance: dg.DagsterInstance, run_id: str) -> list[Row]:
    """What Dagster knows of every check of a run."""
    storage, table = instance.event_log_storage, AssetCheckExecutionsTable
    assert isinstance(storage, PostgresEventLogStorage)
    with storage.index_connection() as connection:
        columns = (table.c.check_name, table.c.partition, table.c.execution_status)
        found = connection.execute(table.select().with_only_columns(*columns, table.c.run_id))
        rows = [tuple(str(v) for v in row) for row in found if row.run_id == run_id]
    return sorted(row[:3] for row in rows)  # type: ignore[misc]


def test_report_is_the_same_in_one_transaction_as_one_by_one(
    stocked: Lake, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three days with six checks, one of which fails; no planned execution stays open."""
    found = {}
    for few in (1000, 2):
        monkeypatch.setattr(report, "FEW", few)
        monkeypatch.setattr(report, "AT_ONCE", 7)
        tags = ranged("2013-01-01", "2013-01-03") | {"watermain/rebuild": "true"}
        found[few] = executions(instance, run(stocked, instance, tags=tags).run_id)
    assert found[1000] == found[2]
    assert len(found[2]) == 18
    assert [row for row in found[2] if row[2] != "SUCCEEDED"] == [
        ("between_amount", "2013-01-03", "FAILED")
    ]


def test_report_of_many_tells_each_event_with_its_place(
    stocked: Lake, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history of a check reads as if Dagster itself had written it."""
    monkeypatch.setattr(report, "FEW", 2)
    run(stocked, instance, tags=ranged("2013-01-01", "2013-01-03"))
    key = dg.AssetCheckKey(KEY, "between_amount")
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    told = {}
    for record in records:
        assert record.event is not None
        evaluation = record.event.get_dagster_event().asset_check_evaluation_data
        told[evaluation.partition] = evaluation.passed, evaluation.metadata["failing"].value
        assert record.event.step_key == "shop__curated__sales"
    assert told == {
        "2013-01-01": (True, 0),
        "2013-01-02": (True, 0),
        "2013-01-03": (False, 1),
    }
