"""Words for reading captured changes."""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt

GONE = ("d", "t")
DELIVERED = ("_sequence", "_delivered_at", "_file", "_row")


def latest_per_key(changes: ibis.Table, key: str | tuple[str, ...]) -> ibis.Table:
    """Keep the latest state of every key; drop keys that were deleted or truncated away.

    Shapes: a raw table with `_op`, `_lsn` and `_seq` columns in; its source columns out.
    """
    keys = [key] if isinstance(key, str) else list(key)
    newest = ibis.row_number().over(
        group_by=keys, order_by=[changes["_lsn"].desc(), changes["_seq"].desc()]
    )
    ranked = changes.mutate(_newest=newest)
    kept = ranked.filter((ranked["_newest"] == 0) & ranked["_op"].notin(GONE))
    return kept.drop(*[c for c in kept.columns if c.startswith("_")])


def latest_delivery(rows: ibis.Table, key: str | tuple[str, ...]) -> ibis.Table:
    """Keep each key as its latest delivery gave it: a file, a window or an event.

    Shapes: a raw table with `_delivered_at` and `_row` columns in; its source columns out.
    """
    keys = [key] if isinstance(key, str) else list(key)
    order = [rows[name].desc() for name in DELIVERED if name in rows.columns]
    ranked = rows.mutate(_newest=ibis.row_number().over(group_by=keys, order_by=order))
    kept = ranked.filter(ranked["_newest"] == 0)
    return kept.drop(*[c for c in kept.columns if c.startswith("_")])


def first_message(messages: ibis.Table, key: str | tuple[str, ...]) -> ibis.Table:
    """Keep the first message with each key; what was sent again or published anew is left out.

    Shapes: a raw table with `_timestamp`, `_partition` and `_offset` columns in; all of them out.
    """
    keys = [key] if isinstance(key, str) else list(key)
    order = [messages[name] for name in ("_timestamp", "_partition", "_offset")]
    ranked = messages.mutate(_oldest=ibis.row_number().over(group_by=keys, order_by=order))
    return ranked.filter(ranked["_oldest"] == 0).drop("_oldest")


@ibis.udf.scalar.builtin(name="timezone")  # type: ignore[untyped-decorator]
def _timezone(zone: str, local: dt.Timestamp(scale=6)) -> dt.Timestamp(timezone="UTC", scale=6):  # type: ignore[valid-type]
    """The engine's own conversion."""


def utc_from_local(local: ibis.expr.types.TimestampValue, zone: str) -> ibis.Value:
    """Turn wall-clock times of a zone into UTC instants.

    Guarantees: of an hour that happens twice the second (standard time) is meant; an hour that
    the clock skips is read with the offset in force before.
    """
    return _timezone(ibis.literal(zone), local)
