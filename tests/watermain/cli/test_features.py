"""`watermain features`: tables listed, described, compared, filled, held against the lake."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from watermain.__main__ import app
from watermain.cli import features as command
from watermain.declare import Column, Contract, Dataset, Feature, Online, feature_table
from watermain.declare.errors import UnknownFeatureError
from watermain.engine.feature.keep_online import keep_online
from watermain.engine.feature.present_drift import PRESENT, present_drift
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.lake.lake import Lake
from watermain.online.opening import open_store
from watermain.orchestrate.feature_check import feature_checks, newest_event
from watermain.settings import load_settings

INSTANT = pa.timestamp("us", "UTC")
NOON = datetime(2013, 1, 9, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)
Row = tuple[str, datetime, float]


def table(rows: list[Row], *, version: int = 1, extra: bool = False, **words: Any) -> Dataset:
    """A version of a feature table that holds these rows."""
    columns = (
        Column("airport", pa.string(), "where"),
        Column("at", INSTANT, "when"),
        Column("delay", pa.float64(), "of departures", unit="minutes"),
        *((Column("late", pa.bool_(), "over 15 minutes"),) if extra else ()),
    )
    contract = Contract(
        grain="one row per airport", key=("airport", "at"), event_time="at", columns=columns
    )
    given = [dict(zip(("airport", "at", "delay"), row, strict=True)) for row in rows]
    held = [{**row, "late": row["delay"] > 15} for row in given] if extra else given

    @feature_table(
        "shop.features.delay",
        feature=Feature(entity=("airport",), version=version, **words),
        contract=contract,
        owner="team:shop",
    )
    def delay() -> pa.Table:
        """Hold what the test gives."""
        return pa.Table.from_pylist(held, schema=contract.schema)

    return delay


OLD = [("EWR", NOON, 10.0), ("JFK", NOON, 20.0), ("JFK", NOON + HOUR, 30.0)]
NEW = [("EWR", NOON, 10.0), ("JFK", NOON, 25.0), ("LGA", NOON, 1.0)]


class Shop:
    """A room with two versions of one table."""

    def __init__(self, lake: Lake, *datasets: Dataset) -> None:
        self.lake, self.known = lake, {d.name: d for d in datasets}
        self.job = Job(lake=lake, find=self.known.__getitem__)
        for dataset in datasets:
            publish(dataset, None, self.job).refuse_blocked()
            keep_online(dataset, self.job)


@pytest.fixture
def shop(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """What the command finds declared."""
    found = Shop(
        lake,
        table(OLD, online=Online(), max_age=HOUR),
        table(NEW, version=2, extra=True, state="candidate"),
    )
    monkeypatch.setattr(command, "everything", lambda: found.known)
    return found


def features(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["features", *words])


def told(*words: str) -> Any:
    """The facts that the command prints."""
    done = features(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_list_shows_every_version(shop: Shop) -> None:
    """With its state, its newest row."""
    found = {row["version"]: row for row in told("list")}
    assert found[1]["table"] == found[2]["table"] == "shop.features.delay"
    assert (found[1]["state"], found[2]["state"]) == ("current", "candidate")
    assert (found[1]["online"], found[2]["online"]) == ("yes", "no")
    assert (found[1]["newest"], found[2]["newest"]) == ("2013-01-09 18:00Z", "2013-01-09 17:00Z")
    assert (found[1]["features"], found[2]["features"]) == (1, 2)


def test_table_without_rows_is_listed_too(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was ever published of it."""
    made = table(OLD)
    monkeypatch.setattr(command, "everything", lambda: {made.name: made})
    assert [row["newest"] for row in told("list")] == [""]
    assert newest_event(lake, made) is None


def test_describe_tells_meaning_place_freshness(shop: Shop) -> None:
    """Whom it tells of, since when, where it stands online."""
    found = told("describe", "shop.features.delay")
    assert found["entity"] == "airport"
    assert found["version"] == "1, current"
    assert found["max age"] == "1:00:00"
    assert len(found["definition"]) == 16
    assert found["online"].startswith("snapshot ")
    assert found["features"] == {"delay": ["double", "minutes", "of departures"]}
    candidate = told("describe", "shop.features.delay@2")
    assert candidate["definition"] == "not fixed: a candidate may change"
    assert candidate["online"] == "not filled"


