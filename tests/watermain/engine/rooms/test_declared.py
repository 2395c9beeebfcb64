"""A shelf of a room is one module or a package of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from watermain.settings import child_environment

DATASET = """
import ibis
import pyarrow as pa
from watermain import Column, Contract, dataset, raw, Files
from rooms.sales.curated.shared import BONUS, with_bonus

@dataset(
    "sales.{stage}.{name}",
    inputs={{"orders": "sales.raw.orders"}},
    contract=Contract(
        grain="one row per order", key=("order",),
        columns=(Column("order", pa.int64(), "its number"),),
    ),
    owner="team:sales",
)
def {name}(orders: ibis.Table) -> ibis.Table:
    \"\"\"The orders.\"\"\"
    return with_bonus(orders)
"""
SHARED = "BONUS = 1\n\n\ndef with_bonus(rows):\n    return rows.mutate(order=rows.order + BONUS)\n"
RAW = """
import pyarrow as pa
from watermain import Column, Contract, Files, raw

CONTRACT = Contract(
    grain="one row per order", key=("order",),
    columns=(Column("order", pa.int64(), "its number"),),
)
orders = raw(
    "sales.raw.orders",
    source=Files(connection="drop", pattern="*.csv", format="csv"),
    contract=CONTRACT,
    owner="team:sales",
)
"""


def dataset(name: str, stage: str = "curated") -> str:
    """A module that declares one."""
    return DATASET.format(name=name, stage=stage)


ASK = """
import json, sys, time
from pathlib import Path
began = time.time_ns()
from watermain.cli.new import _shelf
from watermain.declare.name import DatasetName
from watermain.engine.code.code import code_version
from watermain.engine.rooms import directory, doors, names
from watermain.engine.rooms.last_good import remember
from watermain.orchestrate.launch.freshness import LoadedSources
from watermain.orchestrate.launch.rooms.own_sources import OwnSources
from watermain.settings import load_settings

why = directory.trouble("sales")
told = {
    "why": str(why) if why else None,
    "names": sorted(str(n) for n in directory.everything() if n.team == "sales"),
    "versions": {str(d.name): code_version(d) for d in directory.known_of("sales") if d.body},
    "declared": {str(d.name): d.declared for d in directory.known_of("sales")},
    "home": doors.shelf_file("sales", "curated"),
    "written": [str(_shelf(DatasetName("sales", s, "new")).relative_to(Path.cwd()))
                for s in ("raw", "curated")],
}
if why is None:
    remember("sales", directory.declared("sales"))
    stamp = names._stamp()
    sources = LoadedSources.taken([Path.cwd()], since_ns=began)
    Path("rooms/sales/curated/late.py").write_text("x = 1")
    told["reloads"] = sorted(str(p.relative_to(Path.cwd())) for p in sources.changed())
    told["stamp"] = stamp != names._stamp()
    Path("rooms/sales/curated/late.py").unlink()
    own = OwnSources("sales", "rooms.sales.definitions", (), since_ns=began, failed=False)
    component = Path("rooms/sales/defs/pages/defs.yaml")
    component.write_text("type: pages.Pages\\n")
    told["component"] = component.absolute() in dict(own.changed())
print(json.dumps(told))
"""


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A project of one room, whose curated shelf is a package with a package in it."""
    (tmp_path / "pyproject.toml").write_text('[tool.watermain]\nrooms = "rooms"\n')
    shelf = tmp_path / "rooms" / "sales" / "curated"
    (shelf / "yearly").mkdir(parents=True)
    (shelf.parent / "definitions.py").write_text("")
    (shelf.parent / "raw.py").write_text(RAW)
    (shelf / "__init__.py").write_text("from rooms.sales.curated.flights import flights\n")
    (shelf / "yearly" / "__init__.py").write_text("")
    (shelf / "yearly" / "totals.py").write_text(dataset(name="totals"))
    (shelf / "flights.py").write_text(dataset(name="flights"))
    (shelf / "movements.py").write_text(dataset(name="movements"))
    (shelf / "shared.py").write_text(SHARED)
    (shelf.parent / "defs" / "pages").mkdir(parents=True)
    (shelf.parent / "defs" / "pages" / "defs.yaml").write_text("")
    return tmp_path


def asked(company: Path) -> dict[str, object]:
    """What a project's rooms are, to a process that has just begun."""
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=company,
        env=child_environment()
        | {"WATERMAIN_PROJECT": str(company), "WATERMAIN_DATA_DIR": str(company / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


ALL = [f"sales.curated.{name}" for name in ("flights", "movements", "totals")]


def test_modules_of_a_package_are_one_shelf(company: Path) -> None:
    """Each is found once, at its own line; a new file is seen; what they share is their code."""
    before = asked(company)
    assert before["why"] is None
    assert before["names"] == [*ALL, "sales.raw.orders"]
    assert before["home"] == "rooms/sales/curated/"
    assert before["written"] == ["rooms/sales/raw.py", "rooms/sales/curated/new.py"]
    assert before["declared"]["sales.curated.totals"] == "rooms/sales/curated/yearly/totals.py:7"  # type: ignore[index]
    assert before["reloads"] == ["rooms/sales/curated"]
    assert before["stamp"] is True
    assert before["component"] is True

    shared = company / "rooms" / "sales" / "curated" / "shared.py"
    shared.write_text(SHARED.replace("BONUS = 1", "BONUS = 2"))
    after = asked(company)["versions"]
    assert isinstance(after, dict)
    assert isinstance(before["versions"], dict)
    assert all(after[name] != before["versions"][name] for name in ALL)

    with shared.open("a") as file:
        file.write("def broken(:\n")
    broken = asked(company)
    assert "  declared  rooms/sales/curated/shared.py:6\n" in str(broken["why"])
    assert broken["names"] == [*ALL, "sales.raw.orders"]  # as they were last declared


def test_module_beside_a_package_of_its_name_is_refused(company: Path) -> None:
    """Python would leave the module unread without a word."""
    (company / "rooms" / "sales" / "curated.py").write_text(dataset(name="lost"))
    why = str(asked(company)["why"])
    assert "`curated` is a package and a module" in why
    assert "  declared  rooms/sales/curated.py:1\n" in why
    assert "move what it declares into curated/" in why


def test_name_that_two_modules_declare_is_refused(company: Path) -> None:
    """Only one of the two could be built."""
    shelf = company / "rooms" / "sales" / "curated"
    (shelf / "again.py").write_text(dataset(name="flights"))
    why = str(asked(company)["why"])
    assert "sales.curated.flights is declared twice, at rooms/sales/curated/flights.py:7 too" in why
    assert "  declared  rooms/sales/curated/again.py:7\n" in why


def test_python_that_is_named_as_a_mart_is_refused(company: Path) -> None:
    """On purpose: whoever reads the dbt project would miss it there."""
    shelf = company / "rooms" / "sales" / "curated"
    (shelf / "again.py").write_text(dataset(name="totals_by_day", stage="marts"))
    why = str(asked(company)["why"])
    assert "sales.marts.totals_by_day is a mart, which is a dbt model" in why
    assert "  declared  rooms/sales/curated/again.py:7\n" in why
    assert (
        "models/marts/sales/totals_by_day.sql, or name the dataset sales.curated.totals_by_day"
        in why
    )
