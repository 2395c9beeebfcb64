"""The rows of a batch in declared types, read where they arrived for as long as all of them fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa

from watermain.declare.dataset import Dataset
from watermain.engine.capture.nested import shaped_file, with_shapes
from watermain.engine.capture.typing_rules import (
    nested_texts,
    reject_reason,
    typed_columns,
    value_of,
)
from watermain.engine.table.table import engine_types, stored_schema
from watermain.lake.lake import quote, text
from watermain.source.protocol import Batch

TYPED = "captured"
PIECE_BYTES = 16 * 2**20  # of text that is written at once, where a batch was too large for memory
_ROWS, _PLACE = "captured_rows", "file_row_number"
_MEASURES = {pa.string(): "strlen", pa.large_string(): "strlen", pa.binary(): "octet_length"}


@dataclass(kw_only=True)
class Arrival:
    """Show one batch after the other as the view `TYPED`.

    Shapes: the stored columns, `_reason`, which says why a row cannot be kept or is null, and
    `_payload`, which is what such a row was; rows that lie in a file have their number as
    `file_row_number` besides.
    Guarantees: nothing is copied unless a row does not fit, or `own` is asked for.
    """

    dataset: Dataset
    connection: duckdb.DuckDBPyConnection
    _copy: str = field(default="", init=False)
    _batch_id: str = field(default="", init=False)
    _is_own: bool = field(default=False, init=False)
    _shaped: Path | None = field(default=None, init=False)

    @cached_property
    def _types(self) -> dict[str, str]:
        return engine_types(self.connection, stored_schema(self.dataset))

    def take(self, batch: Batch, carried: Sequence[str]) -> int:
        """Take the next batch, with `carried` columns that nobody declared; count what is unfit."""
        if self._is_own:
            self.connection.execute(f"drop table {_ROWS}")
        self._is_own, self._batch_id = False, f"{text(batch.batch_id)} as _batch_id"
        schema, arriving = stored_schema(self.dataset), batch.reader().schema
        stored = [f"{value_of(n)} as {quote(n)}" for n in schema.names if n != "_batch_id"]
        stored += carried
        texts = {f.name for f in arriving if pa.types.is_string(f.type)}
        rows = self._apart(batch.rows, nested_texts(self.dataset, texts))
        if isinstance(rows, Path):
            stored.append(_PLACE)
            relation = f"read_parquet({text(str(rows))}, {_PLACE} = true)"
        else:
            self.connection.register("arrived", rows)
            relation = _unpushed("arrived", arriving)
        # Each value is typed once, beside its text, which the reason and the payload still need.
        values = typed_columns(
            self.dataset,
            schema,
            self._types,
            texts,
        )
        beside = f"(select *, {', '.join(values)} from {relation})"
        reason = reject_reason(self.dataset, value_of)
        found = self.connection.execute(f"select count({reason}) from {beside}").fetchone()
        self._copy = (
            f"select {', '.join(stored)}, _reason,"
            f" {_payload(arriving, self.dataset.contract.schema.names)} as _payload"
            f" from (select *, {reason} as _reason from {beside})"
        )
        if found and found[0]:
            self.own()
            return int(found[0])
        none = "null::varchar as _reason, null::varchar as _payload"
        self._show(f"select {', '.join(stored)}, {none}, {self._batch_id} from {beside}")
        return 0

    def _apart(self, rows: Path | pa.Table, kinds: Mapping[str, pa.DataType]) -> Path | pa.Table:
        """The rows and, beside their texts, what nested columns hold; as they are without any."""
        if self._shaped is not None:
            self._shaped.unlink(missing_ok=True)
            self._shaped = None
        if not kinds:
            return rows
        if isinstance(rows, Path):
            self._shaped = rows = shaped_file(rows, kinds)
            return rows
        return with_shapes(rows, kinds)

    def own(self) -> str:
        """Give the table that is behind the view, so that rows can be deleted, from now on."""
        if not self._is_own:
            self.connection.execute(f"create or replace temp table {_ROWS} as {self._copy}")
            self._show(f"select *, {self._batch_id} from {_ROWS}")
            self._is_own = True
        return _ROWS

    def pieces(self, batch: Batch) -> Iterator[str]:
        """Conditions that cut what was too large for memory into what is not, to be written."""
        if not isinstance(batch.rows, Path):
            yield ""
            return
        size = " + ".join(
            f"coalesce({_MEASURES[f.type]}({quote(f.name)}), 0)"
            for f in stored_schema(self.dataset)
            if f.type in _MEASURES
        )
        rows, held = self.connection.execute(
            f"select coalesce(max({_PLACE}) + 1, 0), coalesce(sum({size}), 0) from {TYPED}"
        ).fetchone() or (0, 0)
        step = max(1, rows * PIECE_BYTES // max(int(held), 1))
        for first in range(0, rows, step):
            yield f" and {_PLACE} between {first} and {first + step - 1}"

    def _show(self, query: str) -> None:
        self.connection.execute(f"create or replace temp view {TYPED} as {query}")


def _unpushed(relation: str, arriving: pa.Schema) -> str:
    """Rows such that no filter on a float is left to Arrow, to which NaN exceeds nothing."""
    floats = [quote(f.name) for f in arriving if pa.types.is_floating(f.type)]
    same = ", ".join(f"-(-{name}) as {name}" for name in floats)
    return f"(select * replace ({same}) from {relation})" if floats else relation


def _payload(arriving: pa.Schema, promised: Collection[str]) -> str:
    """A row that cannot be kept, as JSON text."""
    arrived = ", ".join(
        f"{quote(n)} := {quote(n)}{'::varchar' if n in promised else ''}" for n in arriving.names
    )
    return f"case when _reason is not null then to_json(struct_pack({arrived}))::varchar end"
