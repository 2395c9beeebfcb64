"""A real SFTP server on loopback, which a test can stop, freeze or lock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self

import asyncssh

from tests.leftovers import collected

USER, PASSWORD = "partner", "open sesame/+ ü"


class _Door(asyncssh.SSHServer):
    """Let one user in, by the password or the key of the moment."""

    def __init__(self, server: SftpServer) -> None:
        self.server = server

    def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:
        self.server.connections.append(connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self.server.shown.append(password)
        return (username, password) == (USER, self.server.password)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key == self.server.user_key.convert_to_public()


class _Files(asyncssh.SFTPServer):
    """Serve a folder; answer slowly, or end the connection, where a test asks for it."""

    server: SftpServer

    def __init__(self, channel: asyncssh.SSHServerChannel) -> None:
        super().__init__(channel, chroot=str(self.server.folder).encode())

    async def read(self, file: Any, offset: int, size: int) -> bytes:
        """Read as asked, after what the test wants done in the middle."""
        await asyncio.sleep(self.server.read_seconds)
        if self.server.at_read is not None:
            self.server.at_read()
        if self.server.hangs_up:
            self.channel.get_connection().abort()
        return super().read(file, offset, size)  # type: ignore[return-value]


class SftpServer:
    """Serve one folder until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.password = folder, PASSWORD
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.read_seconds, self.hangs_up = 0.0, False
        self.at_read: Any = None
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.shown: list[str] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> Self:
        """Listen, at the port of before where there was one."""
        self._listener = self._run(self._listening())
        self.port = self._listener.get_port()
        return self

    async def _listening(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            lambda: _Door(self),
            "127.0.0.1",
            self.port,
            server_host_keys=[self.host_key],
            sftp_factory=type("Files", (_Files,), {"server": self}),
        )

    def stop(self) -> None:
        """Listen no more."""
        self._run(self._stopped())

    async def _stopped(self) -> None:
        self._listener.close()
        for connection in self.connections:
            connection.abort()
        await asyncio.gather(*(each.wait_closed() for each in self.connections))
        self.connections = []

    def end(self) -> None:
        """Let the thread that served go."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        collected()

    @property
    def known_hosts(self) -> str:
        """The line by which it is known."""
        public = self.host_key.export_public_key().decode().strip()
        return f"[127.0.0.1]:{self.port} {public}"

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(120)
