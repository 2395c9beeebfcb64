"""Files are registered as they are, once, with the live source going on behind them."""

from __future__ import annotations

from pathlib import Path

from tests.watermain.engine.adopt.parquet import (
    declared,
    job,
    month,
    months,
    proposed,
    rows,
    source,
    write,
)
from watermain.declare.dataset import Dataset
from watermain.engine.adopt.proposal import Proposal
from watermain.engine.adopt.registering import Registered, groups, registering
from watermain.engine.capture.ingest import capture
from watermain.lake import ledger
from watermain.lake.lake import Lake, text


def load(lake: Lake, dataset: Dataset, proposal: Proposal, *, copies: bool = False) -> Registered:
    """Register all that can be."""
    with registering(dataset, job(lake, dataset), copies=copies) as held:
        for group in groups(p for p in proposal.pieces if not p.is_left):
            held.take(group)
        return held.done


def test_files_are_registered_without_a_byte_written(lake: Lake, tmp_path: Path) -> None:
    """Each file keeps its inode; rows, partitions, positions tell of it as a capture would."""
    folder = months(tmp_path / "outside")
    proposal = proposed(folder)
    dataset = declared(proposal)
    done = load(lake, dataset, proposal)
    sizes = [path.stat().st_size for path in folder.iterdir()]
    assert (done.files, done.rows, done.written_bytes) == (3, 120, 0)
    assert done.linked_bytes == sum(sizes)
    assert all(path.stat().st_nlink == 2 for path in folder.iterdir())
    assert rows(lake, dataset, "count(*), count(distinct order_id), count(_row)") == [(120, 120, 0)]
    assert rows(lake, dataset, "distinct _file") == [
        (f"orders-2024-0{n}.parquet",) for n in (1, 2, 3)
    ]
    with lake.get_connection() as connection:
        standing = ledger.latest(connection, dataset.name)
        batches = connection.execute(
            f"select sum(rows), count(*) from {ledger.BATCHES}"
            f" where stream = {text(str(dataset.name))}"
        ).fetchone()
    assert sum(row.rows_out for row in standing.values()) == 120
    assert min(standing) == "2024-01-01"
    assert batches == (120, 3)


def test_live_source_goes_on_without_a_gap(lake: Lake, tmp_path: Path) -> None:
    """What was adopted is not captured again, what came since is, and nothing is done twice."""
    folder = months(tmp_path / "outside")
    proposal = proposed(folder)
    dataset = declared(proposal)
    write(folder, "orders-2024-04.parquet", month(4))
    load(lake, dataset, proposal)
    capture(dataset, job(lake, dataset), source=source(dataset, folder))
    assert rows(lake, dataset, "count(*), count(distinct order_id), count(_row)") == [
        (160, 160, 40)
    ]
    again = load(lake, dataset, proposed(folder))
    assert (again.files, again.before) == (0, 4)
    assert rows(lake, dataset, "count(*)") == [(160,)]
