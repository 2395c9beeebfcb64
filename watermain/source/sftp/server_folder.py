"""The store that is a folder of an SFTP server."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self, cast

import asyncssh
from fsspec.utils import glob_translate

from watermain.source.delivery import UnreadableFileError
from watermain.source.drop.store import Look, UnservedError, is_finished, too_many
from watermain.source.scratch import scratch_file
from watermain.source.sftp.address import Host
from watermain.source.sftp.session import SftpSession

MOST_LEVELS = 64
_COPY_BYTES = 4 * 2**20
_AT_ONCE = 500
_ANY_DEPTH = "**"
Entry = tuple[str, asyncssh.SFTPAttrs]


class ServerFolder:
    """List the files below a folder, and copy the one that is read into `scratch`.

    Links are not followed: what they lead to may lie anywhere on the server. A server tells only
    the second in which a file was changed, so another file of the same size put in its place
    with the same time looks the same.
    Guarantees: there is one connection for all questions and at most one question at a time.
    Raises: UnservedError.
    """

    def __init__(self, host: Host, scratch: Path) -> None:
        self.host, self.scratch = host, scratch
        self._session = SftpSession(host)

    def __enter__(self) -> Self:
        self._session.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def looks(self, pattern: str, most: int) -> list[Look]:
        """List what the pattern names, in no order."""
        wanted, found, count = re.compile(glob_translate(pattern)), [], 0
        for place, attributes in self._listed(PurePosixPath(pattern).parts, most):
            if wanted.match(place):
                count += 1
                if count > most:
                    raise too_many(most)
                if (look := _look(place, attributes)) is not None:
                    found.append(look)
        return found

    def again(self, look: Look) -> Look | None:
        """Look at a file once more."""
        try:
            found = self._session.asked(self._session.client.lstat(self._path(look.place)))
        except FileNotFoundError:
            return None
        return _look(look.place, found) if found.type == asyncssh.FILEXFER_TYPE_REGULAR else None

    def opened(self, look: Look) -> BinaryIO:
        """Copy a file into a nameless one, which vanishes when it is closed."""
        return scratch_file(self.scratch, self._parts(look))

    def may_grow(self) -> bool:
        """A file is there from its first byte on."""
        return True

    def _parts(self, look: Look) -> Iterator[bytes]:
        ask = self._session.asked
        file = ask(self._session.client.open(self._path(look.place), "rb"))
        try:
            for begin in range(0, look.size, _COPY_BYTES):
                size = min(_COPY_BYTES, look.size - begin)
                data = ask(file.read(size, begin))
                if len(data) != size:
                    raise FileNotFoundError(look.name)
                yield cast(bytes, data)
        finally:
            ask(file.close())

    def _listed(self, parts: tuple[str, ...], most: int) -> Iterator[Entry]:
        """The files that a pattern of these parts may name, folder by folder."""
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            above = waiting.pop()
            for name, attributes in self._entries("/".join(above), most, is_root=not above):
                here = (*above, name)
                if attributes.type == asyncssh.FILEXFER_TYPE_REGULAR:
                    yield "/".join(here), attributes
                elif attributes.type == asyncssh.FILEXFER_TYPE_DIRECTORY and _leads_on(parts, here):
                    waiting.append(here)

    def _entries(self, place: str, most: int, *, is_root: bool) -> list[Entry]:
        """The entries of one folder, a bounded number of them for each answer that is awaited."""
        found: list[Entry] = []
        listing = self._session.client.scandir(self._path(place))
        try:
            while some := self._session.asked(_some(listing)):
                found += some
                if len(found) > most * 2:  # those that no pattern names among them
                    raise too_many(most)
        except (FileNotFoundError, UnreadableFileError) as error:
            if is_root:
                raise self._closed(isinstance(error, FileNotFoundError)) from None
        return found

    def _closed(self, is_gone: bool) -> UnservedError:
        folder, host = self.host.folder, self.host
        if is_gone:
            return UnservedError(
                f"there is no folder {folder} on {host.name}",
                next="make the folder, or mend the connection's address",
                passing=True,
            )
        return UnservedError(
            f"folder {folder} on {host.name} may not be read", next=f"let {host.user} list it"
        )

    def _path(self, place: str) -> bytes:
        whole = f"{self.host.folder.rstrip('/')}/{place}" if place else self.host.folder
        return whole.encode("utf-8", "surrogateescape")


async def _some(listing: AsyncIterator[asyncssh.SFTPName]) -> list[Entry]:
    """The next entries of a listing; none at its end."""
    found: list[Entry] = []
    async for entry in listing:
        name = os.fsdecode(entry.filename)
        if name not in (".", ".."):
            found.append((name, entry.attrs))
        if len(found) >= _AT_ONCE:
            break
    return found


def _look(place: str, found: asyncssh.SFTPAttrs) -> Look | None:
    name = place.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if not is_finished(name):
        return None
    nanoseconds = int(found.mtime or 0) * 10**9 + int(found.mtime_ns or 0)
    owner = (int(found.uid or 0), int(found.gid or 0), int(found.permissions or 0))
    return Look(name, place, int(found.size or 0), nanoseconds, owner)


def _leads_on(parts: tuple[str, ...], place: tuple[str, ...]) -> bool:
    """Whether a pattern may name something within a folder."""
    if len(place) > MOST_LEVELS:
        return False
    if _ANY_DEPTH in parts[: len(place)]:
        return True
    return len(place) < len(parts) and all(map(fnmatchcase, place, parts))
