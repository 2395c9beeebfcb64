"""A PostgreSQL schema adopted: declared, copied under its slot, captured from there on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from watermain.cli.adopt import telling
from watermain.cli.adopt.declaration import Declared
from watermain.cli.adopt.loading import capture_waiting, declared
from watermain.cli.adopt.target import Target, targets
from watermain.cli.scaffold import changed, finish
from watermain.declare.connection.database import PostgresConnection
from watermain.declare.dataset import raw
from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.outside.source import Postgres
from watermain.engine.adopt.kind.postgres_schema import (
    ServerProposal,
    ServerTable,
    proposal,
    tables,
)
from watermain.engine.adopt.proposal import Wishes
from watermain.engine.adopt.quote import Quote, QuotedPieces
from watermain.engine.adopt.registering import Registered
from watermain.engine.rooms.connections import connections
from watermain.settings import load_settings
from watermain.source.opening import open_source
from watermain.source.outside import Outside
from watermain.source.postgres.address import composed

WHY = "its rows lie in a database, and are copied as of the point where its slot begins"


@dataclass(frozen=True, kw_only=True)
class ServerSchema:
    """A schema behind a declared connection."""

    connection: str
    schema: str

    @property
    def dsn(self) -> str:
        """The connection string, secrets read now."""
        return Outside(load_settings(), connections()).address(self.connection, composed)()


def named(source: str) -> ServerSchema | None:
    """What `connection/schema` names; None for what begins with no connection to PostgreSQL."""
    connection, _, schema = source.partition("/")
    if not isinstance(connections().get(connection), PostgresConnection):
        return None
    return ServerSchema(connection=connection, schema=schema or "public")


def adopt(
    place: ServerSchema,
    into: str,
    wishes: Wishes,
    chosen: Sequence[str],
    goes_on: Callable[[], bool],
) -> None:
    """Adopt the tables of a schema, each for itself.

    Guarantees: all are looked at before the first is declared, so that what cannot be captured
    stops everything before anything is made.
    """
    found = {each.place: each for each in tables(place.dsn, place.schema)}
    wanted = targets(into, list(found), chosen)
    if wishes.key and len(wanted) > 1:
        raise InvalidDeclarationError.nothing_happened(
            "one key is named for several tables",
            declared="--key",
            next=f"adopt them one by one: --table {wanted[0].table} --key ...",
        )
    made = [(each, _looked_at(place, found[each.table], each, wishes)) for each in wanted]
    for target, told in made:
        telling.promise(
            str(target.name), told.contract, told.cadence, told.notes, f"PostgreSQL {target.table}"
        )
        telling.quoted(_quote(told.table))
    if not goes_on():
        return
    for target, told in made:
        if target.declared is None:
            _write(place, target, told)
        dataset = declared(target.name)
        captured = capture_waiting(dataset)
        telling.done(
            str(target.name),
            Registered(),
            captured,
            "its changes are captured from the point of the copy on: watermain up",
        )


def _looked_at(
    place: ServerSchema, table: ServerTable, target: Target, wishes: Wishes
) -> ServerProposal:
    """Propose a declaration, and prove that it can be captured."""
    told = proposal(place.dsn, table, wishes)
    dataset = raw(
        str(target.name),
        source=Postgres(connection=place.connection, table=table.place),
        contract=told.contract,
        cadence=told.cadence,
        owner=f"team:{target.name.team}",
    )
    open_source(dataset, load_settings(), connections()).verify()
    return told


def _write(place: ServerSchema, target: Target, told: ServerProposal) -> None:
    made = Declared(
        name=target.name,
        kind="postgres",
        connection=place.connection,
        words={"table": told.table.place},
        contract=told.contract,
        cadence=told.cadence,
    )
    finish(made.write() + changed(f"dataset-{target.name}", f"New dataset `{target.name}`."))


def _quote(table: ServerTable) -> Quote:
    none = QuotedPieces(files=0, rows=0, bytes=0)
    return Quote(
        linked=none,
        written=QuotedPieces(files=0, rows=table.rows, bytes=table.bytes),
        left=none,
        partitions=1,
        reasons=((WHY, 1),),
    )
