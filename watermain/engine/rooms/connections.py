"""The connections that the company declares, found by name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache, lru_cache

from watermain.declare.connection.connection import Connection
from watermain.declare.errors import InvalidDeclarationError, WatermainError
from watermain.settings import project


@cache
def connections() -> Mapping[str, Connection]:
    """Every connection of the project's `resources/connections.py`; none where it has no such.

    Raises: InvalidDeclarationError, for two of one name, or a file that cannot be imported.
    """
    package = project().resources
    return found_in(f"{package}.connections") if _stands(package) else {}


@cache
def notifying() -> Mapping[str, Connection]:
    """Every connection of the project's `resources/notifiers.py`, which lead to people.

    Raises: InvalidDeclarationError, for two of one name, or a file that cannot be imported.
    """
    package = project().resources
    return found_in(f"{package}.notifiers") if _stands(package) else {}


def notifying_anew() -> Mapping[str, Connection]:
    """The same for a process that lasts: read again when the file was written again."""
    module = f"{project().resources}.notifiers"
    at = written_at(module)
    return {} if at is None else _written(module, at)


def written_at(module: str) -> int | None:
    """When a module of the project was written, in nanoseconds; None where it is not there."""
    path = project().root.joinpath(*module.split(".")).with_suffix(".py")
    return path.stat().st_mtime_ns if path.exists() else None


def anew(module: str) -> object:
    """A module of the project as it is written now.

    Raises: InvalidDeclarationError, for one that cannot be imported.
    """
    sys.modules.pop(module, None)
    importlib.invalidate_caches()
    return _loaded(module)


@lru_cache(maxsize=1)
def _written(module: str, at: int) -> Mapping[str, Connection]:
    sys.modules.pop(module, None)
    importlib.invalidate_caches()
    return found_in(module)


def found_in(module: str) -> Mapping[str, Connection]:
    """Every connection of a module, by name."""
    if not _stands(module):
        return {}
    found: dict[str, Connection] = {}
    for each in vars(_loaded(module)).values():
        if isinstance(each, Connection) and found.setdefault(each.name, each) is not each:
            raise InvalidDeclarationError(
                f"two connections have the name `{each.name}`",
                declared=f"{each.declared}, {found[each.name].declared}",
                data="nothing was read or written",
                next="give one of them another name",
            )
    return found


def _stands(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _loaded(module: str) -> object:
    try:
        return importlib.import_module(module)
    except WatermainError:
        raise
    except Exception as error:
        raise InvalidDeclarationError(
            f"{module} cannot be imported: {type(error).__name__}: {error}",
            declared=module.replace(".", "/") + ".py",
            data="nothing was read or written",
            next=f"mend it; python -c 'import {module}' tells where",
        ) from error
