"""Header, types of dropped files, as `watermain new dataset --pattern` reads them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from watermain.declare.contract import Sensitivity
from watermain.engine.adopt.kind.dropped_files import proposal
from watermain.engine.adopt.piece import UnadoptableTableError
from watermain.engine.adopt.proposal import Proposal, Wishes
from watermain.engine.adopt.rows import own_engine

CSV = "order_id,ordered_at,customer_email,amount,paid\n"


def looked(folder: Path, pattern: str) -> Proposal:
    """What is proposed for some files."""
    with own_engine() as connection:
        return proposal(connection, folder, pattern, Wishes())


def test_csv_tells_names_and_exact_types(home: Path, tmp_path: Path) -> None:
    """A price is a decimal with the digits that it has, never a float."""
    (tmp_path / "orders-1.csv").write_text(
        CSV
        + "A1,2026-01-05T09:15:00Z,a@b.org,12.50,true\nA2,2026-01-06T09:15:00Z,c@d.org,3,false\n"
    )
    (tmp_path / "orders-2.csv").write_text(CSV + "A3,2026-01-07T09:15:00Z,e@f.org,0.125,true\n")
    contract = looked(tmp_path, "orders-*.csv").contract
    assert contract.key == ("order_id",)
    assert contract.event_time == "ordered_at"
    assert {f.name: f.type for f in contract.schema} == {
        "order_id": pa.string(),
        "ordered_at": pa.timestamp("us", "UTC"),
        "customer_email": pa.string(),
        "amount": pa.decimal128(18, 3),
        "paid": pa.bool_(),
    }
    assert contract.column("customer_email").sensitivity is Sensitivity.PERSONAL


def test_json_lines_tell_names_and_types(home: Path, tmp_path: Path) -> None:
    """Numbers that are whole are integers."""
    (tmp_path / "a.jsonl").write_text('{"id": 1, "n": "x"}\n{"id": 2}\n')
    contract = looked(tmp_path, "*.jsonl").contract
    assert {f.name: f.type for f in contract.schema} == {"id": pa.int64(), "n": pa.string()}


def test_files_that_tell_nothing_are_refused(home: Path, tmp_path: Path) -> None:
    """No such file, no such format, a name that stands twice."""
    with pytest.raises(UnadoptableTableError, match="no file in"):
        looked(tmp_path, "*.csv")
    with pytest.raises(UnadoptableTableError, match="no ending that says its format"):
        looked(tmp_path, "*.xlsx")
