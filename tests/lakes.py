"""A lake made once for each server, of which every test gets a copy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from watermain.lake import ledger
from watermain.lake.belonging import remember
from watermain.lake.lake import Lake
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import load_settings

# A killed server loses nothing by it, since what it wrote is with the kernel; only a machine
# without power would. Commits still wait for their write, as they do on a platform.
UNSYNCED = {"fsync": "off", "full_page_writes": "off"}
# A server with a database for each of a thousand tests would otherwise vacuum one of them every
# tenth of a second, and hand each read of a page to one of three processes more.
QUIET = {"autovacuum": "off", "io_method": "sync"}
PUT = "update ducklake_metadata set value = %s where key = 'data_path'"
NAME = "update watermain.lake set id = gen_random_uuid()"


@dataclass(frozen=True)
class LakeTemplate:
    """A lake that nobody has open: its catalog is `name` on the server, its folder is `home`."""

    server: EmbeddedPostgres
    name: str
    home: Path

    def copy(self, database: str, home: Path, *, store: str = "") -> None:
        """Make the same lake with a catalog, a folder and an id of its own.

        Shapes: `store` is a folder elsewhere, where this lake has no files yet; it ends with `/`.
        """
        create = sql.SQL("create database {} template {} strategy file_copy")
        named = create.format(sql.Identifier(database), sql.Identifier(self.name))
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            connection.execute(named)
        if not store:
            shutil.copytree(self.home / "lake", home / "lake", dirs_exist_ok=True)
        with psycopg.connect(self.server.dsn(database)) as connection:
            connection.execute(PUT, [store or f"{home / 'lake'}/"])
            connection.execute(NAME)

    @contextmanager
    def world(self, home: Path, name: str) -> Iterator[Lake]:
        """The same lake for a block, in a folder with a catalog of this name, as settings say."""
        self.copy(name, home)
        with pytest.MonkeyPatch.context() as patch:
            use(patch, home, self.server.dsn(name))
            recall()
            yield Lake.from_settings()


def empty_template(server: EmbeddedPostgres, home: Path) -> LakeTemplate:
    """A template of the empty lake with its ledger, made by the code that makes every lake."""
    name = "template_of_lakes"
    server.ensure_database(name)
    with pytest.MonkeyPatch.context() as patch:
        use(patch, home, server.dsn(name))
        lake = Lake.from_settings()
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
        lake.forget()
    leave(server, name)
    return LakeTemplate(server, name, home)


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a run share."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"


def use(patch: pytest.MonkeyPatch, home: Path, dsn: str) -> None:
    """Let the settings lead to this folder with this catalog, on an engine of one thread.

    A second thread makes what tests ask, small questions and publishes, cost half as much again.
    """
    patch.setenv("WATERMAIN_DATA_DIR", str(home))
    patch.setenv("WATERMAIN_POSTGRES", dsn)
    patch.setenv("WATERMAIN_THREADS", "1")


def leave(server: EmbeddedPostgres, name: str) -> None:
    """End every session in a database: one that is open cannot be copied."""
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = %s",
            [name],
        )


def recall() -> None:
    """Let the data folder know its lake, as the making of a lake does."""
    remember(load_settings())
