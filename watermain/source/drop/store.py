"""The protocol of places where files are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class Look:
    """Hold what a listing tells of a file at one moment.

    `name` is what people read and `place` is how the store finds it; `mark` changes with a
    file's content even where its size and its time do not.
    """

    name: str
    place: str
    size: int
    mtime_ns: int
    mark: tuple[int | str, ...]

    @property
    def stamp(self) -> list[int | str]:
        """What changes whenever the file does."""
        return [self.size, self.mtime_ns, *self.mark]


class UnservedError(Exception):
    """Report what a store does not give and what helps; `passing` where time may.

    It is `credential` where the store does not know who asks.
    """

    def __init__(
        self, what: str, *, next: str, passing: bool = False, credential: bool = False
    ) -> None:
        self.what, self.next, self.passing, self.credential = what, next, passing, credential
        super().__init__(what)


class Store(Protocol):
    """List files and open them.

    Guarantees: names that begin with `.` or end in `.tmp` or `.part` are unfinished, so no
    listing holds them. Raises: UnservedError, or FileNotFoundError for a file that has gone.
    """

    def looks(self, pattern: str, most: int) -> list[Look]:
        """List what the pattern names, in no order; more than `most` entries are refused."""
        ...

    def again(self, look: Look) -> Look | None:
        """Look at a file once more; None when it has gone."""
        ...

    def opened(self, look: Look) -> BinaryIO:
        """Open a file for reading, forwards as well as backwards."""
        ...

    def may_grow(self) -> bool:
        """Say whether a file can be listed before it is whole."""
        ...


def is_finished(name: str) -> bool:
    """Say whether no part of a name says that it is still being written."""
    hidden = any(part.startswith(".") for part in name.split("/"))
    return not hidden and not name.endswith((".tmp", ".part"))


def too_many(most: int) -> UnservedError:
    """The refusal of a listing without end."""
    return UnservedError(
        f"there are more than {most} entries to list", next="move away what was captured long ago"
    )
