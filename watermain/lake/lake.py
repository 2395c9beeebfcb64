"""The lake: DuckLake tables with their catalog in PostgreSQL."""

from __future__ import annotations

import importlib.util
import json
import os
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from pydantic import BaseModel, ConfigDict, Field

from watermain.declare.errors import (
    BranchError,
    BrokenEngineError,
    MissingExtraError,
    UnreachableSystemError,
)
from watermain.declare.name import DatasetName
from watermain.failpoint import failpoint
from watermain.lake import store
from watermain.lake.belonging import other_files, proved, remember
from watermain.lake.broken_engine import ENDED, abandon, close
from watermain.lake.catalog import catalog_address, ready, unreachable
from watermain.lake.engine_error import UNKNOWN, harmless, translate
from watermain.lake.fence import DDL, Fence, Lease, catalog_schema
from watermain.lake.rest.vouching import vouch_for_written
from watermain.lake.unsettled import Unsettled, heal
from watermain.lake.waits import engine_words
from watermain.lake.written import Written, present
from watermain.machine.extras import need
from watermain.machine.owner import prove_owner
from watermain.settings import Settings, load_settings
from watermain.trace.tracing import part

EXTENSIONS = ("ducklake", "postgres_scanner")
MOST_ENGINES = 4
_OPENING = threading.Lock()
_ENGINES: dict[tuple[object, ...], duckdb.DuckDBPyConnection] = {}


