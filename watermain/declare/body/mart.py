"""A dbt model, as the body of the dataset that it is declared as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

NEW = "watermain_new"  # the rows that a growing mart was given, while they are taken in
THIS = "this"  # the word by which a mart reads its own last rows
NOW = "watermain_now"  # the variable of an engine that holds the instant of a publish


@dataclass(frozen=True, kw_only=True)
class CompiledModel:
    """Where a model is found: its id in the manifest of a compiled project."""

    id: str
    manifest: Path


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How the next rows of a mart follow from its last ones, where it is not made as a whole.

    Shapes: `sql` gives rows from the inputs and from the mart's own published ones, which it reads
    as `input_this`; it is empty where the body gives them. Over those rows, called `watermain_new`,
    `written` gives the rows to write, `repeats` counts keys that would match twice, and `gone` is
    the condition by which rows that stand, called `target`, make room. A mart that `keeps` is never
    made anew: its history is nowhere else.
    """

    sql: str = ""
    written: str = f"select * from {NEW}"
    gone: str = ""
    repeats: str = ""
    target: str = "standing"
    keeps: bool = False


@dataclass(frozen=True, kw_only=True)
class Mart:
    """The SQL that makes the rows, which reads each input as `input_<alias>`.

    Where it is no SQL that runs, for the rows are made otherwise, it tells what decides them.
    What `grows` is made of its own rows, too. Of an input in `batched` a partition reads the rows
    whose event time, the column named there, lies in it.

    One that is wrong says in `broken`, in four lines, why it cannot be built; of such a one dbt
    may have compiled no model.
    """

    sql: str = field(repr=False)
    model: CompiledModel | None = None
    broken: str | None = None
    is_sql: bool = True
    grows: Growth | None = field(default=None, repr=False)
    batched: Mapping[str, str] = field(default_factory=dict)
