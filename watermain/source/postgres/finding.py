"""What is found at the end of a connection to a database."""

from __future__ import annotations

from contextlib import closing

from watermain.declare.connection.database import PostgresConnection
from watermain.source.outside import Outside
from watermain.source.postgres.address import composed
from watermain.source.postgres.replication import connected


def found(word: PostgresConnection, outside: Outside) -> str:
    """Connect, which is bounded; ask nothing, so that no answer is waited for."""
    address = outside.address(word.name, composed)
    with closing(connected(address, declared=word.declared)) as connection:
        info = connection.info
        major, minor = divmod(info.server_version, 10_000)
        kept = "encrypted" if connection.pgconn.ssl_in_use else "not encrypted"
        return f"PostgreSQL {major}.{minor}, database {info.dbname} as {info.user}, {kept}"
