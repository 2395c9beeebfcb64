"""Words for rows that a team's own code brings: an asset's frames, the sources of other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pyarrow as pa

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.outside.kind import LEAST_LOOK, SHARD, SourceWord

HANDED = pa.schema(
    [
        ("_delivery", pa.int64()),
        ("_row", pa.int64()),
        ("_delivered_at", pa.timestamp("us", "UTC")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class DagsterAsset(SourceWord):
    """Capture the frames that a plain Dagster asset of the room returns, each once.

    Shapes: `key` is the asset's key, its parts joined by slashes. The frame is whatever the
    asset's I/O manager gives back: of pandas, polars, Arrow or ibis, or a list of dicts. A run is
    asked for when the asset was materialized. Of a partitioned asset, each partition is numbered
    by itself.
    Guarantees: a frame that equals the one before it is no delivery. Every row of a frame is kept
    with the number of its delivery in `_delivery`.
    """

    key: str
    kind: ClassVar[str] = "dagster"
    own: ClassVar[pa.Schema] = HANDED
    place: ClassVar[tuple[str, ...]] = (SHARD, "_delivery", "_row")
    keys_repeat: ClassVar[bool] = True
    again: ClassVar[str] = "materialize the asset again"

    def __post_init__(self) -> None:
        if not all(self.key.split("/")):
            raise InvalidDeclarationError(
                f"DagsterAsset key {self.key!r} names no asset",
                declared=f"DagsterAsset(key={self.key!r})",
                data="nothing was read",
                next="join the parts of the asset's key by slashes, such as `crm/contacts`",
            )

    def __str__(self) -> str:
        return f"the asset `{self.key}`"


@dataclass(frozen=True, kw_only=True)
class Dlt(SourceWord):
    """Capture what one resource of a dlt source yields; its state lies in our ledger.

    Shapes: `source` is a dlt source or resource, or a function without parameters that gives one,
    which is asked when rows are; `resource` names the one to take. A column takes the field of its
    own name, or the one that `fields` names for it, as for `Kafka`. Once in `look_every` the
    source is asked what is new.
    Guarantees: the state that dlt goes on from commits with the rows that led to it; what an
    extraction without new rows and without new state yields is no delivery.
    """

    source: Callable[[], Any] | Any
    resource: str
    fields: Mapping[str, str] = field(default_factory=dict)
    look_every: timedelta = timedelta(hours=1)
    kind: ClassVar[str] = "dlt"
    own: ClassVar[pa.Schema] = HANDED
    place: ClassVar[tuple[str, ...]] = (SHARD, "_delivery", "_row")
    keys_repeat: ClassVar[bool] = True
    again: ClassVar[str] = "capture them by a new dataset, whose state begins anew"
    extra: ClassVar[str] = "dlt"

    def __post_init__(self) -> None:
        faults = {
            "names no resource": (not self.resource, "name the resource to take"),
            f"look_every {self.look_every} is too often": (
                self.look_every < LEAST_LOOK,
                f"give {LEAST_LOOK} or more",
            ),
            "has a field whose path is none": (
                not all(part for path in self.fields.values() for part in path.split(".")),
                "join the names of nested fields by single dots",
            ),
        }
        for what, (is_wrong, next_step) in faults.items():
            if is_wrong:
                raise InvalidDeclarationError(
                    f"Dlt {what}",
                    declared=f"Dlt(resource={self.resource!r})",
                    data="nothing was read",
                    next=next_step,
                )

    def __str__(self) -> str:
        return f"the dlt resource `{self.resource}`"


def Sling(*_: Any, **__: Any) -> SourceWord:
    """Refuse Sling by its name: its package fetches a program when it first runs.

    Raises: InvalidDeclarationError.
    """
    raise InvalidDeclarationError(
        "Sling is no source: its package fetches a program from elsewhere when it first runs",
        declared="Sling(...)",
        data="nothing was read",
        next="capture it by `Postgres`, `Files` or `Dlt`; `@sling_assets` run as plain assets,"
        " and `DagsterAsset` captures what an asset returns",
    )
