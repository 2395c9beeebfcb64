"""Rows of one file written into another, where the first cannot stay as it is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watermain.engine.adopt.piece import Piece
from watermain.engine.adopt.rows import own_engine
from watermain.lake.lake import text


@dataclass(frozen=True, kw_only=True)
class Copied:
    """Bring a file that was written for the purpose to where it is wanted."""

    path: Path

    def __call__(self, path: Path) -> None:
        shutil.copyfile(self.path, path)


def rewritten(piece: Piece, rows: Any, scratch: Path, *, why: str) -> Piece:
    """The piece with its rows, anything that the engine reads as Arrow, in a file of their own.

    Guarantees: the engine of the lake writes it, so that its footers tell of NaN as well.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / f"{len(list(scratch.iterdir())):06d}.parquet"
    with own_engine() as connection:
        connection.register("given", rows)
        connection.execute(f"copy (from given) to {text(str(path))} (format parquet)")
    return Piece(
        name=piece.name,
        bytes=piece.bytes,
        at=piece.at,
        path=path,
        mark=piece.mark,
        why=why,
        write=Copied(path=path),
    )
