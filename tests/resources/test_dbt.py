"""The dbt project: compiled once for its content, runnable by stock dbt too."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from platform_assets.build.mart import marts
from platform_assets.build.partition import Span
from platform_assets.build.publish import publish
from platform_assets.declare import Daily
from platform_assets.declare.errors import BrokenProjectError
from resources.dbt import (
    PROJECT,
    command,
    content_hash,
    load_manifest,
    manifest_path,
    prepare_manifest,
    stamp_of,
)
from resources.lake import Lake
from resources.settings import Settings, child_environment
from tests.build.house import House, airlines, legs

pytestmark = pytest.mark.slow  # each starts dbt
ROOT = PROJECT.parent
PREPARE = """
import sys
from pathlib import Path
from resources.dbt import prepare_manifest
from resources.settings import Settings
print(prepare_manifest(Settings(data_dir=Path(sys.argv[1])), Path(sys.argv[2])))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project to change: the real one with one mart."""
    folder = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("target", "logs", "*.py"))
    for path in (folder / "models" / "marts" / "operations").iterdir():
        if path.stem != "dim_aircraft":
            path.unlink()
    shutil.rmtree(folder / "tests" / "operations")
    return folder


def preparing(settings: Settings, project: Path) -> subprocess.Popen[str]:
    """Another process that prepares the manifest."""
    words = [sys.executable, "-c", PREPARE, str(settings.data_dir), str(project)]
    return subprocess.Popen(
        words, cwd=ROOT, env=child_environment(), stdout=subprocess.PIPE, text=True
    )


def test_prepare_manifest_compiles_only_when_the_project_changed(
    project: Path, tmp_path: Path
) -> None:
    """The same content stands; a changed model is compiled into a new manifest."""
    settings = Settings(data_dir=tmp_path / "data")
    manifest = prepare_manifest(settings, project)
    assert manifest == manifest_path(settings)
    assert stamp_of(manifest) == content_hash(project)
    made = manifest.stat().st_ino
    assert prepare_manifest(settings, project).stat().st_ino == made
    model = project / "models" / "marts" / "operations" / "dim_aircraft.sql"
    model.write_text(model.read_text().replace("seats,", "seats + 0 as seats,"))
    (aircraft,) = marts("operations", prepare_manifest(settings, project))
    assert "seats + 0 AS seats" in aircraft.labels["sql"]
    assert sorted(p.name for p in manifest.parent.iterdir()) == [".lock", "manifest.json"]


def test_prepare_manifest_reports_a_broken_project_but_keeps_the_manifest(
    project: Path, tmp_path: Path
) -> None:
    """Four lines with dbt's own words; what was compiled before still stands."""
    settings = Settings(data_dir=tmp_path / "data")
    before = load_manifest(prepare_manifest(settings, project))
    model = project / "models" / "marts" / "operations" / "dim_aircraft.sql"
    model.write_text('select * from {{ ref("dim_nothing") }}')
    with pytest.raises(BrokenProjectError) as broken:
        prepare_manifest(settings, project)
    assert "dbt cannot compile dbt_project" in broken.value.what
    assert "depends on a node named 'dim_nothing' which was not found" in broken.value.what
    assert len(str(broken.value).splitlines()) == 4
    assert load_manifest(manifest_path(settings)) == before


def test_prepare_manifest_of_two_processes_is_done_once(project: Path, tmp_path: Path) -> None:
    """The second waits for the first, then finds the work done."""
    settings = Settings(data_dir=tmp_path / "data")
    both = [preparing(settings, project), preparing(settings, project)]
    said = [process.communicate(timeout=120)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said == [str(manifest_path(settings))] * 2
    assert stamp_of(manifest_path(settings)) == content_hash(project)
    folder = manifest_path(settings).parent
    assert sorted(p.name for p in folder.iterdir()) == [".lock", "manifest.json"]


def test_prepare_manifest_recovers_from_a_process_killed_while_compiling(
    project: Path, tmp_path: Path
) -> None:
    """The lock dies with its holder; half a compilation is swept away."""
    settings = Settings(data_dir=tmp_path / "data")
    folder = manifest_path(settings).parent
    killed = preparing(settings, project)
    while not list(folder.glob(".compile-*")):
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not manifest_path(settings).exists()
    prepare_manifest(settings, project)
    assert sorted(p.name for p in folder.iterdir()) == [".lock", "manifest.json"]


def test_stock_dbt_builds_the_same_tables_as_the_platform(lake: Lake, home: Path) -> None:
    """`dbt build` on the lake, in its scratch schema, equals what publishing made."""
    declared = {d.name.table: d for d in marts("operations", prepare_manifest())}
    house = House(lake, declared)
    second = datetime(2013, 2, 1, 15, tzinfo=UTC)
    given: list[Mapping[str, object]] = [
        {},
        {"arrival_delay_minutes": 15},
        {"status": "cancelled", "departed_at": None, "arrival_delay_minutes": None},
        {"status": "diverted", "arrival_delay_minutes": None, "scheduled_departure_at": second},
        {"carrier": "AA", "scheduled_departure_at": second},
    ]
    span = Span(Daily(zone="America/New_York"), "2013-01-01", "2013-02-01")
    house.give("operations.curated.flights", legs(*given), span)
    house.give("operations.curated.airlines", airlines())
    house.give("operations.curated.aircraft", _aircraft())
    house.give("operations.curated.movements", _movements(second), span)
    for name, mart in declared.items():
        whole = Span(mart.cadence, "2013-01-01", "2013-02-01") if mart.cadence else None
        assert publish(mart, whole, house.job).refuse_blocked() is None, name
    done = subprocess.run(
        command("build", "--target-path", str(home / "target"), "--log-path", str(home)),
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "ERROR=0" in done.stdout
    with lake.get_connection() as connection:
        for name in declared:
            ours = connection.execute(f"from lake.operations_marts.{name} order by all").fetchall()
            theirs = connection.execute(
                f"from lake.scratch_operations_marts.{name} order by all"
            ).fetchall()
            assert ours == theirs != []


def _aircraft() -> pa.Table:
    row = {
        "tail_number": "N1",
        "manufactured_year": 2004,
        "type": "Fixed wing multi engine",
        "manufacturer": "EMBRAER",
        "model": "EMB-145XR",
        "engines": 2,
        "seats": 55,
        "speed_mph": None,
        "engine": "Turbo-fan",
    }
    return pa.Table.from_pylist([row])


def _movements(happened: datetime) -> pa.Table:
    rows = [
        {
            "flight_id": flight,
            "kind": kind,
            "carrier": "AA",
            "tail_number": "N1",
            "airport": "JFK",
            "happened_at": happened,
            "phase_minutes": minutes,
            "heard_after_seconds": 3,
        }
        for flight, kind, minutes in (
            ("1", "take_off", 12),
            ("2", "take_off", 31),
            ("1", "gate_in", 6),
        )
    ]
    return pa.Table.from_pylist(rows)
