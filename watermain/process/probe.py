"""Proof that the servers of a lake take, give back, forget what they are given."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psycopg

from watermain.declare.errors import UnreachableSystemError
from watermain.lake import store
from watermain.lake.catalog import catalog_dsn, unreachable
from watermain.patience import answered_within
from watermain.settings import Settings, load_settings

NAME = "watermain-probe-"
NOTHING = "unchanged; the probe left nothing behind that a reader sees"


def probe_catalog(settings: Settings) -> str:
    """Write, read and delete a row in one transaction; give the server's version.

    Raises: UnreachableSystemError.
    """
    word = f"{NAME}{uuid4().hex}"
    try:
        with (
            psycopg.connect(catalog_dsn(settings)) as connection,
            answered_within(connection, settings.request_seconds),
        ):
            connection.execute(f"set statement_timeout = '{settings.request_seconds}s'")
            connection.execute("create temp table probed (word text) on commit drop")
            if _has_fence(connection):
                connection.execute(
                    "insert into watermain.heartbeat (dataset, renewed_at) values (%s, now())",
                    (word,),
                )
                connection.execute("delete from watermain.heartbeat where dataset = %s", (word,))
            connection.execute("insert into probed values (%s)", (word,))
            found = connection.execute("delete from probed returning word").fetchall()
            version = connection.info.parameter_status("server_version")
    except psycopg.Error as error:
        raise unreachable(error, data=NOTHING) from error
    if found != [(word,)]:
        raise unreachable(ValueError("it gave back another row"), data=NOTHING)
    return f"PostgreSQL {version}"


def probe_files(settings: Settings) -> str:
    """Write, read and delete an object where the lake's files lie; say where.

    Raises: UnreachableSystemError, or OSError of a folder.
    """
    name, body = f"{NAME}{uuid4().hex}", os.urandom(64)
    if store.is_remote(settings.lake_folder):
        return _probe_store(settings, settings.lake_folder + name, body)
    return _probe_folder(Path(settings.lake_folder), name, body)


def _probe_store(settings: Settings, place: str, body: bytes) -> str:
    with store.answering(settings, data=NOTHING):
        system = store.client(settings)
        system.pipe_file(place, body)
        found = system.cat_file(place)
        system.rm_file(place)
    if found != body:
        raise _spoilt(f"the store gave back another object than it was given: {place}")
    return f"store {settings.lake_folder} writes, reads, deletes"


def _probe_folder(folder: Path, name: str, body: bytes) -> str:
    path = folder / f".{name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        if path.read_bytes() != body:
            raise _spoilt(f"{folder} gave back other bytes than it was given")
    except OSError as error:
        raise _spoilt(f"{folder} takes no file: {error.strerror}") from error
    finally:
        with suppress(OSError):  # the error above tells of it
            path.unlink(missing_ok=True)
    return "its folder writes, reads, deletes"


def _has_fence(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    row = connection.execute("select to_regclass('watermain.heartbeat') is not null").fetchone()
    return bool(row and row[0])


def _spoilt(what: str) -> UnreachableSystemError:
    return UnreachableSystemError(
        what,
        declared="WATERMAIN_DATA_DIR or WATERMAIN_LAKE_PATH",
        data=NOTHING,
        next=f"df -h {load_settings().home}; then: watermain doctor",
    )
