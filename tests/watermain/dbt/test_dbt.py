"""The dbt project: compiled once for its content, runnable by stock dbt too."""

from __future__ import annotations

import hashlib
import json
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

from tests.house.tree import DBT as PROJECT
from tests.watermain.engine.house import House, airlines, legs
from watermain.dbt.dbt import (
    command,
    content_hash,
    is_current,
    load_manifest,
    manifest_path,
    prepare_manifest,
    project_files,
)
from watermain.declare import Daily
from watermain.engine.mart.mart import marts
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import branch
from watermain.lake.lake import Lake
from watermain.settings import Settings, child_environment

ROOT = PROJECT.parent
PREPARE = """
import sys
from pathlib import Path
from watermain.dbt.dbt import prepare_manifest
from watermain.settings import Settings
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


@pytest.mark.slow
def test_prepare_manifest_compiles_only_when_the_project_changed(
    project: Path, tmp_path: Path
) -> None:
    """The same content stands; a changed model is compiled into a new manifest."""
    settings = Settings(data_dir=tmp_path / "data")
    manifest = prepare_manifest(settings, project)
    assert manifest == manifest_path(settings)
    assert is_current(manifest, project)
    made = manifest.stat().st_ino
    assert prepare_manifest(settings, project).stat().st_ino == made
    model = project / "models" / "marts" / "operations" / "dim_aircraft.sql"
    model.write_text(model.read_text().replace("seats,", "seats + 0 as seats,"))
    (aircraft,) = marts("operations", prepare_manifest(settings, project))
    assert aircraft.mart is not None
    assert "seats + 0 AS seats" in aircraft.mart.sql
    assert sorted(p.name for p in manifest.parent.iterdir()) == [".lock", "manifest.json"]


@pytest.mark.slow
def test_a_mart_that_breaks_keeps_its_promise(project: Path, tmp_path: Path) -> None:
    """With its own mistake or that of the whole project: as it was, with the reason."""
    settings = Settings(data_dir=tmp_path / "data")
    (right,) = marts("operations", prepare_manifest(settings, project))
    model = project / "models" / "marts" / "operations" / "dim_aircraft.sql"
    model.write_text('select * from {{ ref("dim_nothing") }} {% if %}')
    (broken,) = marts("operations", prepare_manifest(settings, project))
    assert broken.broken is not None
    assert "dim_aircraft.sql:1" in broken.declared
    assert (broken.contract, broken.owner) == (right.contract, right.owner)
    (project / "dbt_project.yml").write_text("name: [watermain\n")
    (dark,) = marts("operations", prepare_manifest(settings, project))
    assert dark.declared == "dbt_project/dbt_project.yml:1"
    assert dark.name == right.name
    assert dark.contract == right.contract


@pytest.mark.slow
def test_what_one_data_folder_compiled_is_taken_by_another(project: Path, tmp_path: Path) -> None:
    """From the project's target, as long as it stands for the content; dbt is not started."""
    first = prepare_manifest(Settings(data_dir=tmp_path / "one"), project)
    spare = project / "target" / "watermain.json"
    assert spare.read_bytes() == first.read_bytes()
    marked = {**load_manifest(spare), "marked": True}
    spare.write_text(json.dumps(marked))
    assert load_manifest(prepare_manifest(Settings(data_dir=tmp_path / "two"), project)) == marked
    spare.write_text("{}")
    third = prepare_manifest(Settings(data_dir=tmp_path / "three"), project)
    assert "marked" not in load_manifest(third)
    assert is_current(third, project)


