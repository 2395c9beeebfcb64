"""What lives in a Delta table, an Iceberg table or a DuckDB file is what stands in the lake."""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import pyarrow as pa
import pytest
from pyroaring import BitMap

from tests.watermain.engine.adopt.parquet import declared, job, month, rows
from watermain.declare.errors import SourceError
from watermain.engine.adopt.kind import delta_table, iceberg_table
from watermain.engine.adopt.kind.database_file import DatabaseFile
from watermain.engine.adopt.piece import TableStanding, UnadoptableTableError
from watermain.engine.adopt.proposal import Proposal, Wishes, propose
from watermain.engine.adopt.registering import Registered, groups, registering
from watermain.engine.adopt.rows import own_engine
from watermain.lake.lake import Lake

_B85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_Z85 = str.maketrans(
    _B85,
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#",
)
Look = Callable[[Path, Path], TableStanding]


def with_region(number: int) -> pa.Table:
    """Orders with a column that a table may be partitioned by."""
    table = month(number)
    regions = ["eu", "us", None, "eu"] * (table.num_rows // 4)
    return table.append_column("region", pa.array(regions, pa.string()))


def delta(folder: Path) -> Path:
    """A Delta table whose partition column stands in its log alone."""
    for number in (1, 2):
        deltalake.write_deltalake(
            str(folder), with_region(number), partition_by=["region"], mode="append"
        )
    return folder


def deletion_vector(*places: int) -> tuple[str, int]:
    """Places of deleted rows as a Delta log has them, with their bytes.

    Source: the Delta protocol, deletion vectors of storage type `i`.
    """
    bits = BitMap(places).serialize()
    held = struct.pack("<iqi", 1_681_511_377, 1, 0) + bits
    whole = held + bytes(-len(held) % 4)
    return base64.b85encode(whole).decode().translate(_Z85), len(held)


def iceberg(folder: Path, version: str = "2") -> Any:
    """An Iceberg table in a catalog that lives as long as the test."""
    from pyiceberg.catalog.memory import InMemoryCatalog

    catalog = InMemoryCatalog("test", warehouse=f"file://{folder}")
    catalog.create_namespace("shop")
    made = catalog.create_table(
        "shop.orders", month(1).schema, properties={"format-version": version}
    )
    for number in (1, 2):
        made.append(month(number))
    return made


def place_of(table: Any) -> Path:
    """Where an Iceberg table lies."""
    return Path(table.location().removeprefix("file://"))


def proposed(look: Look, folder: Path, scratch: Path) -> Proposal:
    """What is proposed for a table."""
    with own_engine() as connection:
        return propose(connection, look(folder, scratch), Wishes())


def load(lake: Lake, proposal: Proposal, name: str) -> Registered:
    """Adopt it."""
    dataset = declared(proposal, name)
    with registering(dataset, job(lake, dataset)) as held:
        held.refuse_other_state(proposal.pieces)
        for group in groups(proposal.pieces):
            held.take(group)
    return held.done


def test_delta_table_is_registered(shared_lake: Lake, tmp_path: Path) -> None:
    """Its partition column comes from the log; a null in it is written out, and said."""
    folder = delta(tmp_path / "orders")
    proposal = proposed(delta_table.standing, folder, tmp_path / "scratch")
    reasons = {piece.why for piece in proposal.pieces}
    assert reasons == {"", "`region` is null, which no folder can say"}
    done = load(shared_lake, proposal, "shop.raw.delta")
    assert done.rows == 80
    assert done.linked_bytes > done.written_bytes > 0
    dataset = declared(proposal, "shop.raw.delta")
    found = rows(shared_lake, dataset, "order_id, region")
    wanted = [
        (row["order_id"], row["region"]) for n in (1, 2) for row in with_region(n).to_pylist()
    ]
    assert found == sorted(wanted)
    assert load(shared_lake, proposal, "shop.raw.delta").files == 0


def test_delta_table_that_needs_more_of_a_reader_is_refused(tmp_path: Path) -> None:
    """Deletion vectors are no rows of ours to guess at."""
    folder = delta(tmp_path / "orders")
    log = folder / delta_table.LOG
    (add,) = [
        json.loads(line)
        for line in (log / f"{0:020d}.json").read_text().splitlines()
        if "region=us" in line and "add" in json.loads(line)
    ]
    asked = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors", "typeWidening"],
        "writerFeatures": ["deletionVectors", "typeWidening"],
    }
    (log / f"{2:020d}.json").write_text(json.dumps({"protocol": asked}))
    with pytest.raises(UnadoptableTableError, match="needs `typeWidening` of its readers"):
        delta_table.standing(folder, tmp_path)
    asked |= {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    remove = {"path": add["add"]["path"], "deletionTimestamp": 1, "dataChange": True}
    told, size = deletion_vector(0, 3)
    add["add"]["deletionVector"] = {
        "storageType": "i",
        "pathOrInlineDv": told,
        "sizeInBytes": size,
        "cardinality": 2,
    }
    lines = ({"protocol": asked}, {"remove": remove}, add)
    (log / f"{2:020d}.json").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(UnadoptableTableError, match="1 of its files have deletion vectors"):
        delta_table.standing(folder, tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Delete operation did not match:UserWarning")
def test_iceberg_table_is_registered(shared_lake: Lake, tmp_path: Path) -> None:
    """A column that has another name now, and rows that were deleted, are read as Iceberg does."""
    made = iceberg(tmp_path / "warehouse")
    proposal = proposed(iceberg_table.standing, place_of(made), tmp_path / "scratch")
    assert [piece.is_linked for piece in proposal.pieces] == [True, True]
    assert load(shared_lake, proposal, "shop.raw.ice").written_bytes == 0
    with made.update_schema() as update:
        update.rename_column("amount", "price")
    later = proposed(iceberg_table.standing, place_of(made), tmp_path / "again")
    assert {piece.why for piece in later.pieces} == {"its column `amount` is called `price` now"}
    load(shared_lake, later, "shop.raw.ice_later")
    dataset = declared(later, "shop.raw.ice_later")
    wanted = sorted((r["order_id"], r["amount"]) for n in (1, 2) for r in month(n).to_pylist())
    assert rows(shared_lake, dataset, "order_id, price") == wanted


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_iceberg_table_of_version_3_is_refused(tmp_path: Path) -> None:
    """So is one that was moved from where its metadata says that it is."""
    made = iceberg(tmp_path / "warehouse")
    path = iceberg_table.metadata_of(place_of(made))
    assert path is not None
    told = json.loads(path.read_text())
    other = path.with_name("00009-x.metadata.json")
    other.write_text(json.dumps(told | {"format-version": 3, "next-row-id": 0}))
    with pytest.raises(UnadoptableTableError, match="of version 3"):
        iceberg_table.standing(other, tmp_path)
    other.unlink()
    for data in (place_of(made) / "data").rglob("*.parquet"):
        data.unlink()
    with pytest.raises(UnadoptableTableError, match="which is not there"):
        iceberg_table.standing(place_of(made), tmp_path)


def test_duckdb_file_is_written_month_by_month(shared_lake: Lake, tmp_path: Path) -> None:
    """Its own key is proved, what the lake has is not written again; a later state is refused."""
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as outside:
        outside.register("given", pa.concat_tables([month(1), month(2)]))
        outside.execute("create table orders (order_id bigint primary key, ordered_at timestamptz,"
                        " email varchar, amount double)")  # fmt: skip
        outside.execute("insert into orders from given")
    database = DatabaseFile(path=path)

    def look() -> Proposal:
        with database.opened() as connection:
            found, source = database.standing(connection, "main.orders")
            return database.cut(
                connection, "main.orders", propose(connection, found, Wishes(), source)
            )

    proposal = look()
    assert [piece.rows for piece in proposal.pieces] == [40, 40]
    done = load(shared_lake, proposal, "shop.raw.duck")
    assert (done.files, done.rows, done.linked_bytes) == (2, 80, 0)
    dataset = declared(proposal, "shop.raw.duck")
    wanted = sorted((r["order_id"], r["amount"]) for n in (1, 2) for r in month(n).to_pylist())
    assert rows(shared_lake, dataset, "order_id, amount") == wanted
    assert load(shared_lake, look(), "shop.raw.duck").before == 2
    with duckdb.connect(str(path)) as outside:
        outside.execute("insert into orders values (1, now(), 'x', 1)")
    os.utime(path, (1, 1))
    with pytest.raises(SourceError, match="the file changed since 2 pieces"):
        load(shared_lake, replace(look(), contract=proposal.contract), "shop.raw.duck")


def test_duckdb_file_that_cannot_be_adopted_is_refused(home: Path, tmp_path: Path) -> None:
    """A type that no contract has; a file that is none."""
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as outside:
        outside.execute("create table spans (id int primary key, span interval)")
    database = DatabaseFile(path=path)
    with database.opened() as connection:
        assert database.tables(connection) == ["main.spans"]
        found, source = database.standing(connection, "main.spans")
        with pytest.raises(UnadoptableTableError, match="`span` is"):
            propose(connection, found, Wishes(), source)
    (tmp_path / "none.duckdb").write_text("nothing")
    with (
        pytest.raises(UnadoptableTableError, match="cannot be opened"),
        DatabaseFile(path=tmp_path / "none.duckdb").opened(),
    ):
        pass
