"""The columns that capture writes beside a contract's, for rows that a test gives."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from watermain.declare.dataset import Dataset
from watermain.engine.table.table import stored_schema
from watermain.testing.given_rows import Given, as_table

# What each captured row has where the test says nothing; other texts are "given".
_USUAL: dict[str, Any] = {"_op": "i", "_partition": 0, "_key": None, "_headers": None}


def as_stored(given: Given, dataset: Dataset, now: datetime, *, before: int = 0) -> pa.Table:
    """Rows as the dataset's table would hold them, had they come in this order.

    Shapes: whole numbers that capture writes count the rows, after `before` others, and its
    instants are `now`. What the rows themselves say of these columns stands.
    Raises: GivenRowsError.
    """
    schema = stored_schema(dataset)
    table = as_table(given, schema, of=str(dataset.name), declared=dataset.declared)
    promised = set(dataset.contract.schema.names)
    for place, field in enumerate(schema):
        if field.name not in promised:
            usual = _usual(field, table.num_rows, now, before)
            column = pc.coalesce(table.column(place), usual)
            table = table.set_column(place, field, column)
    return table


def _usual(field: pa.Field, rows: int, now: datetime, before: int) -> pa.Array:
    if field.name in _USUAL:
        return pa.array([_USUAL[field.name]] * rows, field.type)
    if pa.types.is_integer(field.type):
        return pa.array(range(before + 1, before + rows + 1), field.type)
    return pa.array([now if pa.types.is_timestamp(field.type) else "given"] * rows, field.type)
