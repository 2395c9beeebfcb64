"""One session with an SFTP server, every wait of which is bounded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from typing import Self, TypeVar

import asyncssh

from watermain.source.delivery import UnreadableFileError
from watermain.source.drop.store import UnservedError
from watermain.source.sftp.address import Host

_SLACK_SECONDS = 1.0
_GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
T = TypeVar("T")


class SftpSession:
    """Ask a server, each question in its time; a thread of its own serves the connection.

    Guarantees: a host that is not known is told nothing and not even who we are.
    Raises: UnservedError, FileNotFoundError, or UnreadableFileError for what is closed to us.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self._connection: asyncssh.SSHClientConnection | None = None

    def __enter__(self) -> Self:
        known, keys = self._credentials()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self.client = self.asked(self._connected(known, keys), 2 * self.host.connect_seconds)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; wait for nobody."""
        if self._connection is not None:
            self._loop.call_soon_threadsafe(self._connection.abort)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(_ended())
        self._loop.close()

    def asked(self, question: Awaitable[T], seconds: float = 0.0) -> T:
        """Give the answer or say that there was none in time."""
        limit = seconds or self.host.silent_seconds
        with self._said():
            asked = asyncio.run_coroutine_threadsafe(asyncio.wait_for(question, limit), self._loop)
            return asked.result(limit + _SLACK_SECONDS)

    def _credentials(self) -> tuple[asyncssh.SSHKnownHosts, list[asyncssh.SSHKey] | None]:
        host = self.host
        try:
            known = asyncssh.import_known_hosts(host.known_hosts)
            return known, [asyncssh.import_private_key(host.key)] if host.key else None
        except (asyncssh.KeyImportError, ValueError):
            raise UnservedError(
                "the private key, or a line of `known_hosts`, cannot be read",
                next="write a key without a passphrase, and lines as ssh-keyscan prints them",
            ) from None

    async def _connected(
        self, known: asyncssh.SSHKnownHosts, keys: list[asyncssh.SSHKey] | None
    ) -> asyncssh.SFTPClient:
        host = self.host
        self._connection = await asyncssh.connect(
            host.name,
            host.port,
            username=host.user,
            password=host.password,
            client_keys=keys,
            known_hosts=known,
            agent_path=None,
            config=None,
            connect_timeout=host.connect_seconds,
            login_timeout=host.connect_seconds,
        )
        return await self._connection.start_sftp_client(path_encoding=None)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turn what the server or the network says into what it means for a capture."""
        where = f"{self.host.name}:{self.host.port}"
        try:
            yield
        except _GONE as error:
            raise FileNotFoundError(error.reason) from None
        except asyncssh.SFTPPermissionDenied as error:
            raise UnreadableFileError(f"it may not be read: {error.reason}") from None
        except asyncssh.HostKeyNotVerifiable:
            raise UnservedError(
                f"the key of host {where} is not among its known ones",
                next=f"ssh-keyscan -p {self.host.port} {self.host.name}; compare the key's print"
                " with who runs the host, then write the line to `known_hosts`",
            ) from None
        except asyncssh.PermissionDenied:
            raise UnservedError(
                f"{where} does not let {self.host.user} in", next="rotate", credential=True
            ) from None
        except (asyncssh.Error, OSError, EOFError) as error:
            raise UnservedError(
                f"{where} does not answer: {_reason(error)}",
                next="see whether the server runs; the next capture tries again",
                passing=True,
            ) from None


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it was silent for too long"
    return str(getattr(error, "reason", "") or error or type(error).__name__)


async def _ended() -> None:
    """Let what is left of the connection end."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*left, return_exceptions=True)
