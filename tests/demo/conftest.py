"""Fixtures of the demo's tests."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psycopg
import pytest

from demo.flights import source_file
from demo.operations import make_tables, operations_server
from watermain.process.postgres import EmbeddedPostgres

NUMBERS = count()


@pytest.fixture
def operations(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of an operations database of its own, with empty tables."""
    name = f"operations_{next(NUMBERS)}"
    postgres.ensure_database(name)
    with psycopg.connect(postgres.dsn(name), autocommit=True) as connection:
        make_tables(connection)
    yield postgres.dsn(name)
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def connection(operations: str) -> Iterator[psycopg.Connection]:
    """A session in the operations database."""
    with psycopg.connect(operations, autocommit=True) as session:
        yield session


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder whose demo server, if one was started, is stopped afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="watermain-test-"))
    with ExitStack() as after:
        after.callback(shutil.rmtree, folder)
        after.callback(operations_server(folder).stop)
        yield folder


@pytest.fixture(scope="session")
def rows_of_2013() -> list[dict[str, str]]:
    """The rows of the year as the CSV has them, read without any code of the demo."""
    with (
        zipfile.ZipFile(source_file("flights.csv.zip")) as archive,
        archive.open("flights.csv") as file,
    ):
        return list(csv.DictReader(io.TextIOWrapper(file, "utf-8", newline="")))
