"""The dbt sources file, written from the curated declarations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import yaml

from watermain.declare.dataset import Dataset

_HEAD = "# Written from the curated declarations by `watermain new dbt-sources`.\n"
_TYPES = {
    pa.string(): "varchar",
    pa.binary(): "blob",
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.timestamp("us", "UTC"): "timestamptz",
}


def sql_type(kind: pa.DataType) -> str:
    """The engine's word for a type of a contract."""
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    return _TYPES.get(kind, str(kind))


def arrow_type(word: str) -> pa.DataType | None:
    """The type that a model's `data_type` names, or None."""
    plain = word.strip().lower()
    if plain.startswith("decimal(") and plain.endswith(")"):
        digits = plain.removeprefix("decimal(").removesuffix(")").split(",")
        if len(digits) == 2 and all(d.strip().isdigit() for d in digits):
            return pa.decimal128(int(digits[0]), int(digits[1]))
    return {v: k for k, v in _TYPES.items()}.get(plain)


def sources_text(datasets: Iterable[Dataset]) -> str:
    """The sources file for datasets, as YAML."""
    schemas: dict[str, list[Dataset]] = {}
    for dataset in sorted(datasets, key=lambda d: d.name):
        if dataset.name.stage == "curated":
            schemas.setdefault(dataset.name.schema, []).append(dataset)
    sources = [
        {
            "name": schema,
            "database": "lake",
            "schema": schema,
            "tables": [_table(d) for d in found],
        }
        for schema, found in schemas.items()
    ]
    return _HEAD + str(yaml.safe_dump({"sources": sources}, sort_keys=False, width=96))


def _table(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name.table,
        "description": dataset.contract.grain,
        "config": {"meta": {"watermain": {"dataset": str(dataset.name)}}},
        "columns": [
            {"name": c.name, "data_type": sql_type(c.type), "description": c.description}
            for c in dataset.contract.columns
        ],
    }