def test_unknown_table_is_answered_with_near_names(shop: Shop) -> None:
    """A typo is answered with what was meant."""
    done = features("describe", "shop.features.dealy")
    assert isinstance(done.exception, UnknownFeatureError)
    assert "shop.features.delay" in done.exception.next


def test_diff_compares_versions_row_by_row(shop: Shop) -> None:
    """Rows meet by entity and event time; what only one version has is counted."""
    found = told("diff", "shop.features.delay@1", "shop.features.delay@2")
    assert (found["both"], found["only_old"], found["only_new"]) == (2, 1, 1)
    assert (found["added"], found["removed"]) == (["late"], [])
    (delay,) = found["changes"]
    assert (delay["feature"], delay["changed"]) == ("delay", 1)
    assert (delay["old_mean"], delay["new_mean"]) == (20.0, 12.0)
    done = features("diff", "shop.features.delay@1", "shop.features.delay@2")
    assert "2 rows in both, 1 in shop.features.delay@1, 1 in shop.features.delay@2" in done.output


def test_rebuild_fills_a_store_that_was_lost(shop: Shop) -> None:
    """Parity fails, one command, parity holds."""
    settings = load_settings()
    for name in ("online.sqlite", "online.sqlite-wal", "online.sqlite-shm"):
        (settings.home / name).unlink(missing_ok=True)
    lost = features("parity", "shop.features.delay")
    assert lost.exit_code == 1
    assert lost.output.split()[:6] == ["compared", "missing", "stale", "different", "extra", "2"]
    assert features("rebuild", "shop.features.delay").exit_code == 0
    assert features("parity", "shop.features.delay").exit_code == 0
    with open_store(settings) as store:
        (kept,) = store.get([("shop.features.delay_v1", b'["JFK"]')])
    assert kept is not None
    assert json.loads(kept.value) == {"delay": 30.0}


def test_only_what_is_kept_online_is_pushed(shop: Shop) -> None:
    """A candidate without `online`, a retired table, a branch: nothing."""
    by_version = {d.feature.version: d for d in shop.known.values() if d.feature}
    assert keep_online(by_version[2], shop.job) is None
    retired = table(OLD, online=Online(), state="retired")
    assert keep_online(retired, shop.job) is None
    assert keep_online(by_version[1], shop.job) is not None


def test_checks_pass_then_say_what_is_wrong(lake: Lake) -> None:
    """Parity, drift, staleness on a real lake, as Dagster runs them."""
    hours = [NOON + n * HOUR for n in range(30 * 24)]
    rows = [
        ("JFK", at, float(n % 7) + (50.0 if n >= 23 * 24 else 0.0)) for n, at in enumerate(hours)
    ]
    window = (hours[0].date(), date(2013, 1, 31))
    made = table(rows, online=Online(), trained_on=window, max_age=timedelta(days=1))
    Shop(lake, made)
    checks = {c.check_specs_by_output_name["result"].name if "result" in
              c.check_specs_by_output_name else next(iter(c.check_specs)).name: c
              for c in feature_checks([made])}  # fmt: skip
    results = {name: check(lake=lake) for name, check in checks.items()}
    assert {n: r.passed for n, r in results.items()} == {
        "online_parity": True,
        "feature_drift": False,
        "staleness": False,
    }
    assert results["feature_drift"].metadata["shifted"].value == "delay"
    assert results["feature_drift"].metadata["psi_delay"].value > 1
    assert (
        results["feature_drift"]
        .metadata["compared"]
        .value.startswith("168 rows of the newest 7 days with ")
    )
    assert results["staleness"].metadata["age_seconds"].value > 0
    with open_store(load_settings()) as store:
        store.drop(str(made.name))
    again = checks["online_parity"](lake=lake)
    assert not again.passed
    assert again.metadata["missing"].value == 1
    with lake.get_connection() as connection:
        (judged,) = present_drift(connection, made)
    assert judged.drift.present == PRESENT.days * 24


def test_export_writes_a_feast_repository(shop: Shop, tmp_path: Path) -> None:
    """Every current table, or those that are named."""
    done = features("export", "--feast", str(tmp_path / "all"))
    assert done.exit_code == 0, done.output
    assert done.stdout.split() == ["feature", "view", "rows", "delay_v1", "3"] or "3" in done.stdout
    assert (tmp_path / "all" / "feature_store.yaml").exists()
    named = features("export", "--feast", str(tmp_path / "two"), "shop.features.delay@2")
    assert named.exit_code == 0, named.output
    assert "delay_v2" in (tmp_path / "two" / "definitions.py").read_text()
