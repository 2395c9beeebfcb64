"""`watermain adopt`, as people run it: declared, registered, handed over, or refused whole."""

from __future__ import annotations

from pathlib import Path

from tests.watermain.cli.adopt.company import Company
from tests.watermain.engine.adopt.parquet import month, months, write
from watermain.lake.lake import Lake


def counted(lake: Lake, name: str, query: str) -> tuple[object, ...]:
    """One row of a query over a dataset's table."""
    team, stage, table = name.split(".")
    with lake.get_connection() as connection:
        found = connection.execute(f"select {query} from lake.{team}_{stage}.{table}").fetchone()
    assert found is not None
    return tuple(found)


def test_folder_is_declared_registered_and_watched(company: Company, tmp_path: Path) -> None:
    """The quote comes first; then each byte stays where it lies, and what comes is captured."""
    folder = months(tmp_path / "history")
    told = company.run("adopt", str(folder), "--into", "sales.raw.past_orders", "--dry-run")
    assert "quote    120 rows" in told
    assert "registered as they are: 3 files" in told
    assert "written again: 0 bytes" in told
    assert "past_orders" not in company.written("platform_assets/sales/raw.py")
    told = company.run("adopt", str(folder), "--into", "sales.raw.past_orders", "--yes")
    assert "adopted  sales.raw.past_orders: 120 rows; 3 files registered" in told
    assert "0 bytes written" in told
    shelf = company.written("platform_assets/sales/raw.py")
    assert 'Column("order_id", pa.int64(), "what names the row")' in shelf
    assert "sensitivity=Sensitivity.PERSONAL" in shelf
    assert "cadence=Daily(start=date(2024, 1, 1))" in shelf
    assert counted(company.lake, "sales.raw.past_orders", "count(*), count(_row)") == (120, 0)
    write(folder, "orders-2024-04.parquet", month(4))
    told = company.run("adopt", str(folder), "--into", "sales.raw.past_orders", "--yes")
    assert "3 pieces stood there from before" in told
    assert counted(company.lake, "sales.raw.past_orders", "count(*)") == (160,)
    assert "***" in company.run("sql", "select email from sales.raw.past_orders limit 1")
    company.run("check")
