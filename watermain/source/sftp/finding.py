"""What is found at the end of a connection to an SFTP server."""

from __future__ import annotations

from watermain.declare.connection.sftp import SftpConnection
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.source.drop.store import UnservedError
from watermain.source.outside import Outside
from watermain.source.sftp.address import composed, parsed
from watermain.source.sftp.server_folder import ServerFolder

MOST = 100_000


def found(word: SftpConnection, outside: Outside) -> str:
    """Connect, prove the host and list the folder."""
    address = outside.address(word.name, composed)
    shown = address()
    host = parsed(shown)
    try:
        with ServerFolder(host, outside.scratch) as folder:
            count = len(folder.looks("*", MOST))
    except UnservedError as error:
        if error.credential:
            raise address.refused(shown, error.what) from None
        kind = UnreachableSystemError if error.passing else SourceError
        raise kind(
            error.what, declared=word.declared, data="nothing was read", next=error.next
        ) from None
    address.accepted()
    return f"a folder of {host.name}, {count} files"
