"""Who asked to see what is masked, kept for good."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from watermain.declare.errors import InvalidDeclarationError
from watermain.declare.name import DatasetName
from watermain.lake.fence import unreachable
from watermain.lake.lake import Lake

_DDL = """
create schema if not exists watermain;
create table if not exists watermain.disclosure (
    number bigint generated always as identity primary key,
    asked_at timestamptz not null default now(), asked_by text not null, reason text not null,
    statement text not null, branch text not null, snapshot bigint not null,
    datasets text[] not null
);
create or replace function watermain.disclosure_stays() returns trigger language plpgsql as $$
begin
    raise exception 'what was disclosed is never changed';
end $$;
create or replace trigger watermain_disclosure_stays
    before update or delete or truncate on watermain.disclosure
    for each statement execute function watermain.disclosure_stays();
"""


class GroundlessDisclosureError(InvalidDeclarationError):
    """Refuse to show what is masked where nobody says why."""


@dataclass(frozen=True)
class Disclosure:
    """One question whose answer shows what is personal or secret."""

    reason: str
    statement: str
    snapshot: int
    datasets: Sequence[DatasetName]


def disclose(lake: Lake, disclosure: Disclosure) -> None:
    """Note a disclosure before it happens.

    Guarantees: once it returns, the note is committed; no statement changes or deletes a note.
    Raises: GroundlessDisclosureError, when no reason is given; or UnreachableSystemError.
    """
    if not disclosure.reason.strip() or "\0" in disclosure.reason:
        raise GroundlessDisclosureError(
            "what is masked is shown for a reason only, and none is given",
            declared="--unmask",
            data="nothing was read",
            next='watermain sql --unmask "why" "select ..."',
        )
    try:
        with psycopg.connect(lake.catalog) as connection:
            connection.execute("select pg_advisory_xact_lock(hashtext('watermain disclosure'))")
            connection.execute(_DDL)
            connection.execute(
                "insert into watermain.disclosure"
                " (asked_by, reason, statement, branch, snapshot, datasets)"
                " values (%s, %s, %s, %s, %s, %s)",
                (
                    getpass.getuser(),
                    disclosure.reason.strip(),
                    disclosure.statement,
                    lake.branch,
                    disclosure.snapshot,
                    [str(name) for name in disclosure.datasets],
                ),
            )
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
