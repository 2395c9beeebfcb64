"""A seed of a dbt project as a dataset: its file, read with the types that dbt gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from watermain.declare.body.mart import CompiledModel, Mart
from watermain.declare.dataset import Dataset
from watermain.engine.exchange.physical_type import physical_type
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.mart_check import checks_of
from watermain.engine.mart.node import Node, refuse
from watermain.engine.mart.promised import promised
from watermain.settings import project as company

BATCH_ROWS = 65_536


def seed(
    project: CompiledProject,
    node: Node,
    words: Mapping[str, Any],
    model: CompiledModel,
    common: Mapping[str, Any],
) -> Dataset:
    """Declare a seed; it is published anew when its file changes.

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
        body=_body(path, facts["delimiter"], columns),
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


def _body(path: Path, delimiter: str, columns: Mapping[str, str]) -> Callable[..., Any]:
    def body() -> pa.RecordBatchReader:
        with duckdb.connect(config={"threads": 1}) as connection:
            rows = connection.read_csv(
                str(path), header=True, delimiter=delimiter, columns=dict(columns)
            )
            return rows.to_arrow_table().to_reader(BATCH_ROWS)

    return body
