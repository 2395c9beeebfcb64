"""Where runbooks lie."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.engine.rooms.declared import PRODUCT
from watermain.observe.runbook.page import Runbook, runbook
from watermain.settings import project

PAGES = "docs/runbooks"
_LIST = "README"


def runbooks() -> dict[str, Runbook]:
    """Every runbook by its name; a page of the project stands over the one that we bring."""
    found: dict[str, Runbook] = {}
    for folder in _folders():
        for path in sorted(folder.glob("*.md")):
            if path.stem != _LIST and path.stem not in found:
                found[path.stem] = runbook(path.stem, path.read_text(encoding="utf-8"))
    return dict(sorted(found.items()))


def named_runbook(name: str) -> Runbook:
    """The runbook of a name, which may be written as the path of its page.

    Raises: InvalidDeclarationError, listing the right names.
    """
    known = runbooks()
    found = known.get(name.removeprefix(f"{PAGES}/").removesuffix(".md"))
    if found is not None:
        return found
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or list(known)
    raise InvalidDeclarationError.nothing_happened(
        f"there is no runbook `{name[:200]}`",
        declared=f"{PAGES}/",
        next=f"use one of {quoted(near)}; all of them: watermain runbook list",
    )


def _folders() -> Iterator[Path]:
    """The project's own, and those of the product: in its repository or in its wheel."""
    yield project().root / PAGES
    for folder in (PRODUCT.parent / PAGES, PRODUCT / "templates" / "runbooks"):
        if folder.is_dir():
            yield folder
            return
