"""Tests of the operations database."""

from __future__ import annotations

import threading

import psycopg
import pytest

from demo.operations import count_flights, make_tables
from watermain.process.postgres import EmbeddedPostgres

COLUMNS = """
    select column_name, data_type, is_nullable = 'YES' from information_schema.columns
    where table_schema = 'public' and table_name = %s order by ordinal_position
"""
FLIGHT = (
    "insert into flights values ('UA1-EWR-IAH-2013-01-01', 'UA', 1, null, 'EWR', 'IAH',"
    " '2013-01-01 05:15', 819, null, null, null, 1400, %s, now())"
)


def columns(connection: psycopg.Connection, table: str) -> list[tuple[str, str, bool]]:
    """Return (name, type, may be null) of a table's columns."""
    return connection.execute(COLUMNS, [table]).fetchall()


def test_tables_are_those_that_readers_declare(connection: psycopg.Connection) -> None:
    assert columns(connection, "flights") == [
        ("flight_id", "text", False),
        ("carrier", "text", False),
        ("flight", "integer", False),
        ("tailnum", "text", True),
        ("origin", "text", False),
        ("dest", "text", False),
        ("scheduled_departure", "timestamp without time zone", False),
        ("scheduled_arrival_hhmm", "integer", False),
        ("departure_delay_minutes", "integer", True),
        ("arrival_delay_minutes", "integer", True),
        ("air_time_minutes", "integer", True),
        ("distance_miles", "integer", False),
        ("status", "text", False),
        ("updated_at", "timestamp with time zone", False),
        ("recorded_on", "date", True),
    ]
    assert columns(connection, "airline_contacts") == [
        ("contact_id", "integer", False),
        ("carrier", "text", False),
        ("name", "text", False),
        ("email", "text", False),
        ("phone", "text", False),
    ]


def test_publication_carries_both_tables_with_the_row_before(
    connection: psycopg.Connection,
) -> None:
    published = connection.execute(
        "select schemaname || '.' || tablename from pg_publication_tables"
        " where pubname = 'watermain' order by 1"
    ).fetchall()
    assert published == [("public.airline_contacts",), ("public.flights",)]
    identities = connection.execute(
        "select distinct relreplident::text from pg_class"
        " where oid in ('flights'::regclass, 'airline_contacts'::regclass)"
    ).fetchall()
    assert identities == [("f",)]


def test_tables_survive_being_made_again(connection: psycopg.Connection) -> None:
    connection.execute(FLIGHT, ["arrived"])
    make_tables(connection)
    assert count_flights(connection)["flights"] == 1


def test_two_processes_may_make_them_at_once(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("made_twice")

    def make() -> None:
        with psycopg.connect(postgres.dsn("made_twice"), autocommit=True) as connection:
            make_tables(connection)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(postgres.dsn("made_twice")) as connection:
        assert count_flights(connection) == {
            "flights": 0,
            "scheduled": 0,
            "departed": 0,
            "arrived": 0,
            "cancelled": 0,
            "diverted": 0,
            "replayed_changes": 0,
        }


def test_unknown_status_is_refused(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="flights_status_check"):
        connection.execute(FLIGHT, ["late"])
