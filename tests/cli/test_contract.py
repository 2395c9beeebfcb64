"""`watermain contract`: what is written, what is printed, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from platform_assets.__main__ import app
from platform_assets.build.odcs import document
from platform_assets.build.release import read_all
from platform_assets.build.released import released
from platform_assets.declare.errors import UnreadableContractError
from platform_assets.operations.curated import airports
from tests.cli.test_command import watermain

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


def test_import_prints_the_declaration_of_a_contract(tmp_path: Path) -> None:
    """Ready to be put on a shelf."""
    said = imported(tmp_path / "airports.odcs.yaml", document(released(airports)))
    assert said.startswith("@dataset(\n    'operations.curated.airports',\n")
    assert "between('latitude', low=-90, high=90)" in said
    assert "Column('altitude_feet', pa.int32(), 'above the sea', unit='feet')" in said


def test_import_prints_the_checks_of_a_suite(tmp_path: Path) -> None:
    """JSON of Great Expectations."""
    said = imported(tmp_path / "suite.json", json.dumps(SUITE))
    assert said == "checks=(\n    not_null('fee'),\n    row_count(low=1),\n),\n"


def test_import_prints_the_checks_of_a_schema(tmp_path: Path) -> None:
    """YAML of pandera."""
    said = imported(tmp_path / "schema.yaml", SCHEMA)
    assert (
        said == "checks=(\n    not_null('fee'),\n    expression('above_fee', '\"fee\" > 0'),\n),\n"
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
