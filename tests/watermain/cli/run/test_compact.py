"""`watermain compact` says what became of each crowded dataset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.house.tree import ROOT
from tests.watermain.engine.crowd import FILES, crowd, listed, rows
from tests.watermain.engine.damaging import cut
from tests.watermain.lake.struck import inline
from watermain.__main__ import app
from watermain.cli.exits import WRONG_USE, exit_code
from watermain.declare import DatasetName
from watermain.declare.errors import DamagedDataError, InvalidDeclarationError, UnknownDatasetError
from watermain.lake.lake import Lake, table
from watermain.lake.rest.inlined import inlined

COSTS = DatasetName("upkeep", "curated", "run_costs")
REPORTS = DatasetName("weather", "curated", "reports")
BEFORE = 2 * FILES - 2


def compact(*words: str) -> Result:
    return CliRunner().invoke(app, ["compact", *words])


def steps(told: Result) -> list[tuple[str, str, str]]:
    """Each line of the command: how it went, of which dataset, what was said."""
    lines = [line.split(maxsplit=4) for line in told.stderr.splitlines()]
    return [(word, name, said) for word, name, _, _, said in lines]


def test_crowded_datasets_are_made_few(lake: Lake) -> None:
    """One line for each of them; rows, older snapshots and the other tables stay as they are."""
    for name in (COSTS, REPORTS):
        crowd(lake, name=name)
    before = rows(lake, name=COSTS)
    told = compact()
    assert (told.exit_code, told.stdout) == (0, "")
    became = f"{BEFORE} files became 2"
    assert steps(told) == [("ok", str(COSTS), became), ("ok", str(REPORTS), became)]
    assert [len(listed(lake, name)) for name in (COSTS, REPORTS)] == [2, 2]
    assert rows(lake, name=COSTS) == before
    again = compact()
    assert (again.exit_code, again.stdout) == (0, "no dataset has many small files\n")
    assert again.stderr == ""


def test_one_dataset_alone_is_made_few_for_a_script(lake: Lake) -> None:
    """What was not asked for is left; facts are JSON; a name that nobody declares is wrong use."""
    for name in (COSTS, REPORTS):
        crowd(lake, name=name)
    told = compact(str(COSTS), "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout) == [
        {"dataset": str(COSTS), "rows": BEFORE, "from": BEFORE, "to": 2}
    ]
    assert len(listed(lake, REPORTS)) == BEFORE
    wrong = compact("upkeep.curated.run_cost").exception
    assert isinstance(wrong, UnknownDatasetError)
    assert exit_code(wrong) == WRONG_USE
    assert "`upkeep.curated.run_costs`" in wrong.next


def test_dataset_of_a_living_writer_is_left(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command goes on to the next one and ends with 0."""
    for name in (COSTS, REPORTS):
        crowd(lake, name=name)
    monkeypatch.setattr("watermain.cli.run.compact.WAIT_SECONDS", 0.2)
    with lake.fence.lease(str(COSTS)):
        told = compact()
    assert told.exit_code == 0
    assert steps(told) == [
        ("ok", str(COSTS), "left to its writer, who holds the lease"),
        ("ok", str(REPORTS), f"{BEFORE} files became 2"),
    ]
    assert [len(listed(lake, name)) for name in (COSTS, REPORTS)] == [BEFORE, 2]


def test_damaged_dataset_is_named_after_the_others_were_made_few(lake: Lake) -> None:
    """Four lines, exit code 1; its files are left as they were."""
    for name in (COSTS, REPORTS):
        crowd(lake, name=name)
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0  # from now on they are vouched for
    path, _ = sorted(listed(lake, COSTS))[0]
    cut(Path(path))
    told = compact()
    assert told.exit_code == 1
    damage = told.exception
    assert isinstance(damage, DamagedDataError)
    assert Path(path).name in damage.what
    assert damage.next == f"watermain verify {COSTS}"
    (word, name, said), other = steps(told)
    assert (word, name) == ("failed", str(COSTS))
    assert said == damage.what
    assert other == ("ok", str(REPORTS), f"{BEFORE} files became 2")
    assert len(listed(lake, COSTS)) == BEFORE


def test_rows_that_the_catalog_holds_are_not_looked_at(lake: Lake) -> None:
    """A struct of an older lake at whose reading the engine ends is told; nobody's engine ends."""
    for name in (COSTS, REPORTS):
        crowd(lake, name=name)
    with lake.get_connection() as connection:
        inline(connection, COSTS.schema, COSTS.table)
        connection.execute(
            f"insert into {table(COSTS)} values (1, '2013-01-01', 1, {{'word': 'x',"
            " 'days': [date '2013-01-01'], 'deep': null})"
        )
    held = inlined(lake)
    done = subprocess.run(
        [sys.executable, "-m", "watermain", "compact"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    what = f"{COSTS}: the catalog holds 1 rows and 0 deletes of it"
    what += ", which an earlier release left there"
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[0].split(maxsplit=4)[0::4] == ["failed", what]
    assert lines[1].endswith(f"{BEFORE} files became 2")
    assert lines[2:] == [
        f"UnreadableRowsError: {what}",
        "  declared  rows that DuckLake kept in its catalog",
        "  data      unchanged; its files were left as they are",
        "  next      watermain up, which writes them into files",
    ]
    assert inlined(lake) == held
    assert [(each.name, each.rows) for each in held] == [(COSTS, 1)]


def test_the_ledger_is_refused(lake: Lake) -> None:
    """Its rows would read as new ones to captures."""
    wrong = compact("upkeep.raw.batches").exception
    assert isinstance(wrong, InvalidDeclarationError)
    assert wrong.what == "upkeep.raw.batches is part of the ledger, which is never written again"
    assert exit_code(wrong) == WRONG_USE
