"""The commands that work beside what readers see."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.cli.exits import WRONG_USE
from watermain.lake.lake import Lake
from watermain.orchestrate.instance.opening import open_instance
from watermain.process.instance import dagster_home, storage_url, write_instance
from watermain.settings import load_settings

COSTS = "upkeep.curated.run_costs"


def run(*words: str) -> Result:
    """Run a command in this process; it must succeed."""
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def facts(*words: str) -> Any:
    """What a command prints as JSON."""
    return json.loads(run(*words).stdout)


def count(*words: str) -> int:
    """How many runs the costs tell of."""
    (row,) = facts("sql", f"select count(*) as n from {COSTS}", "--format", "json", *words)
    return int(row["n"])


@pytest.mark.timeout(600)
def test_branch_is_built_compared_promoted_rolled_back(lake: Lake) -> None:
    """The walk that the guide tells of; Dagster learns of what was put in place."""
    write_instance(load_settings())
    run("materialize", COSTS)
    assert facts("branch", "create", "trial", "--json")["branch"] == "trial"
    with lake.get_connection() as connection:
        then = lake.snapshot(connection)
    built = facts("branch", "build", "trial", COSTS, "--json")
    assert [(b["datasets"], b["published_rows"]) for b in built] == [([COSTS], 1)]
    assert (count(), count("--branch", "trial")) == (0, 1)

    (told,) = facts("branch", "diff", "trial", "--json")
    assert (told["dataset"], told["added"], told["removed"]) == (COSTS, 1, 0)
    shown = run("branch", "diff", "trial").stdout
    assert "rows     0 -> 1: 1 added, 0 removed, 0 changed" in shown

    assert facts("branch", "promote", "trial", "--json") == {COSTS: [""]}
    assert count() == 1
    run("branch", "drop", "trial")
    assert facts("branch", "list", "--json") == []

    restored = facts("rollback", COSTS, "--to", str(then), "--json")
    assert restored == {"dataset": COSTS, "to": then, "restored": [""]}
    assert count() == 0
    settings = load_settings()
    with open_instance(dagster_home(settings), storage_url(settings)) as instance:
        records = instance.fetch_materializations(dg.AssetKey(COSTS.split(".")), limit=10).records
    assert [r.asset_materialization.metadata["rows_published"].value for r in records] == [0, 1, 0]


@pytest.mark.timeout(600)
def test_diff_shows_changed_code_in_every_form(lake: Lake) -> None:
    """For a reader, for a script, for a pull request."""
    write_instance(load_settings())
    run("materialize", COSTS)
    told = facts("diff", COSTS, "--format", "json")
    assert (told["rows_before"], told["rows_after"], told["added"]) == (0, 1, 1)
    assert told["failing_checks"] == {}
    assert "1 added" in run("diff", COSTS).stdout
    assert f"### `{COSTS}`" in run("diff", COSTS, "--format", "markdown").stdout
    wrong = CliRunner().invoke(app, ["diff", COSTS, "--against", "yesterday"])
    assert wrong.exit_code == WRONG_USE
