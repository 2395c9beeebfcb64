"""A lake made once for each server, of which every test gets a copy."""

from __future__ import annotations

import os
import shutil
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
PUT = "update ducklake_metadata set value = %s where key = 'data_path'"
NAME = "update watermain.lake set id = gen_random_uuid()"


@dataclass(frozen=True)
class LakeTemplate:
    """A lake that nobody has open: its catalog is `name` on the server, its folder is `home`."""

    server: EmbeddedPostgres
    name: str
    home: Path

    def copy(self, database: str, home: Path) -> None:
        """Make the same lake with a catalog, a folder and an id of its own."""
        create = sql.SQL("create database {} template {} strategy file_copy")
        named = create.format(sql.Identifier(database), sql.Identifier(self.name))
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            connection.execute(named)
        shutil.copytree(self.home / "lake", home / "lake", dirs_exist_ok=True)
        with psycopg.connect(self.server.dsn(database)) as connection:
            connection.execute(PUT, [str(home / "lake") + "/"])
            connection.execute(NAME)


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
    """Let the settings lead to this folder with this catalog."""
    patch.setenv("WATERMAIN_DATA_DIR", str(home))
    patch.setenv("WATERMAIN_POSTGRES", dsn)


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
