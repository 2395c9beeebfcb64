"""`watermain adopt`, as people run it: declared, registered, handed over."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from tests.watermain.cli.adopt.company import Company
from tests.watermain.engine.adopt.parquet import month, months, write
from watermain.lake.lake import Lake

GUIDE = (Path(__file__).parents[4] / "docs" / "guides" / "adopt.md").read_text()
PRINTED = re.findall(r"```text\n(.*?)```", GUIDE, re.S)


def counted(lake: Lake, name: str, query: str) -> tuple[object, ...]:
    """One row of a query over a dataset's table."""
    team, stage, table = name.split(".")
    with lake.get_connection() as connection:
        found = connection.execute(f"select {query} from lake.{team}_{stage}.{table}").fetchone()
    assert found is not None
    return tuple(found)


def plain(line: str) -> str:
    """A line without what differs from machine to machine: sizes, the width of columns."""
    return re.sub(r"\s+", " ", re.sub(r"[\d,.]+ (bytes|MiB)", "N bytes", line)).strip()


@pytest.mark.slow
def test_folder_is_declared_registered_and_watched(company: Company, tmp_path: Path) -> None:
    """As the guide prints it: the quote first, no byte written, and what comes is taken."""
    folder = months(tmp_path / "history")
    words = ("adopt", str(folder), "--into", "sales.raw.past_orders")
    told = company.run(*words, "--dry-run")
    assert "past_orders" not in company.written("platform_assets/sales/raw.py")
    told += company.run(*words, "--yes")
    shown = {plain(line.replace(str(folder), "/data/orders")) for line in told.splitlines()}
    for line in "".join(PRINTED).splitlines():
        assert plain(line) in shown or line.startswith("adopt it?"), line
    shelf = company.written("platform_assets/sales/raw.py")
    assert 'Column("order_id", pa.int64(), "what names the row")' in shelf
    assert "sensitivity=Sensitivity.PERSONAL" in shelf
    assert "cadence=Daily(start=date(2024, 1, 1))" in shelf
    assert counted(company.lake, "sales.raw.past_orders", "count(*), count(_row)") == (120, 0)
    write(folder, "orders-2024-04.parquet", month(4))
    nan = pa.array([float("nan")] * 40, pa.float64())
    write(folder, "orders-2024-05.parquet", month(5).set_column(3, "amount", nan))
    told = company.run(*words, "--yes")
    assert "1 piece: it holds NaN in `amount`" in told
    assert "3 pieces stood there from before" in told
    assert "1 file captured: 40 rows" in told
    everything = "count(*), count(distinct order_id), count(_row)"
    assert counted(company.lake, "sales.raw.past_orders", everything) == (200, 200, 40)
    company.run("check")
