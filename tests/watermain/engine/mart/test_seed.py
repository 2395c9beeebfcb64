"""Seeds of a dbt project, typed as dbt types them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from watermain.dbt import dbt_seed
from watermain.dbt.dbt_seed import seed_facts
from watermain.engine.mart.seed import _body

TEXT = (
    "id,name,price,day,at,flag,code\n"
    '1,"a, b",1.5,2013-01-01,2013-01-01 10:00:00,true,007\n2,,2,,,,\n'
)


def facts(folder: Path, **types: str) -> dict[str, Any]:
    """What is found in the file."""
    path = folder / "codes.csv"
    path.write_text(TEXT)
    return seed_facts(path, SimpleNamespace(column_types=types, delimiter=","))


def test_types_are_those_of_dbt(tmp_path: Path) -> None:
    """Guessed from all of the file; a type that is said counts."""
    found = dict(facts(tmp_path)["columns"])
    assert found["id"] == "integer"
    assert found["name"] == "text"
    assert found["day"] == "date"
    assert found["code"] == "integer"
    assert dict(facts(tmp_path, code="varchar")["columns"])["code"] == "varchar"


def test_rows_are_those_of_the_file(tmp_path: Path) -> None:
    """Nothing quoted is torn, nothing empty is a text."""
    found = facts(tmp_path, code="varchar")
    rows: pa.Table = _body(tmp_path / "codes.csv", ",", dict(found["columns"]))().read_all()
    first, second = rows.to_pylist()
    assert (first["id"], first["name"], first["code"]) == (1, "a, b", "007")
    assert second["name"] is None
    assert second["day"] is None


def test_other_content_is_another_fingerprint(tmp_path: Path) -> None:
    """Which publishes the seed anew."""
    before = facts(tmp_path)["sha256"]
    (tmp_path / "codes.csv").write_text(TEXT + "3,x,1,,,,1\n")
    config = SimpleNamespace(column_types={}, delimiter=",")
    assert seed_facts(tmp_path / "codes.csv", config)["sha256"] != before


def test_large_file_is_no_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told before it is read."""
    monkeypatch.setattr(dbt_seed, "MOST_BYTES", 10)
    with pytest.raises(ValueError, match="of which a seed may have 10"):
        facts(tmp_path)
