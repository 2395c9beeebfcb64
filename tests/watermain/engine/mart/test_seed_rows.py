"""Rows of a seed that do not fit what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from watermain.declare.errors import BrokenContractError
from watermain.engine.mart.seed import _body

COLUMNS = {"id": "integer", "name": "varchar"}
PLACE = "dbt_project/seeds/codes.csv"
TORN: Mapping[str, tuple[str, int, str]] = {
    "type": ("id,name\n1,a\nx,b\ny,c\n", 3, "line 3: `id` is no integer (the first of 2 faults)"),
    "short": ("id,name\n1\n", 2, "line 2: "),
    "long": ("id,name\n1,a,b\n", 2, "line 2: its columns differ: 1,a,b"),
    "rounded": ("id,name\n1,a\n1.5,b\n", 1, "row 2: integer would round `id`: 1.5"),
}


@pytest.mark.parametrize("name", TORN)
def test_a_row_that_does_not_fit_refuses_the_seed(tmp_path: Path, name: str) -> None:
    """By its line, with what it holds; no row of it is published."""
    text, line, told = TORN[name]
    path = tmp_path / "codes.csv"
    path.write_text(text)
    with pytest.raises(BrokenContractError) as refused:
        _body(path, ",", COLUMNS, PLACE)()
    assert f"seed `codes.csv`: {told}" in str(refused.value)
    assert refused.value.declared == f"{PLACE}:{line}"


def test_nothing_is_guessed(tmp_path: Path) -> None:
    """Quotes, ends of lines and the delimiter are what they are said to be."""
    path = tmp_path / "codes.csv"
    path.write_text('id;name\r\n1;"a ""b"";\r\nc"\r\n2;\r\n', newline="")
    found = _body(path, ";", COLUMNS, PLACE)().read_all().to_pylist()
    assert found == [{"id": 1, "name": 'a "b";\r\nc'}, {"id": 2, "name": None}]
