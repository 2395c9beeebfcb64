"""New rooms, new datasets: what is written passes the checks at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from watermain.cli.scaffold import joined

ROOT = Path(__file__).parents[3]
COPIED = ("platform_assets", "resources", "sensors", "watermain", "dbt_project", "changelog.d")
FILES = (
    "workspace.yaml",
    "pyproject.toml",
    *(f"tests/{name}.py" for name in ("__init__", "conftest", "lakes", "test_workspace")),
)
ORDERS = (
    ("room", "billing", "--reads", "operations.curated.flights"),
    ("source", "billing.raw.tariffs", "--connection", "tariff_drop"),
    ("dataset", "billing.curated.tariffs", "--reads", "billing.raw.tariffs"),
    ("dataset", "billing.curated.legs", "--reads", "operations.raw.flights"),
)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the house to write in."""
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(house: Path, *words: str) -> str:
    """Run a Python module inside the copy."""
    environment = {
        **os.environ,
        "WATERMAIN_DATA_DIR": str(house / "data"),
        "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache"),  # it knows the libraries already
    }
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=house,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_a_module_imports_already_is_not_imported_again() -> None:
    """Wherever it comes from: a name that is imported twice fails the lint."""
    before = '"""A shelf."""\n\nfrom words import (\n    Column,\n    raw,\n)\n\nA = raw()\n'
    addition = '"""New."""\n\nimport pyarrow as pa\nfrom watermain import Column, Daily\n\nB = pa\n'
    assert joined(before, addition) == (
        '"""A shelf."""\nimport pyarrow as pa\nfrom watermain import Daily\n\n'
        "from words import (\n    Column,\n    raw,\n)\n\nA = raw()\n\n\nB = pa\n"
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_new_room_with_datasets_passes_the_checks(house: Path) -> None:
    """Format, lint, types, workspace, the tests that were written: all pass."""
    for order in ORDERS:
        run(house, "watermain", "new", *order)
    written = ["platform_assets/billing", "tests/rooms"]
    run(house, "ruff", "format", "--check", *written)
    run(house, "ruff", "check", *written)
    run(house, "mypy", "-p", "platform_assets.billing")
    said = run(house, "pytest", "-q", "tests/rooms", "tests/test_workspace.py", "-k", "not darken")
    assert "passed" in said
    rooms = yaml.safe_load((house / "workspace.yaml").read_text())["load_from"]
    assert rooms[-1]["python_module"]["location_name"] == "billing"
    fragments = {p.name for p in (house / "changelog.d").iterdir()}
    assert "room-billing.added.md" in fragments
    assert "dataset-billing-curated-legs.added.md" in fragments
