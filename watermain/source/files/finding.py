"""What is found at the end of a connection to a place of files."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from watermain.declare.connection.files import FilesConnection
from watermain.declare.errors import SourceError, UnreachableSystemError
from watermain.machine.extras import need
from watermain.source.drop.store import UnservedError
from watermain.source.files.address import composed
from watermain.source.files.folder import Folder
from watermain.source.outside import Outside

MOST = 1000


def found(word: FilesConnection, outside: Outside) -> str:
    """Look into the folder or ask the store for the first object."""
    address = outside.address(word.name, composed)
    shown = address()
    try:
        if "://" in shown:
            need("s3", declared=word.declared)
            from watermain.source.files.bucket import Bucket

            bucket = Bucket(shown, outside.scratch)
            told = f"bucket {bucket.bucket}, {'not ' if bucket.holds_any() else ''}empty"
        else:
            Folder(Path(shown)).prove()
            with os.scandir(shown) as entries:
                count = sum(1 for _ in islice(entries, MOST))
            told = f"a folder, {count}{' or more' if count == MOST else ''} entries"
    except UnservedError as error:
        if error.credential:
            raise address.refused(shown, error.what) from None
        kind = UnreachableSystemError if error.passing else SourceError
        raise kind(
            error.what, declared=word.declared, data="nothing was read", next=error.next
        ) from None
    address.accepted()
    return told
