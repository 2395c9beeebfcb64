"""A body's tables, given to it, taken from it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import Any, NoReturn

import duckdb
import ibis
import pyarrow as pa
import sqlglot
from ibis.backends.sql.datatypes import DuckDBType
from ibis.expr.operations import InMemoryTable
from sqlglot import exp

from watermain.declare.body.frame import Frame, asked
from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenBodyError, BrokenContractError, WatermainError
from watermain.declare.place import shown
from watermain.engine.code.code import code_version
from watermain.engine.table.engine_type import described, fits
from watermain.engine.table.handed import batches, differs
from watermain.engine.table.scannable import scannable
from watermain.lake.lake import quote
from watermain.machine.extras import need

RESULT = "watermain_result"
SHAPE = "watermain_contract"
BATCH_ROWS = 65_536
_COMPILED: dict[tuple[object, ...], str] = {}  # at most one entry for each version of a body


def staged_sql(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    views: Mapping[str, str],
    *,
    secretive: bool = False,
) -> str:
    """Run the body on views of its inputs; give the SQL that yields its rows.

    `secretive` leaves the message of an exception out, which may show what nobody may see.
    Guarantees: columns come in the contract's order and with the contract's types; no value is
    changed to fit them. A reader is given and taken batch by batch, through a file.
    Raises: BrokenContractError, when the body returns other columns, other types or values that
    its contract cannot hold; BrokenBodyError, when the body raises; or MissingExtraError.
    """
    seen = _seen(connection, dataset, views)
    if seen in _COMPILED:
        return _COMPILED[seen]
    if dataset.mart is not None and dataset.mart.is_sql and dataset.mart.broken is None:
        return _COMPILED.setdefault(seen, _mart_sql(connection, dataset, dataset.mart.sql, views))
    backend = ibis.duckdb.from_connection(connection)
    kinds = {} if dataset.mart is not None or dataset.body is None else asked(dataset.body)
    if {Frame.POLARS, Frame.LAZY}.intersection(kinds.values()):
        need("polars", declared=dataset.declared)
    tables = {
        alias: _given(connection, backend, view, kinds.get(alias) or Frame.IBIS)
        for alias, view in views.items()
    }
    with _told(dataset, secretive):
        result = dataset(**tables)
        if isinstance(result, ibis.Table):
            sql = str(backend.compile(result))
        else:
            connection.register(RESULT, scannable(_kept(connection, dataset, result)))
            sql = f"select * from {RESULT}"
    if isinstance(result, ibis.Table):
        _compare(connection, dataset, sql)
    columns = ", ".join(quote(c.name) for c in dataset.contract.columns)
    staged = f"select {columns} from ({sql}) as body"
    if isinstance(result, ibis.Table) and not result.op().find(InMemoryTable):
        _COMPILED[seen] = staged
    return staged


def _mart_sql(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, sql: str, views: Mapping[str, str]
) -> str:
    """The SQL of a model over the views of its inputs."""
    names = {f"input_{alias}": view for alias, view in views.items()}
    if any(word != view for word, view in names.items()):
        tree = sqlglot.parse_one(sql, dialect="duckdb")
        sql = exp.replace_tables(tree, names, dialect="duckdb").sql(dialect="duckdb")
    _compare(connection, dataset, sql)
    columns = ", ".join(quote(c.name) for c in dataset.contract.columns)
    return f"select {columns} from ({sql}) as body"


def _seen(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, views: Mapping[str, str]
) -> tuple[object, ...]:
    """What decides the SQL of a body: its code, its contract and the columns that it is given."""
    columns = [connection.execute(f"describe {v}").fetchall() for v in views.values()]
    code, contract = code_version(dataset), str(dataset.contract.schema)
    return (dataset.body, code, contract, repr(views), repr(columns))


def _given(connection: duckdb.DuckDBPyConnection, backend: Any, view: str, kind: Frame) -> Any:
    if kind is Frame.IBIS:
        return backend.table(view)
    folder = _spills(connection)  # asked before the rows: another query would end their reader
    rows = connection.execute(f"select * from {view}")
    if kind is Frame.BATCHES:
        reader = rows.to_arrow_reader(BATCH_ROWS)
        held = _spilled(folder, reader.schema, reader)
        return pa.RecordBatchReader.from_batches(held.schema, held.to_batches())
    return frame_of(rows.to_arrow_table(), kind)


def frame_of(table: pa.Table, kind: Frame) -> Any:
    """Rows as the kind of table that somebody asks for."""
    if kind is Frame.ARROW:
        return table
    if kind is Frame.PANDAS:
        return _pandas(table)
    if kind is Frame.BATCHES:
        return table.to_reader()
    if kind is Frame.IBIS:
        return ibis.memtable(table)
    import polars

    frame = polars.from_arrow(table)
    return frame.lazy() if kind is Frame.LAZY and isinstance(frame, polars.DataFrame) else frame


def _pandas(table: pa.Table) -> Any:
    """A frame in which integers stay integers: beside nulls in pandas' nullable type."""
    import pandas as pd

    gaps = {f.name for f in table.schema if pa.types.is_integer(f.type)}
    gaps = {n for n in gaps if table.column(n).null_count}
    frame = table.drop_columns(sorted(gaps)).to_pandas()
    for name in gaps:
        kind = str(table.schema.field(name).type)
        nullable: Any = pd.api.types.pandas_dtype(
            kind.replace("uint", "UInt").replace("int", "Int")
        )
        frame[name] = nullable.__from_arrow__(table.column(name))
    return frame[table.column_names]


