"""Words for the outside systems that raw datasets are captured from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from platform_assets.declare.errors import InvalidDeclarationError
from platform_assets.declare.web import Rest, Webhook


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """Capture every change of one PostgreSQL table by logical replication.

    `publication` must hold the table, whole; `slot` begins the names of the dataset's slots,
    which end in a number that grows with each new snapshot.
    Guarantees: raw keeps each insert, update, delete and truncate in commit order.
    """

    connection: str
    table: str
    publication: str = "watermain"
    slot: str = "watermain"
    kind: ClassVar[str] = "postgres"

    def __post_init__(self) -> None:
        if self.table.count(".") != 1:
            raise InvalidDeclarationError(
                f"Postgres source table {self.table!r} is not `schema.table`",
                declared=f"Postgres(connection={self.connection!r})",
                data="nothing was read",
                next="write the table with its schema, such as `public.flights`",
            )


@dataclass(frozen=True, kw_only=True)
class Files:
    """Capture files dropped into a folder, each delivery once.

    Guarantees: a file is read when it has been still for `settle_for`; its identity is the
    hash of its content, so a file sent again under any name is ignored.
    """

    connection: str
    pattern: str
    format: Literal["csv", "parquet"]
    settle_for: timedelta = timedelta(seconds=5)
    null: str = ""
    kind: ClassVar[str] = "files"

    def __post_init__(self) -> None:
        if self.format not in ("csv", "parquet"):
            raise InvalidDeclarationError(
                f"Files format {self.format!r} is unknown",
                declared=f"Files(connection={self.connection!r}, pattern={self.pattern!r})",
                data="nothing was read",
                next="use one of `csv`, `parquet`",
            )


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Name a table that the platform itself appends to, such as its ledger."""

    table: str
    kind: ClassVar[str] = "platform"


Source = Postgres | Files | Platform | Rest | Webhook