class Lake(BaseModel):
    """Open connections to the lake, all of a process on one engine with the lake attached.

    Guarantees: extensions come from installed wheels, never from the network; the session's
    time zone is UTC; rows of datasets lie in files, and none in the catalog.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: str = Field(default=":memory:")
    connection_config: dict[str, Any] = Field(default={}, description="settings of the engine")
    catalog: str = Field(default="", description="libpq string of the catalog database")
    folder: str = Field(default="", description="where Parquet files lie")
    branch: str = Field(default="", description="the branch that is worked in; empty for the lake")

    @classmethod
    def from_settings(cls, settings: Settings | None = None) -> Lake:
        """The lake that the settings describe.

        Raises: OtherLakeError or MissingSettingError, when it is not the data folder's.
        """
        settings = proved(settings or load_settings())
        prove_owner(settings)
        return cls(catalog=catalog_address(settings), folder=settings.lake_folder)

    def dsn(self) -> str:
        """The catalog's libpq string for one connection, secrets read now and waits limited."""
        return ready(self.catalog, load_settings())

    def on(self, branch: str) -> Lake:
        """A branch of this lake, whether or not it was made; its new files lie apart."""
        folder = f"{self.folder.rstrip('/')}.branches/{branch}/"
        return self.model_copy(update={"branch": branch, "folder": folder})

    @property
    def schema_of_catalog(self) -> str:
        """The PostgreSQL schema that holds the catalog of a branch."""
        return catalog_schema(self.branch)

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection for the block, with the lake attached as `lake`.

        Guarantees: connections of one process share an engine, never a transaction, a temporary
        table or a registered one; an engine that lost the catalog, or ended itself, is not used
        again, whoever saw it first.
        Raises: BrokenEngineError, when the engine ended itself in the block.
        """
        connection = self._session()
        try:
            yield connection
        except (duckdb.Error, UnreachableSystemError, BrokenEngineError) as error:
            translated = translate(error, "the lake")
            if isinstance(translated, UnreachableSystemError | BrokenEngineError):
                self.forget()
            if translated is error:
                raise
            raise translated from harmless(error)
        finally:
            close(connection)

    def _session(self) -> duckdb.DuckDBPyConnection:
        """A connection of the engine that lives, or of a new one."""
        engine = self._engine()
        try:
            return _in_utc(engine)
        except ENDED:
            self.forget(engine)
            return _in_utc(self._engine())

    def _engine(self) -> duckdb.DuckDBPyConnection:
        """The engine of this process, opened when there is none."""
        with _OPENING:
            engine = _ENGINES.get(self._place)
            if engine is None:
                engine = _ENGINES[self._place] = self._open()
                # One inherited by fork is never let go: ending it would wait for its threads.
                own = [place for place in _ENGINES if place[0] == os.getpid()]
                for place in own[:-MOST_ENGINES]:
                    del _ENGINES[place]  # it ends with the last of its connections
            return engine

    @property
    def _place(self) -> tuple[object, ...]:
        settings = load_settings()
        words = (settings.memory_limit, settings.threads, str(settings.home))
        return (
            os.getpid(),
            self.database,
            self.catalog,
            self.folder,
            self.branch,
            repr(self.connection_config),
            *words,
        )

    def forget(self, engine: duckdb.DuckDBPyConnection | None = None) -> None:
        """Open a new engine for the next connection: what this one knows is out of date.

        Guarantees: where an engine is named, another that was opened since stays.
        """
        with _OPENING:
            if engine is None or _ENGINES.get(self._place) is engine:
                _ENGINES.pop(self._place, None)

    def _open(self) -> duckdb.DuckDBPyConnection:
        settings = load_settings()
        engine = duckdb.connect(
            self.database,
            config={
                "memory_limit": settings.memory_limit,
                "threads": settings.threads,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                # Extensions come from wheels that the lock file names by hash. Proving their
                # signature again took 0.1 s of each connection: decision 0004.
                "allow_unsigned_extensions": True,
                "temp_directory": str(settings.home / "tmp"),
                **self.connection_config,
            },
        )
        try:
            self._attach(engine, settings)
        except BaseException:
            engine.close()
            raise
        return engine

    def _attach(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        remote = store.is_remote(self.folder)
        for name in (*EXTENSIONS, *(("httpfs",) if remote else ())):
            connection.execute(f"load '{extension(name)}'")
        if remote:
            for statement in reaching(settings):
                connection.execute(statement)
        else:
            settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
            Path(self.folder).mkdir(parents=True, exist_ok=True)
        where = ""
        if self.branch:  # an unknown one is an error, not a new lake
            where = f", metadata_schema {text(self.schema_of_catalog)}, create_if_not_exists false"
        try:
            connection.execute(
                f"attach {self.source} as lake (data_path {text(self.folder)},"
                f" data_inlining_row_limit 0{where})"
            )
        except duckdb.Error as error:
            if self.branch and "does not exist" in str(error):
                raise self._unknown_branch() from error
            if "DATA_PATH" in str(error):
                raise other_files(self.folder, str(error)) from harmless(error)
            raise unreachable(error) from harmless(error)
        if not remote:
            heal(self.folder)

    def _unknown_branch(self) -> BranchError:
        return BranchError.nothing_happened(
            f"there is no branch `{self.branch}`",
            declared="watermain branch list",
            next=f"watermain branch create {self.branch}",
        )

    @property
    def source(self) -> str:
        """What `attach` is told, as a SQL literal."""
        return text(f"ducklake:postgres:{self.dsn()}")

    def initialize(self) -> None:
        """Create the catalog and its fence where they are missing."""
        with self.get_connection():
            pass
        try:
            with psycopg.connect(self.dsn()) as connection:
                connection.execute("select pg_advisory_xact_lock(hashtext('watermain ddl'))")
                connection.execute(DDL)
        except psycopg.OperationalError as error:
            raise unreachable(error) from error
        settings = load_settings()
        if (self.catalog, self.folder) == (catalog_address(settings), settings.lake_folder):
            remember(settings)

    @property
    def fence(self) -> Fence:
        """The leases of this lake."""
        seconds = load_settings().lease_seconds
        return Fence(self.dsn(), lease_seconds=seconds, branch=self.branch)

    @contextmanager
    def transaction(
        self,
        connection: duckdb.DuckDBPyConnection,
        lease: Lease,
        message: str,
        *others: Lease,
        retired: Sequence[int] = (),
    ) -> Iterator[Written]:
        """Commit the block's changes at its end as one snapshot, or change nothing.

        Shapes: `retired` are the catalog's numbers of damaged data files of the first lease's
        dataset; the new snapshot is without them.
        Guarantees: new data files are on disk before the snapshot is visible, and their checksums
        are in the ledger; a writer is refused when its lease, or one of its several, moved on.
        Raises: LostLeaseError or DiskFullError; UnreachableSystemError, when the answer to the
        commit was lost: its data line says whether the catalog has it.
        """
        leases = (lease, *others)
        names = [DatasetName.parse(each.dataset) for each in leases]
        tables = tuple(f"{name.schema}/{name.table}" for name in names)
        written = Written(self.folder, tables, present(self.folder))
        connection.execute("begin")
        try:
            yield written
            with part("commit"):
                failpoint("publish.before_sync")
                written.sync_tables()
                vouch_for_written(connection, written, leases)
                written.sync_ledger()
                own: dict[str, object] = {"commit": uuid.uuid4().hex}
                claims = [each.claim | own for each in leases]
                claims[0] |= {"retired": list(retired)} if retired else {}
                claim = json.dumps(claims)
                connection.execute(
                    f"call lake.set_commit_message('watermain', {text(message)},"
                    f" extra_info => {text(claim)})"
                )
                with Unsettled(self.folder, written.paths) as files:
                    failpoint("publish.before_commit")
                    self._commit(connection, files, lease, claim)
                    failpoint("publish.after_commit")
        except BaseException as error:
            _roll_back(connection)
            translated = translate(error, lease.dataset)
            if translated is error:
                raise
            raise translated from harmless(error)

    def _commit(
        self, connection: duckdb.DuckDBPyConnection, files: Unsettled, lease: Lease, claim: str
    ) -> None:
        """Commit; where that fails, ask the catalog what became of it.

        Guarantees: data files of a commit that the catalog has, or may have, stay.
        """
        try:
            connection.execute("commit")
        except duckdb.Error as error:
            failpoint("publish.after_lost_answer")
            try:
                snapshot = self.fence.outcome(lease.dataset, claim)
            except UnreachableSystemError:
                files.restore()
                raise unreachable(error, data=UNKNOWN) from harmless(error)
            if snapshot is None:
                if store.failure(error) is None and isinstance(
                    translate(error, lease.dataset), UnreachableSystemError
                ):
                    raise unreachable(error) from harmless(error)
                raise
            files.restore()
            committed = f"published whole, as snapshot {snapshot}; only the answer was lost"
            raise unreachable(error, data=committed) from harmless(error)

    def snapshot(self, connection: duckdb.DuckDBPyConnection) -> int:
        """The id of the newest snapshot."""
        row = connection.execute("select id from lake.current_snapshot()").fetchone()
        return int(row[0]) if row else 0


def _in_utc(engine: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    connection = engine.cursor()
    connection.execute("set timezone = 'UTC'")
    return connection


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("rollback")
    except ENDED:
        abandon(connection)
    except duckdb.Error:
        return  # there is no transaction any more


def s3_secret(settings: Settings) -> str:
    """The statement that tells the engine how the store is reached."""
    told = "".join(
        f", {word} {text(value)}" for word, value in store.engine_secret(settings).items()
    )
    scheme = (settings.s3_endpoint or "").rpartition("://")[0]
    return f"create secret (type s3{told}, use_ssl {scheme != 'http'})"


def reaching(settings: Settings) -> list[str]:
    """The statements that tell the engine how the store is reached and how long to wait for it."""
    waits = (
        f"set global {name} = {text(str(value))}" for name, value in engine_words(settings).items()
    )
    return [s3_secret(settings), *waits]


def extension(name: str) -> str:
    """The path of a DuckDB extension inside its wheel.

    Raises: MissingExtraError.
    """
    if name == "httpfs":
        need("s3", declared=store.SETTINGS)
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise MissingExtraError.nothing_happened(
            f"the DuckDB extension {name} is not installed",
            declared="pyproject.toml, dependencies",
            next="pip install watermain",
        )
    folder = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}"
    return str(folder / f"{name}.duckdb_extension")


def text(value: str) -> str:
    """A SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def quote(name: str) -> str:
    """A SQL identifier; the one function that quotes identifiers."""
    return '"' + name.replace('"', '""') + '"'


def table(name: DatasetName) -> str:
    """The dataset's table, as SQL names it."""
    return f"lake.{quote(name.schema)}.{quote(name.table)}"
