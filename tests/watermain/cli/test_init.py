"""`watermain init` with the project that it writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith(("WATERMAIN_", "PYTHON"))},
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a user in that folder does."""
    return subprocess.run(
        words, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def watermain(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the platform."""
    return run(sys.executable, "-m", "watermain", *words, cwd=cwd)


UNIT = """unit_tests:
  - name: a_day
    model: fct_daily_sales
    given:
      - input: source("sales_curated", "orders")
        rows:
          - {order_id: a, ordered_at: 2026-01-05 09:00:00, amount: 10.00}
          - {order_id: b, ordered_at: 2026-01-05 10:00:00, amount: 2.50}
    expect: {rows: [{orders: 2, amount: 12.50}]}
"""


@pytest.mark.slow
def test_new_project_passes_its_own_check_and_test(tmp_path: Path) -> None:
    """Both commands of its Makefile end well, and a broken room does not."""
    done = watermain("init", "acme", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    home = tmp_path / "acme"
    assert "my_company" not in "".join(
        p.read_text() for p in home.rglob("*") if p.is_file() and "__pycache__" not in p.parts
    )
    units = home / "dbt_project" / "models" / "marts" / "sales" / "units.yml"
    units.write_text(UNIT)
    for target in ("check", "test"):
        done = run("make", target, cwd=home)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "unit tests of dbt models: 1 of 1 pass" in done.stdout
    units.write_text(UNIT.replace("12.50", "12.75"))
    done = watermain("test", "sales", cwd=home)
    assert done.returncode == 1
    assert "FAIL  dbt_project/models/marts/sales/units.yml:1 fct_daily_sales::a_day" in done.stdout
    assert "12.75" in done.stdout
    below = home / "platform_assets" / "sales"
    assert "ok     sales  3 datasets" in watermain("check", cwd=below).stdout
    curated = below / "curated.py"
    curated.write_text(curated.read_text().replace("sales.raw.orders", "sales.raw.order"))
    broken = watermain("--project", str(home), "check", cwd=tmp_path)
    assert broken.returncode == 1
    assert "no room declares the dataset `sales.raw.order`" in broken.stderr
    assert "ok     upkeep" in broken.stdout
    curated.write_text("import nothing_of_that_name\n")
    broken = watermain("--project", str(home), "check", cwd=tmp_path)
    assert broken.returncode == 1
    assert "BrokenRoomError: room sales does not load: ModuleNotFoundError" in broken.stderr
    assert "declared  platform_assets/sales/curated.py:1\n" in broken.stderr
    assert "Traceback" not in broken.stderr
    assert "ok     upkeep" in broken.stdout


@pytest.mark.parametrize("name", ["Acme", "my-company", "3d", "a b", "../up", ""])
def test_init_refuses_what_is_no_name(tmp_path: Path, name: str) -> None:
    """Nothing is written."""
    done = watermain("init", name, cwd=tmp_path)
    assert done.returncode == 2
    assert "is no name of a project" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_init_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    """What lies there stays as it was; an empty folder is taken."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "mine.txt").write_text("mine")
    done = watermain("init", "acme", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [p.name for p in (tmp_path / "acme").iterdir()] == ["mine.txt"]
    (tmp_path / "bare").mkdir()
    assert watermain("init", "bare", cwd=tmp_path).returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["acme", "bare"]


def test_command_outside_of_a_project_says_so(tmp_path: Path) -> None:
    """Four lines, and the next command."""
    done = watermain("status", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no project" in done.stderr
    assert "watermain init NAME" in done.stderr


def test_project_without_rooms_is_told_so(tmp_path: Path) -> None:
    """The setting that names the rooms stands in the error."""
    (tmp_path / "pyproject.toml").write_text("[tool.watermain]\nrooms = 'teams'\n")
    done = watermain("check", cwd=tmp_path)
    assert done.returncode == 2
    assert "no teams/<team>/definitions.py" in done.stderr


@pytest.mark.slow
def test_example_is_the_company_of_the_demo(tmp_path: Path) -> None:
    """Every room loads, the linter has nothing to say, and its test passes."""
    done = watermain("init", "airport", "--example", "flights", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    home = tmp_path / "airport"
    done = run("make", "check", "test", cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    for team in ("operations", "prediction", "upkeep", "weather"):
        assert f"ok     {team}" in done.stdout


BROUGHT = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\n",
    "seeds/raw_orders.csv": "id,amount\n1,2.50\n2,3.00\n",
    "models/staging/stg_orders.sql": "select id as order_id, amount from {{ ref('raw_orders') }}",
    "models/totals.sql": "select sum(order_id) as n from {{ ref('stg_orders') }}",
}


@pytest.mark.slow
def test_dbt_project_is_brought_as_it_is(tmp_path: Path) -> None:
    """Not one line of it is ours, and its project may stand within it."""
    for name, text in BROUGHT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = watermain("init", "acme", "--dbt", ".", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    home = tmp_path / "acme"
    assert 'dbt = ".."' in (home / "pyproject.toml").read_text()
    assert "my_" not in "".join(
        p.read_text() for p in home.rglob("*") if p.is_file() and "__pycache__" not in p.parts
    )
    checked = watermain("check", cwd=home)
    assert "ok     acme  3 datasets" in checked.stdout, checked.stderr
    (tmp_path / "models" / "totals.sql").write_text("select nothing from {{ ref('stg_orders') }}")
    wrong = watermain("check", cwd=home)
    assert wrong.returncode == 1
    assert "dbt model `totals` is refused by the engine" in wrong.stderr
    assert 'Referenced column "nothing" not found' in wrong.stderr


def test_init_refuses_what_is_no_dbt_project(tmp_path: Path) -> None:
    """Nothing is written."""
    done = watermain("init", "acme", "--dbt", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "it has no dbt_project.yml" in done.stderr
    assert list(tmp_path.iterdir()) == []
