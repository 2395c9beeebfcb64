"""Links from Dagster's UI to code or to pages of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from watermain.declare.name import DatasetName
from watermain.engine.rooms.declared import PRODUCT
from watermain.orchestrate.policy import beta_accepted
from watermain.settings import load_settings, project


def code(declared: str) -> dict[str, Any]:
    """The metadata by which the UI opens a declaration on its line; nothing where no file is.

    Shapes: `declared` is `file:line`; a file of the project lies in its repository, if it has one.
    """
    path, _, line = declared.rpartition(":")
    number = int(line) if line.isdigit() else None
    url = address(path)
    with beta_accepted():
        if url is not None:
            anchor = f"#L{number}" if number else ""
            found: Any = dg.UrlCodeReference(url=url + anchor, label=declared)
        else:
            file = _file(path)
            if file is None:
                return {}
            found = dg.LocalFileCodeReference(
                file_path=str(file), line_number=number, label=declared
            )
        value = dg.CodeReferencesMetadataValue(code_references=[found])
    return {"dagster/code_references": value}


def console_page(name: DatasetName) -> dg.MetadataValue[Any]:
    """The page of a dataset in the console, at the port that the console has as this is loaded."""
    return dg.MetadataValue.url(f"http://127.0.0.1:{load_settings().console_port}/datasets/{name}")


def page(path: str) -> dg.MetadataValue[Any]:
    """A page of the project: a link where its repository is told, else its path to read."""
    url = address(path)
    return dg.MetadataValue.text(path) if url is None else dg.MetadataValue.url(url)


def linked(path: str) -> str:
    """A page or `file:line` of the project as Markdown: a link, or code where no link leads."""
    name, _, line = path.partition(":")
    url = address(name)
    if url is None:
        return f"`{path}`"
    return f"[{path}]({url}{f'#L{line}' if line else ''})"


def address(path: str) -> str | None:
    """The address of a file in the project's repository; None without one or without the file."""
    here = project()
    if not here.repository or not (here.root / path).is_file():
        return None
    return f"{here.repository.rstrip('/')}/{path}"


def _file(path: str) -> Path | None:
    """The file of a declaration: the project's, or one that the product brings."""
    homes = (project().root, PRODUCT.parent)
    return next((home / path for home in homes if (home / path).is_file()), None)
