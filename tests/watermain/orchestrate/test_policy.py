"""When Dagster asks for a partition whose inputs are not all there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import dagster as dg
import ibis
import pyarrow as pa
import pytest

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    Files,
    Monthly,
    dataset,
    needs,
    raw,
    unique,
)
from watermain.engine.publish.publication import check_labels
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.policy import beta_accepted, dependency

INSTANT = pa.timestamp("us", "UTC")
DAYS, MONTHS = Daily(start=date(2026, 1, 1)), Monthly(start=date(2026, 1, 1))
LATER = Daily(start=date(2026, 3, 1))
CONTRACT = Contract(
    grain="one row per event",
    key=("id",),
    event_time="at",
    columns=(Column("id", pa.string(), "the event"), Column("at", INSTANT, "when")),
)
OWNER = "team:field"


def captured(name: str, cadence: Daily) -> Dataset:
    """A dataset that comes from outside, with a check that may fail."""
    return raw(
        f"field.raw.{name}",
        source=Files(connection="drop", pattern=f"{name}*.csv", format="csv"),
        contract=CONTRACT,
        checks=(unique("id"),),
        cadence=cadence,
        owner=OWNER,
    )


reports, readings = captured("reports", DAYS), captured("readings", LATER)


@dataset(
    "field.curated.conditions",
    inputs={
        "reports": "field.raw.reports",
        "readings": needs("field.raw.readings", columns=("id", "at"), optional=True),
    },
    contract=CONTRACT,
    cadence=DAYS,
    owner=OWNER,
)
def conditions(reports: ibis.Table, readings: ibis.Table) -> ibis.Table:
    """Take what was reported, read or not."""
    return reports.left_join(readings.select("id"), "id").select("id", "at")


@dataset(
    "field.curated.either",
    inputs={
        "reports": needs("field.raw.reports", columns=("id", "at"), optional=True),
        "readings": needs("field.raw.readings", columns=("id", "at"), optional=True),
    },
    contract=CONTRACT,
    cadence=DAYS,
    owner=OWNER,
)
def either(reports: ibis.Table, readings: ibis.Table) -> ibis.Table:
    """Take what was reported or read."""
    return reports.select("id", "at").union(readings.select("id", "at"))


@dataset(
    "field.curated.months",
    inputs={"reports": "field.raw.reports"},
    contract=CONTRACT,
    cadence=MONTHS,
    owner=OWNER,
)
def months(reports: ibis.Table) -> ibis.Table:
    """Take the reports of a month."""
    return reports.select("id", "at")


@dataset(
    "field.curated.both",
    inputs={"reports": "field.raw.reports", "readings": "field.raw.readings"},
    contract=CONTRACT,
    cadence=DAYS,
    owner=OWNER,
)
def both(reports: ibis.Table, readings: ibis.Table) -> ibis.Table:
    """Take what was reported and read."""
    return reports.semi_join(readings, "id").select("id", "at")


READERS = (conditions, either, months, both)
KNOWN = {d.name: d for d in (reports, readings, *READERS)}
Asked = set[tuple[str, str]]


class Daemon:
    """Dagster's automation over the room, told of what was captured."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        assets = [asset_for(d, KNOWN.__getitem__) for d in KNOWN.values()]
        self.definitions = dg.Definitions(assets, resources={"lake": object()})
        self.cursor: object = None

    def came(self, source: Dataset, *days: str, passed: bool = True) -> None:
        """Tell of captured partitions with the verdict of their check."""
        key = dg.AssetKey(source.name.key)
        for day in days:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day))
        for label, _ in check_labels(source):
            self.instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=key, check_name=label, passed=passed or label != "unique_key_id"
                )
            )

    def asked(self) -> Asked:
        """Let automation look once, do what it asks for; give that."""
        with beta_accepted():
            found = dg.evaluate_automation_conditions(
                self.definitions, self.instance, cursor=self.cursor
            )
        self.cursor = found.cursor
        asked = {
            (reader.name.table, partition)
            for reader in READERS
            for partition in found.get_requested_partitions(dg.AssetKey(reader.name.key))
            if partition is not None
        }
        for table, partition in asked:
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(["field", "curated", table], partition=partition)
            )
        return asked


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Automation that has looked once at nothing."""
    with dg.instance_for_test() as instance:
        daemon = Daemon(instance)
        assert daemon.asked() == set()
        yield daemon


def test_day_without_an_optional_input_is_asked_for_then_again_when_it_comes(
    daemon: Daemon,
) -> None:
    """Reports make rows without readings; readings make them anew; who needs both waits."""
    daemon.came(reports, "2026-03-02")
    wanted = {("conditions", "2026-03-02"), ("either", "2026-03-02"), ("months", "2026-03-01")}
    assert daemon.asked() == wanted
    assert daemon.asked() == set()
    daemon.came(readings, "2026-03-02")
    assert daemon.asked() == {(t, "2026-03-02") for t in ("conditions", "either", "both")}
    assert daemon.asked() == set()


def test_day_before_the_optional_input_begins_is_asked_for(daemon: Daemon) -> None:
    """In January no readings exist at all, nor does a partition of theirs."""
    daemon.came(reports, "2026-01-05")
    asked = daemon.asked()
    assert asked == {
        ("conditions", "2026-01-05"),
        ("either", "2026-01-05"),
        ("months", "2026-01-01"),
    }


def test_dataset_of_optional_inputs_alone_waits_for_one_of_them(daemon: Daemon) -> None:
    """Readings without reports are enough for either, not for the rest."""
    daemon.came(readings, "2026-03-03")
    assert daemon.asked() == {("either", "2026-03-03")}


def test_running_month_is_asked_for_with_each_of_its_days(daemon: Daemon) -> None:
    """The month is computed from the days that are there, again when more come."""
    daemon.came(reports, "2026-04-01")
    assert ("months", "2026-04-01") in daemon.asked()
    daemon.came(reports, "2026-04-02", "2026-04-30")
    assert ("months", "2026-04-01") in daemon.asked()
    daemon.came(reports, "2026-05-01")
    asked = daemon.asked()
    assert {a for a in asked if a[0] == "months"} == {("months", "2026-05-01")}


def test_failed_check_of_an_optional_input_holds_its_readers_back(daemon: Daemon) -> None:
    """What may be missing may not be wrong."""
    daemon.came(readings, "2026-03-02", passed=False)
    daemon.came(reports, "2026-03-02")
    assert daemon.asked() == {("months", "2026-03-01")}
    daemon.came(readings, "2026-03-02")
    assert ("conditions", "2026-03-02") in daemon.asked()


def test_dagster_is_told_which_inputs_are_optional() -> None:
    """In the asset's metadata; a partition of the reader may have none of the input's."""
    asset = asset_for(conditions, KNOWN.__getitem__)
    assert isinstance(asset, dg.AssetsDefinition)
    spec = asset.get_asset_spec(dg.AssetKey(conditions.name.key))
    assert spec.metadata["optional_inputs"] == "field.raw.readings"
    mapping = dependency(conditions, readings.name, readings).partition_mapping
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    assert mapping.allow_nonexistent_upstream_partitions
    assert dependency(conditions, reports.name).partition_mapping is None
