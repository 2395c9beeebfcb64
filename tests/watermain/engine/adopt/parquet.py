"""Folders of Parquet as somebody else left them."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from watermain.declare import Files, raw
from watermain.declare.dataset import Dataset
from watermain.engine.adopt.kind.parquet_folder import standing
from watermain.engine.adopt.proposal import Proposal, Wishes, propose
from watermain.engine.adopt.rows import own_engine
from watermain.engine.publish.publication import Job
from watermain.lake.lake import Lake, table
from watermain.source.files.files import FileSource
from watermain.source.protocol import Shape

WORD = Files(connection="drop", pattern="**/*.parquet", format="parquet", settle_for=timedelta(0))
NONE = Wishes()


def month(number: int, rows: int = 40, first: int = 0) -> pa.Table:
    """Orders of one month of 2024."""
    begin = datetime(2024, number, 1, tzinfo=UTC)
    ids = [number * 1000 + first + n for n in range(rows)]
    return pa.table(
        {
            "order_id": pa.array(ids, pa.int64()),
            "ordered_at": pa.array(
                [begin + timedelta(hours=8 * n) for n in range(rows)], pa.timestamp("us", "UTC")
            ),
            "email": pa.array([f"buyer{n % 7}@example.org" for n in ids]),
            "amount": pa.array([n / 8 for n in range(rows)], pa.float64()),
        }
    )


def write(folder: Path, name: str, rows: pa.Table) -> Path:
    """A file that has lain there for a while."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def months(folder: Path, count: int = 3) -> Path:
    """A folder with a file for each month."""
    for number in range(1, count + 1):
        write(folder, f"orders-2024-{number:02d}.parquet", month(number))
    return folder


def proposed(folder: Path, wishes: Wishes = NONE) -> Proposal:
    """What is proposed for a folder."""
    with own_engine() as connection:
        return propose(connection, standing(folder, without=wishes.without), wishes)


def declared(proposal: Proposal, name: str = "shop.raw.orders") -> Dataset:
    """The dataset that is proposed, captured from where its files lie."""
    return raw(
        name,
        source=WORD,
        contract=proposal.contract,
        cadence=proposal.cadence,
        owner="team:shop",
    )


def job(lake: Lake, dataset: Dataset) -> Job:
    """What adopts it."""
    return Job(lake=lake, find={dataset.name: dataset}.__getitem__, run_id="adopt")


def source(dataset: Dataset, folder: Path) -> FileSource:
    """The live source that takes over."""
    return FileSource(
        WORD, Shape.of(dataset), folder=lambda: str(folder), scratch=folder.parent / "scratch"
    )


def rows(lake: Lake, dataset: Dataset, query: str = "*") -> list[tuple[Any, ...]]:
    """What stands in the lake."""
    with lake.get_connection() as connection:
        return connection.execute(
            f"select {query} from {table(dataset.name)} order by all"
        ).fetchall()


__all__ = ["date", "declared", "job", "month", "months", "proposed", "rows", "source", "write"]
