"""A capture never makes the statements of the table's owner fail."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from tests.watermain.source.kinds import SHAPE, Ledger, PostgresKind
from watermain.declare.errors import SourceError

STORED = "alter table things add twice int generated always as (extra * 2) stored"
VIRTUAL = "alter table things add twice int generated always as (extra * 2)"
# Setup of the table's owner -> what the refusal says.
HARMFUL = {
    "stored": ((STORED,), "publication `watermain` leaves out the generated column `twice`"),
    "stored, another's publication": (
        (
            STORED,
            "alter publication watermain set (publish_generated_columns = stored)",
            "create publication another for table things",
        ),
        "publication `another` leaves out the generated column `twice`",
    ),
    "column list": (
        ("alter publication watermain set table things (id, day, note)",),
        "publication `watermain` lists columns of public.things",
    ),
    "another's column list": (
        ("create publication another for table things (id)",),
        "publication `another` lists columns of public.things",
    ),
}


def refused(kind: PostgresKind) -> SourceError | None:
    """What the proof says before anything is read."""
    try:
        kind.open().verify()
    except SourceError as error:
        return error
    return None


def update(kind: PostgresKind) -> bool:
    """Whether the owner can still write."""
    try:
        kind.run("update things set note = 'changed' where id = 1")
    except psycopg.errors.InvalidColumnReference:
        return False
    return True


@pytest.mark.parametrize("setup", HARMFUL)
def test_setup_under_which_updates_fail_is_refused_with_a_cure_that_cures(
    setup: str, postgres_kind: PostgresKind
) -> None:
    """The refusal comes while nothing is harmed yet: before the old rows are asked for whole."""
    kind = postgres_kind
    statements, says = HARMFUL[setup]
    kind.run("insert into things values (1)", "alter table things replica identity default")
    kind.run(*statements)
    assert update(kind)
    error = refused(kind)
    assert error is not None
    assert says in error.what
    kind.run(*error.next.split("; "))
    asked = refused(kind)
    assert asked is not None
    assert asked.next == "alter table public.things replica identity full"
    kind.run(asked.next)
    assert update(kind)
    assert refused(kind) is None


@pytest.mark.parametrize("setup", HARMFUL)
def test_setup_under_which_updates_fail_already_is_refused(
    setup: str, postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    """A capture does not go on beside an owner who cannot write."""
    kind = postgres_kind
    statements, says = HARMFUL[setup]
    kind.run("insert into things values (1)", *statements)
    assert not update(kind)
    with pytest.raises(SourceError, match=says):
        ledger.capture(kind.open())
    error = refused(kind)
    assert error is not None
    kind.run(*error.next.split("; "))
    assert update(kind)
    assert refused(kind) is None


def test_virtual_column_is_refused_until_it_is_stored(postgres_kind: PostgresKind) -> None:
    """No publication can hold it; the cure keeps its type with its expression."""
    kind = postgres_kind
    kind.run("insert into things(id, extra) values (1, 4)", VIRTUAL)
    assert not update(kind)
    for says in ("a column is generated when it is read", "leaves out the generated column"):
        error = refused(kind)
        assert error is not None
        assert says in error.what
        kind.run(*error.next.split("; "))
    assert update(kind)
    assert refused(kind) is None
    assert kind.one("select twice from things") == 8


def test_generated_column_that_is_declared_comes_with_its_values(
    postgres_kind: PostgresKind, ledger: Ledger
) -> None:
    """From the snapshot, from inserts and from updates, after the cure that the refusal names."""
    kind = postgres_kind
    kind.run(STORED, "insert into things(id, extra) values (1, 2)")
    shape = replace(SHAPE, columns=(*SHAPE.columns, "twice"))
    with pytest.raises(SourceError) as error:
        kind.open(shape).verify()
    kind.run(error.value.next)
    ledger.capture(kind.open(shape))
    kind.run("insert into things(id, extra) values (2, 3)", "update things set extra = 5")
    ledger.capture(kind.open(shape))
    assert {row[:2] for row in ledger.rows("id", "twice")} == {
        ("1", "4"), ("2", "6"), ("1", "10"), ("2", "10"),
    }  # fmt: skip


def test_publication_that_is_missing_is_made_so_that_updates_go_on(
    postgres_kind: PostgresKind,
) -> None:
    """The statement holds the generated columns, too."""
    kind = postgres_kind
    kind.run("insert into things values (1)", STORED, "drop publication watermain")
    error = refused(kind)
    assert error is not None
    assert error.next.endswith("with (publish_generated_columns = stored)")
    kind.run(error.next)
    assert update(kind)
    assert refused(kind) is None


def test_cure_leaves_the_publications_other_tables_alone(postgres_kind: PostgresKind) -> None:
    """A statement that sets the tables of a publication would end the captures of others."""
    kind = postgres_kind
    kind.run("create table neighbour(id int)", "alter publication watermain add table neighbour")
    kind.run("alter publication watermain drop table things",
             "alter publication watermain add table things (id)")  # fmt: skip
    error = refused(kind)
    assert error is not None
    kind.run(*error.next.split("; "))
    query = "select tablename from pg_publication_tables where pubname = 'watermain' order by 1"
    with psycopg.connect(kind.dsn) as connection:
        assert connection.execute(query).fetchall() == [("neighbour",), ("others",), ("things",)]
    kind.run("drop table neighbour")
