"""A shell completes verbs, options, names: quickly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Tab = Callable[..., list[str]]
ROOM = """
from watermain import dataset, raw
orders = raw(
    "sales.raw.orders",
)
@dataset("sales.curated.orders", inputs={"of": "billing.raw.fees"})
def made(of): ...
@feature_table(
    name="sales.features.habits", version=2)
def habits(): ...
"""
WATCHED = """
import sys
from watermain.__main__ import app
sys.argv = ["watermain"]
try:
    app()
finally:
    heavy = {"dagster", "duckdb", "pyarrow", "ibis", "watermain.settings"} & set(sys.modules)
    print(f"imported: {sorted(heavy)}", file=sys.stderr)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project of one room that cannot even be imported."""
    room = tmp_path / "rooms" / "sales"
    room.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.watermain]\nrooms = "rooms"\n')
    (room / "definitions.py").write_text("")
    (room / "raw.py").write_text(ROOM + "def broken(:\n")
    (room / "curated" / "far").mkdir(parents=True)
    (room / "curated" / "far" / "away.py").write_text('dataset("sales.curated.away")\n')
    marts = tmp_path / "dbt_project" / "models" / "marts" / "sales"
    marts.mkdir(parents=True)
    (marts / "fct_orders.sql").write_text("select 1")
    return tmp_path


@pytest.fixture
def tab(shop: Path) -> Tab:
    """What a shell is told when Tab is pressed after these words, the last of them unfinished."""

    def press(*words: str, at: Path = shop, light: bool = True) -> list[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WATERMAIN_")}
        done = subprocess.run(
            [sys.executable, "-c", WATCHED],
            cwd=at,
            env={
                **environment,
                "COMP_WORDS": " ".join(["watermain", *words]),
                "COMP_CWORD": str(len(words)),
                "_WATERMAIN_COMPLETE": "complete_bash",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert ("imported: []" in done.stderr) is light
        return done.stdout.split()

    return press


def test_verbs_are_completed(tab: Tab) -> None:
    """Out of the table, which imports none of them."""
    assert tab("desc") == ["describe"]
    assert {"run", "runbook", "runs"} == set(tab("run"))


def test_names_are_completed_without_importing_a_room(tab: Tab) -> None:
    """Raw, computed, marts, features without a version: also of a room that does not load."""
    mine = [f"sales.{n}" for n in ("curated.away", "curated.orders", "features.habits",
                                   "marts.fct_orders", "raw.orders")]  # fmt: skip
    assert tab("describe", "sales") == mine
    assert tab("materialize", "sales.r") == ["sales.raw.orders"]
    assert "upkeep.curated.run_costs" in tab("history", "upkeep")
    assert tab("list", "") == ["sales", "upkeep"]


def test_names_that_code_makes_are_known_from_when_it_loaded(tab: Tab, shop: Path) -> None:
    """What a room last declared is kept in the data folder."""
    kept = shop / "data" / "rooms"
    kept.mkdir(parents=True)
    (kept / "sales.json").write_text('{"datasets": [{"name": "sales.features.made_v3"}]}')
    assert tab("describe", "sales.f") == ["sales.features.habits", "sales.features.made"]


def test_options_are_completed_by_the_command_itself(tab: Tab) -> None:
    """Which is imported for them alone."""
    assert tab("history", "sales.raw.orders", "--li", light=False) == ["--limit"]
    assert tab("describe", "--js", light=False) == ["--json"]


def test_project_may_be_another_one(tab: Tab, shop: Path) -> None:
    """Its names are offered where `--project` names it."""
    assert tab("--project", str(shop), "list", "sa", at=Path("/")) == ["sales"]
    assert tab("list", "", at=Path("/")) == ["upkeep"]