def test_content_hash_follows_all_that_dbt_reads(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models, macros, YAML, packages, what links and paths lead to, the options of dbt."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "one.sql").write_text("select 1")
    (project / "models" / "linked").symlink_to(shared)
    outside = tmp_path / "outside"
    outside.mkdir()
    told = project / "dbt_project.yml"
    told.write_text(told.read_text().replace('["macros"]', '["macros", "../outside"]'))
    seen = [content_hash(project)]
    for path in (
        project / "models" / "marts" / "operations" / "dim_aircraft.sql",
        project / "macros" / "generate_schema_name.sql",
        project / "models" / "sources.yml",
        project / "profiles.yml",
        project / "packages.yml",
        project / "seeds" / "codes.csv",
        project / "dbt_packages" / "a" / "macros" / "b.sql",
        project / ".dbtignore",
        shared / "one.sql",
        outside / "macro.sql",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + "\n")
        seen.append(content_hash(project))
    monkeypatch.setenv("DBT_WARN_ERROR", "true")
    seen.append(content_hash(project))
    assert len(set(seen)) == len(seen) == 12


def test_content_hash_leaves_out_what_dbt_writes(project: Path) -> None:
    """The target, logs, bytecode, hidden files; a circle of links ends."""
    before = content_hash(project)
    (project / "models" / "again").symlink_to(project)
    for name in ("target/manifest.json", "logs/dbt.log", "models/__pycache__/a.pyc", ".user.yml"):
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert content_hash(project) == before
    assert all("target" not in p.relative_to(project).parts for p in project_files(project))


def test_a_manifest_stands_for_the_variables_that_it_asked_for(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another value, or one where there was none, asks for a new one; no value is written."""
    held = hashlib.sha256(b"secret").hexdigest()
    told = {"stamp": content_hash(project), "asked": {"RATE": held, "NONE": None}}
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"watermain": told}))
    monkeypatch.setenv("RATE", "secret")
    assert is_current(manifest, project)
    monkeypatch.setenv("NONE", "")
    assert not is_current(manifest, project)
    monkeypatch.delenv("NONE")
    monkeypatch.setenv("RATE", "other")
    assert not is_current(manifest, project)
    manifest.write_text("{")
    assert not is_current(manifest, project)
    manifest.write_text(json.dumps({"watermain": {**told, "asked": None}}))
    assert not is_current(manifest, project)  # dbt itself failed: it is tried again


@pytest.mark.slow
def test_prepare_manifest_of_two_processes_is_done_once(project: Path, tmp_path: Path) -> None:
    """The second waits for the first, then finds the work done."""
    settings = Settings(data_dir=tmp_path / "data")
    both = [preparing(settings, project), preparing(settings, project)]
    said = [process.communicate(timeout=120)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said == [str(manifest_path(settings))] * 2
    assert is_current(manifest_path(settings), project)
    folder = manifest_path(settings).parent
    assert sorted(p.name for p in folder.iterdir()) == [".lock", "manifest.json"]


@pytest.mark.slow
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


@pytest.mark.slow
def test_stock_dbt_builds_the_same_tables_as_the_platform(lake: Lake, home: Path) -> None:
    """`dbt build` in a scratch schema of the lake, and in a branch, equals what publishing made."""
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
    branch.create(lake, "trial")
    for target, place, schema in (
        ("scratch", lake, "scratch_operations_marts"),
        ("branch", lake.on("trial"), "operations_marts"),
    ):
        _build(target, home)
        for name in declared:
            ours, theirs = (
                _sorted(where, f"{shelf}.{name}")
                for where, shelf in ((lake, "operations_marts"), (place, schema))
            )
            assert ours == theirs != []


def _build(target: str, home: Path) -> None:
    """Let dbt itself build the project into a target, where nothing may fail."""
    done = subprocess.run(
        command("build", "--target", target, "--target-path", f"{home}/t", "--log-path", str(home)),
        cwd=ROOT,
        env={**child_environment(), "LAKE_BRANCH": "trial"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "ERROR=0" in done.stdout


def _sorted(lake: Lake, table: str) -> list[tuple[object, ...]]:
    with lake.get_connection() as connection:
        return connection.execute(f"from lake.{table} order by all").fetchall()


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
            "heard_at": datetime(2013, 1, 1, 12, 0, 3, tzinfo=UTC),
        }
        for flight, kind, minutes in (
            ("1", "take_off", 12),
            ("2", "take_off", 31),
            ("1", "gate_in", 6),
        )
    ]
    return pa.Table.from_pylist(rows)
