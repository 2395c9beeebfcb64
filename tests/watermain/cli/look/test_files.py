"""`watermain files` lists what holds a dataset, but not what is masked without a reason."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
from click.testing import Result
from typer.testing import CliRunner

from watermain.__main__ import app
from watermain.declare.name import DatasetName
from watermain.engine.rooms.directory import find
from watermain.engine.table.table import ensure_table
from watermain.lake.lake import Lake, table

COSTS = DatasetName.parse("upkeep.curated.run_costs")
CONTACTS = DatasetName.parse("operations.curated.airline_contacts")


def made(lake: Lake, name: DatasetName) -> None:
    """The table of a dataset, as its first publish makes it."""
    with (
        lake.fence.lease(str(name)) as lease,
        lake.get_connection() as connection,
    ):
        ensure_table(lake, connection, find(name), lease)


def run(*words: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, ["files", *words])


def test_files_are_listed_printed_and_written_down(lake: Lake) -> None:
    """Rows with a deleted one of a file, in the present snapshot as well as in an older one."""
    made(lake, COSTS)
    with lake.fence.lease(str(COSTS)) as lease, lake.get_connection() as connection:
        first = find(COSTS).contract.columns[0].name
        rows = f"insert into {table(COSTS)} ({first}) values ('a'), ('b'), ('c')"
        for change in (rows, f"delete from {table(COSTS)} where {first} = 'b'"):
            with lake.transaction(connection, lease, "by hand"):
                connection.execute(change)
        at = lake.snapshot(connection)
    told = json.loads(run(str(COSTS), "--json").stdout)
    assert (told["snapshot"], told["rows"]) == (at, 2)
    (file,) = told["files"]
    assert (file["rows"], file["deletes"]["rows"], file["constants"]) == (3, 1, {})
    before = json.loads(run(str(COSTS), "--json", "--snapshot", str(at - 1)).stdout)
    assert (before["rows"], before["files"][0]["deletes"]) == (3, None)
    shown = run(str(COSTS), "--manifest")
    assert file["path"] in shown.stdout
    written = Path(lake.folder) / COSTS.schema / COSTS.table / f"_files-{at}.json"
    assert json.loads(written.read_text()) == told
    refused = run(str(COSTS), "--snapshot", "999")
    assert "snapshot 999 is not in the lake" in str(refused.exception)
    ledger = run("upkeep.raw.batches")
    assert "is part of the ledger" in str(ledger.exception)


def test_masked_dataset_is_listed_for_a_reason_only(lake: Lake) -> None:
    """The files hold what `watermain sql` masks, so the reason is kept where that keeps it."""
    unpublished = run(str(CONTACTS))
    assert "nothing of operations.curated.airline_contacts is published" in str(
        unpublished.exception
    )
    made(lake, CONTACTS)
    refused = run(str(CONTACTS), "--json")
    assert "has columns that are masked" in str(refused.exception)
    assert refused.stdout == ""
    asked = run(str(CONTACTS), "--json", "--unmask", "a letter to each")
    assert json.loads(asked.stdout)["files"] == []
    with psycopg.connect(lake.dsn()) as connection:
        kept = connection.execute(
            "select reason, statement, datasets from watermain.disclosure"
        ).fetchall()
    assert kept == [("a letter to each", f"watermain files {CONTACTS}", [str(CONTACTS)])]
    assert "none is given" in str(run(str(CONTACTS), "--unmask", " ").exception)
