"""A nameless file in the scratch folder, which vanishes when it is closed."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from watermain.declare.errors import DiskFullError


def scratch_file(folder: Path, parts: Iterable[bytes]) -> BinaryIO:
    """Write parts one after the other and then stand at the beginning. Raises: DiskFullError."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        file: Any = stack.enter_context(TemporaryFile(dir=folder))
        for part in parts:
            try:
                file.write(part)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise DiskFullError(
                    f"no room in {folder} for a copy of a dropped file",
                    declared="setting WATERMAIN_DATA_DIR",
                    data="the source still holds the file",
                    next=f"df -h {folder}",
                ) from error
        file.seek(0)
        stack.pop_all()
        return file  # type: ignore[no-any-return]
