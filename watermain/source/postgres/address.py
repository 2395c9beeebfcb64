"""The connection string of a database, with what its connection declares."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from watermain.declare.connection.connection import Tls
from watermain.declare.connection.database import PostgresConnection

_FILES = {"authorities": "sslrootcert", "certificate": "sslcert", "key": "sslkey"}
_PROBES = 3


def composed(address: str, word: PostgresConnection, secret: Callable[[str], str]) -> str:
    """Write the options into the connection string. Raises: InvalidDeclarationError."""
    try:
        said = {name: str(value) for name, value in conninfo_to_dict(address).items() if value}
    except psycopg.ProgrammingError:
        word.refuse("its address cannot be parsed", "write `postgresql://host:port/database`")
    wanted = {"user": word.user, "password": secret(word.password) if word.password else ""}
    wanted |= {} if word.tls is None else _secured(word.tls)
    if word.connect_within is not None:
        wanted["connect_timeout"] = str(int(word.connect_within.total_seconds()))
    if word.silent_within is not None:
        seconds = word.silent_within.total_seconds()
        probe = max(1, int(seconds / (_PROBES + 1)))
        wanted["tcp_user_timeout"] = str(int(seconds * 1000))
        wanted["keepalives_idle"] = wanted["keepalives_interval"] = str(probe)
        wanted["keepalives_count"] = str(_PROBES)
    merged = word.merged(said, {name: value for name, value in wanted.items() if value})
    return make_conninfo("", **merged)


def _secured(tls: Tls) -> dict[str, str]:
    files = {_FILES[name]: path for name, path in tls.files.items()}
    return {"sslmode": "verify-full", "sslrootcert": "system", **files}
