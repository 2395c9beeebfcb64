"""Facts about a dataset in the words of Dagster's metadata."""

from __future__ import annotations

from typing import Any

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.engine.publish.publication import Outcome, Publication
from watermain.engine.table.table import stored_schema


def column_schema(dataset: Dataset) -> dg.TableSchema:
    """The contract's columns; the platform's change columns behind them."""
    promised = {c.name: c for c in dataset.contract.columns}
    columns = []
    for field in stored_schema(dataset):
        column = promised.get(field.name)
        unit = f" [{column.unit}]" if column is not None and column.unit else ""
        columns.append(
            dg.TableColumn(
                name=field.name,
                type=str(field.type),
                description=(column.description if column else "kept by the platform") + unit,
                constraints=dg.TableColumnConstraints(
                    nullable=column is None
                    or (column.nullable and field.name not in dataset.contract.key)
                ),
                tags={"sensitivity": column.sensitivity.value} if column else None,
            )
        )
    return dg.TableSchema(columns=columns)


def static_metadata(dataset: Dataset) -> dict[str, Any]:
    """What is known before any run."""
    found: dict[str, Any] = {
        "dagster/table_name": f"lake.{dataset.name.schema}.{dataset.name.table}",
        "grain": dataset.contract.grain,
        "contract_version": dataset.contract.version,
        "contract_hash": dataset.contract.hash,
        "declared": dataset.declared,
        "key": ", ".join(dataset.contract.key),
    }
    optional = sorted({str(n) for n in dataset.inputs.values() if dataset.is_optional(n)})
    if optional:
        found["optional_inputs"] = ", ".join(optional)
    if dataset.slo is not None:
        found["slo"] = (
            f"{dataset.slo.target:.3%} of partitions ready within {dataset.slo.ready_within}"
            f" over {dataset.slo.over}"
        )
    return found


def outcome_metadata(dataset: Dataset, done: Publication, outcome: Outcome) -> dict[str, Any]:
    """What one partition's publish did; seconds, bytes and memory are the whole run's."""
    counted = "dagster/partition_row_count" if outcome.partition else "dagster/row_count"
    found: dict[str, Any] = {
        "published": outcome.published,
        "rows_in": outcome.rows_in,
        "rows_published": outcome.rows_out,
        "bytes": done.bytes,
        "seconds": round(done.seconds, 3),
        "peak_memory_bytes": done.peak_memory,
        "output_snapshot": done.output_snapshot,
        "contract_version": dataset.contract.version,
        "contract_hash": dataset.contract.hash,
        "data_version": outcome.data_version,
    }
    if outcome.published:
        found[counted] = outcome.rows_out
    else:
        found["reason"] = "same inputs with the same code; nothing new was published"
    for name in dataset.inputs.values():
        found[f"input_snapshot/{name}"] = done.input_snapshot
    return found
