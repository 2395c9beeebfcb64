"""Each recipe of the page about readers reads what the lake's own engine reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.watermain.engine.adopt.parquet import declared, job, month, months, proposed, source
from tests.watermain.engine.adopt.parquet import write as lay
from watermain.declare import Dataset
from watermain.engine.adopt.registering import groups, registering
from watermain.engine.capture.ingest import capture
from watermain.lake.lake import Lake, table
from watermain.lake.rest.file_manifest import FileManifest, file_manifest

PAGE = (Path(__file__).parents[4] / "docs" / "guides" / "readers.md").read_text()
RECIPES = re.findall(r"With (\w+)[^\n]*:\n\n```python\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def orders(shared_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Adopted files and captured ones, of which rows were deleted since."""
    folder = months(tmp_path_factory.mktemp("outside"))
    proposal = proposed(folder)
    dataset = declared(proposal, "shop.raw.read_orders")
    with registering(dataset, job(shared_lake, dataset)) as held:
        for group in groups(proposal.pieces):
            held.take(group)
    lay(folder, "orders-2024-04.parquet", month(4))
    capture(dataset, job(shared_lake, dataset), source=source(dataset, folder))
    with (
        shared_lake.fence.lease(str(dataset.name)) as lease,
        shared_lake.get_connection() as connection,
        shared_lake.transaction(connection, lease, "delete some"),
    ):
        connection.execute(f"delete from {table(dataset.name)} where order_id % 10 = 3")
    return dataset


@pytest.fixture(scope="module")
def told(shared_lake: Lake, orders: Dataset) -> FileManifest:
    """The list of its files."""
    with shared_lake.get_connection() as connection:
        at = shared_lake.snapshot(connection)
    return file_manifest(shared_lake, str(orders.name), at, orders.contract.schema)


def rows_of(answer: Any) -> list[tuple[Any, ...]]:
    """Rows of whichever frame, in one order."""
    if hasattr(answer, "to_arrow_table"):
        answer = answer.to_arrow_table()
    if not isinstance(answer, pa.Table):
        answer = (
            answer.to_arrow()
            if hasattr(answer, "to_arrow")
            else pa.Table.from_pandas(answer, preserve_index=False)
        )
    return sorted(tuple(row.values()) for row in answer.to_pylist())


def test_page_has_a_recipe_for_each_reader() -> None:
    """Three are run below."""
    assert [name for name, _ in RECIPES] == ["pandas", "polars", "DuckDB"]


@pytest.mark.parametrize(("name", "code"), RECIPES, ids=[name for name, _ in RECIPES])
def test_recipe_reads_what_counts(
    name: str, code: str, shared_lake: Lake, orders: Dataset, told: FileManifest
) -> None:
    """Deleted rows are gone, adopted and captured ones are there, and types are kept."""
    scope: dict[str, Any] = {"manifest": str(told.write(shared_lake))}
    exec(code, scope)
    with shared_lake.get_connection() as connection:
        names = ", ".join(orders.contract.schema.names)
        wanted = connection.execute(f"select {names} from {table(orders.name)}").fetchall()
    assert len(wanted) == told.rows == 144
    assert rows_of(scope["answer"]) == sorted(wanted), name


def test_plain_glob_reads_rows_that_do_not_count(
    shared_lake: Lake, orders: Dataset, told: FileManifest
) -> None:
    """What the page warns of."""
    assert sum(each.rows for each in told.files) == 160
    deletes = [each.deletes for each in told.files if each.deletes]
    assert sum(each.rows for each in deletes) == 16
    assert set(pq.read_schema(deletes[0].path).names) == {"file_path", "pos"}
    folder = Path(shared_lake.folder) / orders.name.schema / orders.name.table
    everything = sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))
    assert everything == 160 + 16


def test_older_snapshot_lists_its_own_files(shared_lake: Lake, orders: Dataset) -> None:
    """Before the deletes nothing was deleted."""
    with shared_lake.get_connection() as connection:
        at = shared_lake.snapshot(connection) - 1
    then = file_manifest(shared_lake, str(orders.name), at, orders.contract.schema)
    assert (then.rows, [each.deletes for each in then.files]) == (160, [None] * len(then.files))
    adopted = [each.constants for each in then.files if each.constants]
    assert {each["_file"] for each in adopted} == {f"orders-2024-0{n}.parquet" for n in (1, 2, 3)}
