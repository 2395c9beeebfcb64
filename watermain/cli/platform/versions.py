"""`watermain --version`: what is installed here."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version

from watermain.declare.errors import WatermainError
from watermain.settings import load_settings, project

PARTS = ("Dagster", "DuckDB", "dbt-core", "ibis-framework", "pyarrow")


def lines() -> list[str]:
    """One line for each part, without loading one of them."""
    told = {"watermain": version("watermain")}
    told |= {"Python": f"{platform.python_version()}  {sys.executable}"}
    told |= {part: version(part.lower()) for part in PARTS}
    try:
        told |= {"project": str(project().root), "data": str(load_settings().home)}
    except WatermainError as error:
        told |= {"project": error.what}
    width = max(map(len, told)) + 2
    return [f"{name:<{width}}{value}" for name, value in told.items()]
