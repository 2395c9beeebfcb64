"""Stock dbt over a branch of the lake, in a project that `watermain init` wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from watermain.dbt.dbt import command
from watermain.lake import branch
from watermain.lake.lake import Lake

ORDERS = """
create schema if not exists lake.sales_curated;
create table lake.sales_curated.orders as select * from (values
    ('a', timestamptz '2026-01-01 10:00:00+00', 'Ann', 10.5::decimal(12, 2)),
    ('b', timestamptz '2026-01-01 11:00:00+00', 'Bob', 4.5::decimal(12, 2)),
    ('c', timestamptz '2026-01-02 11:00:00+00', 'Ann', 1::decimal(12, 2))
) as t(order_id, ordered_at, customer, amount)
"""


@pytest.fixture
def acme(lake: Lake, tmp_path: Path) -> Path:
    """The dbt project of a company that begins, with orders in its lake and a branch of it."""
    words = [sys.executable, "-m", "watermain", "init", "acme"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    with lake.get_connection() as connection:
        connection.execute(ORDERS)
    branch.create(lake, "trial")
    return tmp_path / "acme" / "dbt_project"


def dbt(
    project: Path, *words: str, on: str = "trial", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt as its user does, in a branch."""
    environment = {**os.environ, "LAKE_BRANCH": on, "PYTHONPATH": str(ROOT), **more}
    told = command(*words, "--target", "branch", project=project)
    return subprocess.run(
        told, cwd=project, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_dbt_alone_builds_lists_and_describes_what_it_made_in_a_branch(
    acme: Path, lake: Lake
) -> None:
    """Its tables lie in the branch under the platform's names, and the lake knows none of them."""
    (acme / "seeds").mkdir()
    (acme / "seeds" / "codes.csv").write_text("code,word\n1,one\n")
    done = dbt(acme, "build")
    assert done.returncode == 0, done.stdout
    assert "ERROR=0" in done.stdout
    with lake.on("trial").get_connection() as connection:
        found = connection.execute("from lake.sales_marts.fct_daily_sales order by all").fetchall()
        assert [(str(day), orders, str(amount)) for day, orders, amount in found] == [
            ("2026-01-01", 2, "15.00"),
            ("2026-01-02", 1, "1.00"),
        ]
        assert connection.execute("from lake.main.codes").fetchall() == [(1, "one")]
    tables = "select count(*) from duckdb_tables() where table_name in ('fct_daily_sales', 'codes')"
    with lake.get_connection() as connection:
        counted = connection.execute(f"{tables} and database_name = 'lake'").fetchone()
        assert counted == (0,)
    listed = dbt(acme, "ls", "--quiet", "--resource-type", "model", "seed")
    assert listed.stdout.split() == ["acme.marts.sales.fct_daily_sales", "acme.codes"]
    described = dbt(acme, "docs", "generate")
    assert described.returncode == 0, described.stdout
    catalog = json.loads((acme / "target" / "catalog.json").read_text())
    columns = catalog["nodes"]["model.acme.fct_daily_sales"]["columns"]
    assert {name: column["type"] for name, column in columns.items()} == {
        "ordered_on": "DATE",
        "orders": "BIGINT",
        "amount": "DECIMAL(18,2)",
    }


@pytest.mark.slow
def test_dbt_alone_ends_where_the_branch_is_not_there(acme: Path, lake: Lake) -> None:
    """Nothing is built elsewhere instead, and the command that makes the branch is named."""
    done = dbt(acme, "build", on="nosuch")
    assert done.returncode != 0
    assert "there is no branch `nosuch`" in done.stdout
    assert "watermain branch create nosuch" in done.stdout
    with lake.get_connection() as connection:
        found = "select count(*) from duckdb_tables() where table_name = 'fct_daily_sales'"
        assert connection.execute(found).fetchone() == (0,)
