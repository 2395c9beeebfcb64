"""The rows that features are joined to, as a consumer hands them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from watermain.clock import instant_of
from watermain.declare.errors import TrainingSetError, quoted
from watermain.declare.feature_ref import Chosen
from watermain.engine.code.fingerprint import plain_text
from watermain.engine.feature.point_in_time import Numbers

T = pa.types
DECLARED = "training_frame(spine, ...)"
_EARLIEST = datetime(1, 1, 3, tzinfo=UTC)
MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


class Spine:
    """Rows with an instant each, whose entities have features.

    Shapes: `at` names the column of the instants; `entities` maps an entity's column of a feature
    table to a column of the rows, where the two are named differently.
    Guarantees: every instant has a time zone, none is null, and none lies after `until`.
    Raises: TrainingSetError.
    """

    def __init__(self, rows: Any, *, at: str, entities: Mapping[str, str], until: datetime) -> None:
        self.rows = plain_rows(rows)
        self._entities = dict(entities)
        self.at = at
        self._look_at_times(until)

    def _look_at_times(self, until: datetime) -> None:
        times = self.column(self.at, "the time of each row; name it in `at=`")
        if not T.is_timestamp(times.type) or times.type.tz is None:
            raise refused(
                f"the spine's `{self.at}` is {times.type}, no instant",
                "give it a time zone, as in `column.dt.tz_localize('America/New_York')`",
            )
        if times.null_count:
            raise refused(
                f"the spine's `{self.at}` is null in {times.null_count} of {len(times)} rows",
                "leave those rows out",
            )
        self.floor, self.ceiling = _microseconds(times)
        late = np.flatnonzero(self.ceiling > _since_epoch(until))
        if len(late):
            first = times[int(late[0])].cast(pa.timestamp("us", "UTC"), safe=False).as_py()
            raise refused(
                f"{len(late)} of {len(times)} rows have a `{self.at}` in the future of the "
                f"snapshot, which is of {until.isoformat()}, such as {first.isoformat()}",
                "leave those rows out, or take a later snapshot with `as_of=`",
            )

    def column(self, name: str, use: str) -> pa.Array:
        """A column of the rows as one array."""
        if name not in self.rows.column_names:
            raise refused(
                f"the spine has no column `{name}`, {use}",
                f"use one of {quoted(self.rows.column_names) or 'none: it has no columns'}",
            )
        return whole(self.rows[name])

    def keys(self, chosen: Chosen) -> list[pa.Array]:
        """The columns that identify whom each row is about.

        Raises: TrainingSetError, when one is missing, or of another type than the table's.
        """
        return [self._key(chosen, entity) for entity in chosen.feature.entity]

    def _key(self, chosen: Chosen, entity: str) -> pa.Array:
        kind = chosen.dataset.contract.column(entity).type
        name = self._entities.get(entity, entity)
        found = self.column(
            name, f"the `{entity}` of {chosen.dataset.name}; name it in `entities={{...}}`"
        )
        is_text = T.is_string(kind) and T.is_string(found.type)
        if is_text or (T.is_integer(kind) and T.is_integer(found.type)):
            return found
        if found.null_count == len(found):
            return pa.nulls(len(found), kind)
        hint = f"cast it to {kind}"
        if T.is_floating(found.type):
            hint += ", in pandas with `astype('Int64')`: a column with nulls became floats"
        raise TrainingSetError(
            f"the spine's `{name}` is {found.type}; the `{entity}` of {chosen.dataset.name} is "
            f"{kind}",
            declared=chosen.dataset.declared,
            data="nothing was read",
            next=hint,
        )

    def reach(self, max_age: timedelta | None) -> tuple[datetime, datetime] | None:
        """The time in which an answer may have happened; None where no calendar has its ends."""
        if not len(self.floor):
            return None
        low, high = int(self.floor.min()), int(self.ceiling.max())
        try:
            last = instant_of(high)
            if max_age is None:
                return _EARLIEST, last
            return max(_EARLIEST, instant_of(low) - max_age), last
        except OverflowError:
            return None

    def look_at(self, chosen: Sequence[Chosen]) -> None:
        """Refuse names that mean nothing, or two things.

        Raises: TrainingSetError.
        """
        known = {entity for each in chosen for entity in each.feature.entity}
        odd = sorted(set(self._entities) - known)
        if odd:
            raise refused(f"{quoted(odd)} is no entity of these features", f"map {quoted(known)}")
        names = [*self.rows.column_names, *(label for each in chosen for label in each.labels)]
        twice = {n for n in names if names.count(n) > 1}
        if twice:
            raise refused(
                f"two columns of the result would be called {quoted(twice)}",
                "give the spine's column another name",
            )


def plain_rows(rows: Any) -> pa.Table:
    """Rows of pandas, ibis or Arrow as one Arrow table, every kind of text being strings.

    Raises: TrainingSetError.
    """
    try:
        found = _as_arrow(rows)
        columns = [plain_text(whole(c)) for c in found.columns]
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise refused(
            f"the spine is no table: {str(error).splitlines()[0][:300]}",
            "give each column one type",
        ) from error
    names = [str(n) for n in found.column_names]
    fields = [pa.field(n, c.type) for n, c in zip(names, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _as_arrow(rows: Any) -> pa.Table:
    if isinstance(rows, ibis.Table):
        return rows.to_pyarrow()
    if isinstance(rows, pd.DataFrame):
        return pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    if isinstance(rows, pa.Table):
        return rows
    if hasattr(rows, "__arrow_c_stream__") or isinstance(rows, pa.RecordBatch):
        return pa.table(rows)
    raise refused(
        f"the spine is a {type(rows).__name__}",
        "give an Arrow table, a pandas DataFrame or an ibis table",
    )


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def _microseconds(times: pa.Array) -> tuple[Numbers, Numbers]:
    """Instants in microseconds since 1970, rounded down and rounded up."""
    numbers: Numbers = times.cast(pa.int64()).to_numpy()
    if times.type.unit == "ns":
        return numbers // 1000, -(-numbers // 1000)
    factor = MICROSECONDS[times.type.unit]
    if factor > 1 and len(numbers) and np.abs(numbers).max() > 2**62 // factor:
        raise refused(
            "an instant of the spine is further off than time goes", "mend the time column"
        )
    return numbers * factor, numbers * factor


def _since_epoch(moment: datetime) -> int:
    return int(pc.cast(pa.scalar(moment.astimezone(UTC), pa.timestamp("us", "UTC")), pa.int64()))


def refused(what: str, next_step: str, data: str = "nothing was read") -> TrainingSetError:
    """An error of the caller's."""
    return TrainingSetError(what, declared=DECLARED, data=data, next=next_step)
