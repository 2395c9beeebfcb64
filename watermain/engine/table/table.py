"""The lake table of a dataset, made to fit its contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from watermain.declare.column.drift import EXTRA
from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenContractError
from watermain.declare.name import DatasetName
from watermain.engine.table.partition import layout
from watermain.lake.drifted import Drifted, columns_seen_beyond, remember_drift
from watermain.lake.fence import Lease
from watermain.lake.lake import Lake, quote, table, text

# The engine's words for the types that most columns have.
PLAIN_TYPES: Mapping[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", "UTC"): "TIMESTAMP WITH TIME ZONE",
}
SHAPE_ATTEMPTS = 5
GROWN = "VARCHAR"  # what every column beyond a contract is: the text that came
BATCH_COLUMN = pa.field("_batch_id", pa.string())


def stored_schema(dataset: Dataset) -> pa.Schema:
    """The contract's columns, and behind them the change columns of the source's kind."""
    schema = dataset.contract.schema
    if not dataset.origin.own.names:
        return schema
    return pa.schema([*schema, *dataset.origin.own, BATCH_COLUMN])


def engine_types(connection: duckdb.DuckDBPyConnection, schema: pa.Schema) -> dict[str, str]:
    """The engine's type for each column."""
    told = {f.name: PLAIN_TYPES.get(f.type, "") for f in schema}
    if all(told.values()):
        return told  # to be handed an Arrow table the engine imports pandas
    connection.register("watermain_shape", schema.empty_table())
    rows = connection.execute("describe select * from watermain_shape").fetchall()
    connection.unregister("watermain_shape")
    return {str(row[0]): str(row[1]) for row in rows}


def ensure_table(
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    lease: Lease,
    *,
    rebuild: bool = False,
) -> None:
    """Create the table, or add the columns that the contract gained.

    Columns that the source grew beyond the contract stay; one that the contract takes over with
    another type is renamed, and its text is kept.
    Raises: BrokenContractError, when the stored table has other types or more columns.
    """
    wanted = engine_types(connection, stored_schema(dataset))
    for attempt in range(1, SHAPE_ATTEMPTS + 1):
        found = stored(connection, dataset)
        if found == wanted:
            return
        grown = grown_beyond(connection, dataset, found)
        over = taken_over(grown, wanted)
        shrunk = set(found) - set(wanted) - grown
        retyped = {n for n in found if n in wanted and found[n] != wanted[n]} - over
        if not (shrunk or retyped or over or set(wanted) - set(found)):
            return
        if (shrunk or retyped) and not rebuild:
            _refuse(dataset, found, wanted, sorted(shrunk | retyped))
        try:
            with lake.transaction(connection, lease, f"shape {dataset.name}"):
                for column in sorted(over):
                    del found[column]
                    _rename(connection, dataset, column)
                change_shape(connection, dataset, {} if shrunk or retyped else found, wanted)
            if not dataset.is_computed and not found and _packs(stored_schema(dataset)):
                _pack(connection, dataset)
            return
        except duckdb.TransactionException as error:
            # Another dataset's first publish may have made the schema that both need.
            if attempt == SHAPE_ATTEMPTS or "Transaction conflict" not in str(error):
                raise


def _packs(schema: pa.Schema) -> bool:
    """Whether the engine's packed encodings hold what a table may come to hold.

    Of 32-bit integers far apart it writes what other engines cannot read; some lists of texts it
    cannot write at all.
    """
    wide = (pa.int32(), pa.uint32())
    return not any(f.type in wide or pa.types.is_nested(f.type) for f in schema)


def _pack(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Let files of captured rows have the encodings of Parquet 2, a fourth smaller and faster."""
    connection.execute(
        f"call lake.set_option('parquet_version', '2', schema => {text(dataset.name.schema)},"
        f" table_name => {text(dataset.name.table)})"
    )


def grown_beyond(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, found: Mapping[str, str]
) -> set[str]:
    """The stored columns that came from the source without the contract's doing."""
    beyond = set(found) - set(stored_schema(dataset).names)
    beyond |= {n for n in found if found[n] == GROWN and n in dataset.contract.schema.names}
    if dataset.is_computed or not beyond:
        return set()
    known = columns_seen_beyond(connection, dataset.name)
    ours = {*known["evolved"], *known["renamed"], EXTRA}
    return {n for n in beyond & ours if found[n] == GROWN}


def taken_over(grown: set[str], wanted: Mapping[str, str]) -> set[str]:
    """Grown columns whose name the contract has now, in another type or another case."""
    named = {n.lower(): (n, kind) for n, kind in wanted.items()}
    return {n for n in grown if named.get(n.lower(), (n, GROWN)) != (n, GROWN)}


def _rename(connection: duckdb.DuckDBPyConnection, dataset: Dataset, column: str) -> None:
    held = {n.lower() for n in stored(connection, dataset)}
    fresh, number = f"_{column}_text", 1
    while fresh.lower() in held:
        number += 1
        fresh = f"_{column}_text_{number}"
    connection.execute(
        f"alter table {table(dataset.name)} rename column {quote(column)} to {quote(fresh)}"
    )
    version = dataset.contract.version
    told = Drifted(
        str(dataset.name), fresh, "renamed", GROWN, "", "", "", 0, version, "", datetime.now(UTC)
    )
    remember_drift(connection, [told])


def change_shape(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    stored: dict[str, str],
    wanted: dict[str, str],
) -> None:
    """Add what a stored table lacks, or make the table anew where none is stored."""
    target = table(dataset.name)
    if stored:
        for name in wanted.keys() - stored.keys():
            connection.execute(f"alter table {target} add column {quote(name)} {wanted[name]}")
        return
    connection.execute(f"create schema if not exists lake.{quote(dataset.name.schema)}")
    connection.execute(f"drop table if exists {target}")
    columns = ", ".join(f"{quote(n)} {t}" for n, t in wanted.items())
    connection.execute(f"create table {target} ({columns})")
    if dataset.cadence is not None and dataset.contract.event_time:
        cut = layout(dataset.cadence, dataset.contract.event_time)
        connection.execute(f"alter table {target} set partitioned by ({cut})")


def stored(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, str]:
    """The columns of a dataset's table and their types; none when there is no table."""
    try:
        rows = connection.execute(f"describe {table(dataset.name)}").fetchall()
    except duckdb.CatalogException:
        return {}  # there is no such table yet
    return {str(row[0]): str(row[1]) for row in rows}


def is_there(connection: duckdb.DuckDBPyConnection, name: DatasetName) -> bool:
    """Whether a dataset has a table."""
    found = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'lake'"
        f" and schema_name = {text(name.schema)} and table_name = {text(name.table)}"
    ).fetchone()
    return found is not None


def fits(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> bool:
    """Whether the stored table is there as the contract has it."""
    return stored(connection, dataset) == engine_types(connection, stored_schema(dataset))


def _refuse(
    dataset: Dataset, stored: dict[str, str], wanted: dict[str, str], names: list[str]
) -> None:
    changes = ", ".join(f"`{n}` {stored[n]} -> {wanted.get(n, 'gone')}" for n in names)
    rebuild = "watermain replay" if dataset.is_computed else "give the dataset a new name for"
    raise BrokenContractError(
        f"{dataset.name}: the contract no longer fits the stored table: {changes}",
        declared=dataset.declared,
        data="unchanged; readers still see the table as it was",
        next=f"{rebuild} {dataset.name}",
    )
