"""The command that draws the picture of the house anew."""

from __future__ import annotations

from tests.house.picture import PAGE, drawn
from tests.house.tree import ROOT, repository

if __name__ == "__main__":
    files = repository()
    (ROOT / PAGE).write_text(drawn(files[PAGE], files), encoding="utf-8")
