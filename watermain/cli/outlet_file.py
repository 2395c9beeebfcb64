"""A file or a folder that a command was told to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watermain.declare.errors import InvalidDeclarationError


@contextmanager
def written_to(path: Path) -> Iterator[None]:
    """Write within the block; what the system refuses is told in four lines.

    Raises: InvalidDeclarationError.
    """
    try:
        yield
    except OSError as error:
        raise InvalidDeclarationError(
            f"{error.filename or path} cannot be written: {error.strerror or error}",
            declared="the command's arguments",
            data="of the platform nothing was changed; what was written before stands",
            next="name a place that exists and that you may write to",
        ) from error