def _spills(connection: duckdb.DuckDBPyConnection) -> Path:
    """The folder where the engine itself keeps what memory does not hold."""
    setting = connection.execute("select current_setting('temp_directory')").fetchone()
    return Path(setting[0] if setting and setting[0] else gettempdir())


def _spilled(folder: Path, schema: pa.Schema, rows: Iterator[pa.RecordBatch]) -> pa.Table:
    """Rows written to a file; the table maps it, and its name is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder) as file:
        with pa.ipc.new_file(file, schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
        file.flush()
        return pa.ipc.open_file(pa.memory_map(file.name)).read_all()


def _kept(connection: duckdb.DuckDBPyConnection, dataset: Dataset, result: Any) -> pa.Table:
    """What the body handed back, typed by its contract."""

    def refuse(what: str) -> NoReturn:
        _refuse(dataset, what)

    schema = dataset.contract.schema
    rows = batches(dataset.contract, result, refuse)
    if isinstance(result, pa.RecordBatchReader):
        return _spilled(_spills(connection), schema, rows)
    return pa.Table.from_batches(rows, schema)


def _compare(connection: duckdb.DuckDBPyConnection, dataset: Dataset, sql: str) -> None:
    """Hold the engine's own types of the rows against the contract's."""
    found = described(connection, sql)
    difference = differs([*found], dataset.contract.schema.names)
    if difference:
        _refuse(dataset, difference)
    connection.register(SHAPE, dataset.contract.schema.empty_table())
    wanted = described(connection, f"select * from {SHAPE}")
    connection.unregister(SHAPE)
    for name, kind in wanted.items():
        if not fits(found[name], kind):
            _refuse(
                dataset,
                f"the engine gives `{name}` as {found[name]}, which {kind}, its type in the"
                " contract, cannot hold as it is",
                _cast(name, str(found[name]), dataset.contract.column(name).type),
            )


def _cast(name: str, found: str, wanted: pa.DataType) -> str:
    """How to say what is meant: ibis leaves a cast out where it takes the type for that already."""
    through = DuckDBType.from_string(found)
    return (
        f"declare `{name}` as the engine gives it, or round on purpose:"
        f" `.cast({str(through)!r}).cast({str(ibis.dtype(wanted))!r})`"
    )


def _refuse(
    dataset: Dataset,
    what: str,
    next: str = "make the body return the contract's columns, or give the contract a new version",
) -> NoReturn:
    raise BrokenContractError.not_published(
        f"{dataset.name}: {what}",
        declared=dataset.declared,
        next=next,
    )


@contextmanager
def _told(dataset: Dataset, secretive: bool) -> Iterator[None]:
    """Say in four lines what a body raised."""
    try:
        yield
    except (WatermainError, duckdb.Error):
        raise
    except Exception as error:  # a body is its team's code, whatever it raises
        passed = traceback.extract_tb(error.__traceback__)
        own = [
            f for f in passed if dataset.body and f.filename == dataset.body.__code__.co_filename
        ]
        place = (own or passed)[-1]
        words = "its message is left out, for it may show what is declared sensitive"
        said = words if secretive else str(error)
        raise BrokenBodyError.not_published(
            f"{dataset.name}: the body raised {type(error).__name__}: {said}",
            declared=f"{dataset.declared}, raised at {shown(place.filename, place.lineno or 0)}",
            next="call the body with rows of your own, as its test does, and mend it",
        ) from error
