"""A seed of a dbt project as a dataset: its file, read with the types that dbt gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import duckdb
import pyarrow as pa

from watermain.declare.body.mart import CompiledModel, Mart
from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenContractError
from watermain.engine.exchange.physical_type import physical_type
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.mart_check import checks_of
from watermain.engine.mart.node import Node, declared, refuse
from watermain.engine.mart.promised import promised
from watermain.lake.lake import quote
from watermain.settings import project as company

BATCH_ROWS = 65_536
EXACT = "decimal(38, 12)"  # by which a number is held against what became of it
MOST_SHOWN = 200  # signs of a line that does not fit


def seed(
    project: CompiledProject,
    node: Node,
    words: Mapping[str, Any],
    model: CompiledModel,
    common: Mapping[str, Any],
) -> Dataset:
    """Declare a seed; it is published anew when its file changes, and whole or not at all.

    Raises: InvalidDeclarationError, for a type that no contract has.
    """
    facts = project.told["seeds"][node["unique_id"]]
    columns = {name: str(word) for name, word in facts["columns"]}
    schema = [(name, _kind(node, name, word)) for name, word in columns.items()]
    contract = promised(project, node, words, schema)
    path = company().dbt_folder / node["original_file_path"]
    said = f"seed {facts['sha256']} {facts['delimiter']!r} {columns!r}"
    return Dataset(
        **common,
        contract=contract,
        checks=tuple(checks_of(project, node, contract.key)),
        body=_body(path, facts["delimiter"], columns, declared(node).rpartition(":")[0]),
        mart=Mart(sql=said, model=model, is_sql=False),
    )


def _kind(node: Node, name: str, word: str) -> pa.DataType:
    kind = physical_type(word)
    if kind is None:
        refuse(
            node,
            f"has a column `{name}` of type {word!r}, which no contract has",
            f"write another type in `config: column_types: {{{name}: ...}}`",
        )
    return kind


def _body(
    path: Path, delimiter: str, columns: Mapping[str, str], place: str = ""
) -> Callable[..., Any]:
    def body() -> pa.RecordBatchReader:
        with duckdb.connect(config={"threads": 1}) as connection:
            try:
                rows = _read(connection, path, delimiter, columns).to_arrow_table()
                _refuse_rounded(connection, _Seed(path, delimiter, columns, place))
                return rows.to_reader(BATCH_ROWS)
            except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
                _refuse_rows(connection, _Seed(path, delimiter, columns, place), error)

    return body


class _Seed(NamedTuple):
    """A file of a seed, and where it stands in the project."""

    path: Path
    delimiter: str
    columns: Mapping[str, str]
    place: str


def _read(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    delimiter: str,
    columns: Mapping[str, str],
    *,
    rejects: bool = False,
) -> duckdb.DuckDBPyRelation:
    """The rows of a file by the types that were said: nothing of it is guessed."""
    return connection.read_csv(
        str(path),
        header=True,
        delimiter=delimiter,
        columns=dict(columns),
        auto_detect=False,
        quotechar='"',
        escapechar='"',
        store_rejects=rejects,
    )


def _refuse_rounded(connection: duckdb.DuckDBPyConnection, seed: _Seed) -> None:
    """Refuse a number that its type would round, which the engine does without a word.

    Raises: BrokenContractError.
    """
    rows = _read(connection, seed.path, seed.delimiter, dict.fromkeys(seed.columns, "varchar"))
    for name, word in seed.columns.items():
        kind = physical_type(word)
        if kind is None or not (pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
            continue
        value = f"try_cast({quote(name)} as {EXACT})"
        wrong = rows.select(f"row_number() over () as n, {quote(name)} as v, {value} as x").filter(
            f"x <> try_cast(v as {word})"
        )
        found = wrong.order("n").limit(1).fetchone()
        if found:
            raise BrokenContractError.not_published(
                f"seed `{seed.path.name}`: row {found[0]}: {word} would round `{name}`: {found[1]}",
                declared=f"{seed.place}:1",
                next="correct that row, or say another type in `config: column_types`",
            )


def _refuse_rows(
    connection: duckdb.DuckDBPyConnection, seed: _Seed, error: duckdb.Error
) -> NoReturn:
    """Refuse a seed by the first of its rows that do not fit.

    Raises: BrokenContractError.
    """
    columns = dict(seed.columns)
    connection.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    _read(connection, seed.path, seed.delimiter, columns, rejects=True).to_arrow_table()
    found = connection.execute(
        "select line, column_name, csv_line from reject_errors order by line, column_idx"
    ).fetchall()
    if not found:
        raise error
    line, column, text = found[0]
    wrong = f"`{column}` is no {columns[column]}" if column in columns else "its columns differ"
    more = f" (the first of {len(found)} faults)" if len(found) > 1 else ""
    raise BrokenContractError.not_published(
        f"seed `{seed.path.name}`: line {line}: {wrong}{more}: {str(text)[:MOST_SHOWN]}",
        declared=f"{seed.place}:{line}",
        next="correct that line, or say another type in `config: column_types`",
    ) from error
