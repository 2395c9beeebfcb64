"""`watermain contract`: what is written, what is printed, what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from platform_assets.operations.curated import airports
from tests.house.tree import ROOT
from tests.watermain.cli.test_command import watermain
from watermain.__main__ import app
from watermain.cli.exits import FAILED
from watermain.declare.errors import UnreadableContractError
from watermain.engine.exchange.odcs import document
from watermain.engine.exchange.released import released
from watermain.engine.release.release import read_all

GATE = ("contract", "export", "--check", "--against", "main")
SUITE = {
    "name": "sales",
    "expectations": [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "fee"}},
        {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}},
    ],
}
SCHEMA = "schema_type: dataframe\ncolumns:\n  fee: {dtype: int64, greater_than: 0}\n"


def imported(path: Path, text: str) -> str:
    """What the command prints for a file."""
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["contract", "import", str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.slow
def test_export_check_passes_on_what_is_committed(home: Path) -> None:
    """What CI runs; nothing is written."""
    before = read_all()
    done = watermain("contract", "export", "--check")  # what other tests declared is not known
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} contracts hold what was released" in done.stderr
    assert "wrote" not in done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The platform's code in a repository of its own, committed on `main`."""
    root = tmp_path / "copy"
    shared = ("platform_assets", "resources", "sensors", "watermain", "dbt_project", "contracts")
    for folder in shared:
        left_out = shutil.ignore_patterns("__pycache__", "target", "logs")
        shutil.copytree(ROOT / folder, root / folder, ignore=left_out)
    shutil.copy(ROOT / "pyproject.toml", root)
    me = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        subprocess.run(["git", "-C", str(root), *me, *words], check=True)
    return root


def gate(root: Path) -> subprocess.CompletedProcess[str]:
    """Hold the code of a folder against its contracts on `main`, as CI does."""
    return subprocess.run(
        [sys.executable, "-m", "watermain", *GATE],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_gate_catches_a_break_whose_file_was_rewritten_too(home: Path, copy: Path) -> None:
    """A pull request that changes code and file together, as a reviewer may not see."""
    done = gate(copy)
    assert done.returncode == 0, done.stderr
    assert "held against" in done.stderr
    code = copy / "platform_assets" / "weather" / "curated.py"
    file = copy / "contracts" / "weather" / "curated.observations.odcs.yaml"
    released = (code.read_text(), file.read_text())
    code.write_text(released[0].replace('unit="hPa"', 'unit="inHg"', 1))
    file.write_text(released[1].replace("unit: hPa", "unit: inHg", 1))
    assert (code.read_text(), file.read_text()) != released
    refused = gate(copy)
    assert refused.returncode == FAILED
    broken = "BrokenReleaseError: weather.curated.observations 1.0.0: `pressure_hpa`"
    said = refused.stderr.splitlines()
    (at,) = [n for n, line in enumerate(said) if line.startswith(broken)]
    what, _, data, next_step = said[at : at + 4]
    assert "hurts weather.curated.airport_conditions (`pressure_hpa`)" in what
    assert "contracts/weather/curated.observations.odcs.yaml" in data
    assert 'Migration("2.0.0", ...)' in next_step


def test_import_prints_the_declaration_of_a_contract(tmp_path: Path) -> None:
    """Ready to be put on a shelf."""
    said = imported(tmp_path / "airports.odcs.yaml", document(released(airports)))
    assert "\n\n@dataset(\n    'operations.curated.airports',\n" in said
    names: dict[str, Any] = {}
    exec(said, names)
    assert names["airports"].contract == airports.contract
    assert "between('latitude', low=-90, high=90)" in said
    assert "Column('altitude_feet', pa.int32(), 'above the sea', unit='feet')" in said


def test_import_prints_the_checks_of_a_suite(tmp_path: Path) -> None:
    """JSON of Great Expectations."""
    said = imported(tmp_path / "suite.json", json.dumps(SUITE))
    assert said == (
        "from watermain import not_null, row_count\n\n"
        "checks = (\n    not_null('fee'),\n    row_count(low=1),\n)\n"
    )


def test_import_prints_the_checks_of_a_schema(tmp_path: Path) -> None:
    """YAML of pandera."""
    said = imported(tmp_path / "schema.yaml", SCHEMA)
    assert said == (
        "from watermain import expression, not_null\n\n"
        "# not kept: `fee` is int64: name the type in the contract\n"
        "checks = (\n    not_null('fee'),\n    expression('above_fee', '\"fee\" > 0'),\n)\n"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [("a: 1", "it is no data contract"), ("[", "is not plain YAML"), (None, "there is no file")],
)
def test_import_refuses_other_files(tmp_path: Path, text: str | None, says: str) -> None:
    """The file is named."""
    path = tmp_path / "other.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnreadableContractError, match=says) as refused:
        CliRunner().invoke(app, ["contract", "import", str(path)], catch_exceptions=False)
    assert "other.yaml" in refused.value.what
