"""One room that does not load among others that do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from watermain.settings import child_environment

ROOM = """
from datetime import timedelta
import ibis, pyarrow as pa
from watermain import Column, Contract, Daily, Files, dataset, raw

CONTRACT = Contract(
    grain="one row per order",
    key=("id",),
    event_time="at",
    columns=(Column("id", pa.string(), "which"), Column("at", pa.timestamp("us", "UTC"), "when")),
)
orders = raw(
    "sales.raw.orders",
    source=Files(connection="drop", pattern="*.csv", format="csv"),
    contract=CONTRACT,
    owner="team:sales",
    cadence=Daily(late_for=timedelta(days=3)),
)
"""
CURATED = '''
import ibis
from watermain import Daily, dataset
from rooms.sales.raw import CONTRACT

@dataset("{team}.curated.kept", inputs={{"orders": "{read}"}}, contract=CONTRACT,
         owner="team:{team}", cadence=Daily())
def kept(orders: ibis.Table) -> ibis.Table:
    """Keep each order."""
    return orders
'''
ASK = """
import json, sys
from watermain.declare.errors import WatermainError
from watermain.declare.name import DatasetName
from watermain.engine.rooms import directory, last_good

def found(name):
    try:
        one = directory.find(DatasetName.parse(name))
        return [type(one.cadence).__name__, one.broken]
    except WatermainError as error:
        return [type(error).__name__, str(error)]

if "remember" in sys.argv:
    for team in ("sales", "care"):
        last_good.remember(team, directory.declared(team))
print(json.dumps({
    "everything": sorted(map(str, directory.everything())),
    "trouble": {team: str(why) for team, why in directory.troubled_rooms().items()},
    "found": {name: found(name) for name in sys.argv[1].split()},
}))
"""
BROKEN = "sales.curated.kept", "sales.raw.orders", "care.curated.kept"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A project of two rooms, one of which reads the other."""
    (tmp_path / "pyproject.toml").write_text('[tool.watermain]\nrooms = "rooms"\n')
    for team, read in (("sales", "sales.raw.orders"), ("care", "sales.curated.kept")):
        room = tmp_path / "rooms" / team
        room.mkdir(parents=True)
        (room / "definitions.py").write_text("")
        (room / "curated.py").write_text(CURATED.format(team=team, read=read))
    (tmp_path / "rooms" / "sales" / "raw.py").write_text(ROOM)
    curated = tmp_path / "rooms" / "care" / "curated.py"
    curated.write_text(curated.read_text().replace("from rooms.sales.raw import CONTRACT", ""))
    curated.write_text("from rooms.care.terms import CONTRACT\n" + curated.read_text())
    (tmp_path / "rooms" / "care" / "terms.py").write_text(ROOM.partition("orders = ")[0])
    return tmp_path


def asked(company: Path, *words: str) -> tuple[dict[str, object], str]:
    """What the directory of a project says, with what it told on stderr."""
    environment = child_environment() | {
        "WATERMAIN_PROJECT": str(company),
        "WATERMAIN_DATA_DIR": str(company / "data"),
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK, " ".join(BROKEN), *words],
        cwd=company,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found, done.stderr


def test_room_that_does_not_load_is_known_by_its_last_good_declarations(company: Path) -> None:
    """Its datasets keep their names, their cadences; what is built of them is refused by name."""
    sound, said = asked(company, "remember")
    assert (sound["trouble"], said) == ({}, "")
    with (company / "rooms" / "sales" / "raw.py").open("a") as file:
        file.write("def broken(:\n")
    found, said = asked(company)
    assert found["everything"] == sound["everything"]
    line = len(ROOM.splitlines()) + 1
    why = (
        "room sales does not load: SyntaxError: invalid syntax\n"
        f"  declared  rooms/sales/raw.py:{line}\n"
        "  data      what the room published stands, and is known as it was last declared\n"
        "  next      mend it, then: watermain check"
    )
    assert found["trouble"] == {"sales": why}
    assert found["found"] == {
        "sales.curated.kept": ["Daily", why],
        "sales.raw.orders": ["Daily", why],
        "care.curated.kept": ["Daily", None],
    }
    assert said == f"BrokenRoomError: {why}\n"  # once, whatever was asked


def test_room_that_never_loaded_is_told_for_what_it_is(company: Path) -> None:
    """Nobody says that it declares no such dataset; the others are there."""
    (company / "rooms" / "sales" / "raw.py").write_text("1 / 0\n")
    found, said = asked(company)
    assert "care.curated.kept" in found["everything"]  # type: ignore[operator]
    assert "sales.curated.kept" not in found["everything"]  # type: ignore[operator]
    kind, why = found["found"]["sales.curated.kept"]  # type: ignore[index]
    assert kind == "BrokenRoomError"
    assert why.startswith(
        "room sales does not load: ZeroDivisionError: division by zero\n"
        "  declared  rooms/sales/raw.py:1\n"
    )
    assert said.count("room sales does not load") == 1
