"""What we publish of public dbt projects, judged by stock dbt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.watermain.judge.judge import judged
from tests.watermain.judge.known import KNOWN
from watermain.lake.lake import Lake

PROJECTS = ROOT / "tests" / "projects"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(p.parent.name for p in PROJECTS.glob("*/dbt_project.yml")))
def test_published_tables_and_verdicts_equal_those_of_stock_dbt(
    name: str, lake: Lake, tmp_path: Path
) -> None:
    """Rows, types, verdicts and names of nodes are dbt's own, but for what is written down."""
    found = judged(PROJECTS / name, tmp_path)
    assert set(found) == set(KNOWN.get(name, {})), json.dumps(found, indent=1)
