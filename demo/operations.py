"""The airports' operations database."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from watermain.process.postgres import EmbeddedPostgres

DATABASE = "operations"
SCHEMA_LOCK = 20130101  # any number, but the same for all
SERVER_SETTINGS = {"wal_level": "logical", "max_connections": "50", "shared_buffers": "128MB"}

SCHEMA = """
create table if not exists public.flights (
    flight_id text primary key,
    carrier text not null,
    flight integer not null,
    tailnum text,
    origin text not null,
    dest text not null,
    scheduled_departure timestamp not null,
    scheduled_arrival_hhmm integer not null,
    departure_delay_minutes integer,
    arrival_delay_minutes integer,
    air_time_minutes integer,
    distance_miles integer not null,
    status text not null
        check (status in ('scheduled', 'departed', 'arrived', 'cancelled', 'diverted')),
    updated_at timestamptz not null,
    recorded_on date
);
comment on column public.flights.scheduled_departure is 'New York local time, without a zone';
comment on column public.flights.scheduled_arrival_hhmm is '819 = 08:19 local at the destination';
comment on column public.flights.recorded_on is 'the day of 2013 on which it really flew';
alter table public.flights replica identity full;

create table if not exists public.airline_contacts (
    contact_id integer primary key,
    carrier text not null,
    name text not null,
    email text not null,
    phone text not null
);
comment on table public.airline_contacts is 'made-up people';
alter table public.airline_contacts replica identity full;

create schema if not exists demo;
create table if not exists demo.clock (
    flight_date date primary key,
    source_date date not null,
    seed bigint not null,
    position timestamptz,
    changes integer not null default 0,
    planned integer,
    settled boolean not null default false
);
comment on table demo.clock is
    'how far each day of flights is replayed; moves in the transaction of the changes';
"""

HAS_DAY = """
select from information_schema.columns
where table_schema = 'public' and table_name = 'flights' and column_name = 'recorded_on'
"""
ADD_DAY = "alter table public.flights add column if not exists recorded_on date"
PUBLICATION = "create publication watermain for table public.flights, public.airline_contacts"


def operations_server(data_dir: Path) -> EmbeddedPostgres:
    """Return the server of the operations database, whether running or not."""
    return EmbeddedPostgres(data_dir / "demo" / "postgres", settings=SERVER_SETTINGS)


def open_operations(data_dir: Path) -> psycopg.Connection:
    """Connect to the operations database after starting its server and making what is missing."""
    server = operations_server(data_dir)
    server.start()
    server.ensure_database(DATABASE)
    connection = psycopg.connect(server.dsn(DATABASE), autocommit=True)
    make_tables(connection)
    return connection


def make_tables(connection: psycopg.Connection) -> None:
    """Make the tables and their publication unless they are there; two may ask at once."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
        published = connection.execute("select from pg_publication where pubname = 'watermain'")
        if published.fetchone() is None:
            connection.execute(SCHEMA)
            connection.execute(PUBLICATION)
        if connection.execute(HAS_DAY).fetchone() is None:  # made by release 0.1
            connection.execute(ADD_DAY)


def count_flights(connection: psycopg.Connection) -> dict[str, int]:
    """Count the flights, in all and per status, and the changes that replays have made."""
    query = """
        select
            count(*) as flights,
            count(*) filter (where status = 'scheduled') as scheduled,
            count(*) filter (where status = 'departed') as departed,
            count(*) filter (where status = 'arrived') as arrived,
            count(*) filter (where status = 'cancelled') as cancelled,
            count(*) filter (where status = 'diverted') as diverted,
            (select coalesce(sum(changes), 0)::bigint from demo.clock) as replayed_changes
        from public.flights
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        counts = cursor.execute(query).fetchone()
    assert counts is not None
    return counts
