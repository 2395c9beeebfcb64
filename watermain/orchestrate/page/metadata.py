"""Facts about a dataset in the words of Dagster's metadata."""

from __future__ import annotations

from typing import Any

import dagster as dg

from watermain.declare.contract import Column, Sensitivity
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.declare.wording import sentence, size
from watermain.engine.publish.publication import Outcome, Publication
from watermain.engine.release.release import shown
from watermain.engine.table.table import stored_schema
from watermain.orchestrate.page.links import code, console_page, page

UNCHANGED = "same inputs with the same code; nothing new was published"


def group(name: DatasetName, shelf: str = "") -> str:
    """The group of an asset: the stage inside the team, as the UI draws boxes inside a box."""
    return f"{name.team}/{shelf or name.stage}"


def description(dataset: Dataset) -> str:
    """What a row is, then what the dataset does, as sentences."""
    return f"{sentence(dataset.contract.grain)}\n\n{sentence(dataset.description)}".strip()


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
                tags=_sensitivity(column),
            )
        )
    return dg.TableSchema(columns=columns)


def _sensitivity(column: Column | None) -> dict[str, str] | None:
    """How sensitive a column is, where it is news."""
    if column is None or column.sensitivity is Sensitivity.INTERNAL:
        return None
    return {"sensitivity": column.sensitivity.value}


def static_metadata(dataset: Dataset) -> dict[str, Any]:
    """What is known before any run, with the lines to copy into a terminal."""
    name, contract = dataset.name, dataset.contract
    found: dict[str, Any] = {
        "dagster/table_name": str(name),
        "health": console_page(name),
        "declared": dataset.declared,
        **code(dataset.declared),
        "key": contract.key_told,
        "cadence": str(dataset.cadence or "none, for the table is published whole"),
        "contract": page(shown(name)),
        "contract_version": contract.version,
        "look": f'watermain sql "select * from {name} limit 20"',
        "explain": f"watermain explain {name}",
    }
    if not dataset.is_computed:
        found["source"] = str(dataset.source)
    optional = sorted({str(n) for n in dataset.inputs.values() if dataset.is_optional(n)})
    if optional:
        found["optional_inputs"] = ", ".join(optional)
    if dataset.slo is not None:
        found["slo"] = promise(dataset)
        found["runbook"] = page("docs/runbooks/partitions-are-late.md")
    return found


def promise(dataset: Dataset) -> str:
    """The promise of a dataset as a sentence."""
    if dataset.slo is None or dataset.cadence is None:
        return ""
    return sentence(dataset.slo.told(dataset.cadence))


def outcome_metadata(dataset: Dataset, done: Publication, outcome: Outcome) -> dict[str, Any]:
    """What one partition's publish did; seconds, bytes and memory are the whole run's.

    Shapes: numbers stay numbers, for the UI plots them; `summary` says them in words. A publish
    that changed nothing says why, and has no numbers.
    """
    numbers: dict[str, Any] = {}
    if outcome.published:
        numbers = {
            "dagster/partition_row_count" if outcome.partition else "dagster/row_count": (
                outcome.rows_out
            ),
            "rows_in": outcome.rows_in,
            "bytes": done.bytes,
            "seconds": round(done.seconds, 3),
            "peak_memory_bytes": done.peak_memory,
        }
    read = {str(name): done.input_snapshot for name in dataset.inputs.values()}
    return {
        **({"summary": _summary(done, outcome)} if outcome.published else {"reason": UNCHANGED}),
        "published": outcome.published,
        "rows_published": outcome.rows_out,
        **numbers,
        **({"input_snapshots": dg.MetadataValue.json(read)} if read else {}),
        "output_snapshot": done.output_snapshot,
        "data_version": outcome.data_version,
        "contract_version": dataset.contract.version,
        "contract_hash": dataset.contract.hash,
    }


def _summary(done: Publication, outcome: Outcome) -> str:
    of = f"{len(done.outcomes):,} partitions" if len(done.outcomes) > 1 else "it"
    return (
        f"{outcome.rows_out:,} rows of {outcome.rows_in:,} read; {of} took {done.seconds:.1f} s,"
        f" {size(done.bytes)} on disk and {size(done.peak_memory)} of memory at most"
    )
