"""What a word for an outside system says of its kind of source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

import pyarrow as pa

SHARD = "shard"
LOOK_EVERY = timedelta(seconds=30)  # for what a stream would capture, where none does
LEAST_LOOK = timedelta(seconds=1)
DELIVERED = pa.schema(
    [
        ("_file", pa.string()),
        ("_file_hash", pa.string()),
        ("_row", pa.int64()),
        ("_delivered_at", pa.timestamp("us", "UTC")),
    ]
)


class SourceWord:
    """Tell all that the platform has to know of a kind, whoever reads it from outside.

    `own` are the columns that it writes beside those of a contract; `place` names those that say
    where a row lay, with SHARD for its batch's shard. `row_sql` holds for what is a row at all,
    and `whole_sql` for what has more than its key. With `keys_repeat` a key comes again for good
    reason; with `keeps_log` the source has to keep what waits. With `is_live` a stream captures it
    as rows come, for they come at any time; the others are looked at as often as their field
    `look_every` says. `again` ends the advice for a lost file; `extra` is what `pip` must install.
    """

    kind: ClassVar[str] = ""
    own: ClassVar[pa.Schema] = pa.schema([])
    place: ClassVar[tuple[str, ...]] = ("_row",)
    row_sql: ClassVar[str] = ""
    whole_sql: ClassVar[str] = ""
    keys_repeat: ClassVar[bool] = False
    keeps_log: ClassVar[bool] = False
    is_live: ClassVar[bool] = False
    again: ClassVar[str] = ""
    extra: ClassVar[str] = ""

    def __str__(self) -> str:
        said = (getattr(self, name, "") for name in ("topic", "table", "path", "pattern"))
        connection = getattr(self, "connection", "")
        of = f" of connection `{connection}`" if connection else ""
        return f"{type(self).__name__} `{next(filter(None, said), '')}`{of}"

    def uses(self) -> Mapping[str, str]:
        """Name the connections that it needs, each with the kind of connection."""
        connection = getattr(self, "connection", "")
        return {connection: self.kind} if connection else {}

    def looks_every(self) -> timedelta:
        """Tell how often somebody looks whether something waits, where no stream captures it."""
        found: timedelta = getattr(self, "look_every", LOOK_EVERY)
        return found

    def position_sql(self, shard: str) -> str:
        """Where a row lay, as SQL over its own columns; `shard` is SQL, too."""
        return " || '/' || ".join(shard if n == SHARD else f"{n}::varchar" for n in self.place)
