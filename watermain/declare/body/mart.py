"""A dbt model, as the body of the dataset that it is declared as."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class CompiledModel:
    """Where a model is found: its id in the manifest of a compiled project."""

    id: str
    manifest: Path


@dataclass(frozen=True, kw_only=True)
class Mart:
    """The SQL that makes the rows, which reads each input as `input_<alias>`.

    Where it is no SQL that runs, for the rows are made otherwise, it tells what decides them.

    One that is wrong says in `broken`, in four lines, why it cannot be built; of such a one dbt
    may have compiled no model.
    """

    sql: str = field(repr=False)
    model: CompiledModel | None = None
    broken: str | None = None
    is_sql: bool = True
