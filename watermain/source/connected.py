"""The proof that a source names connections that are declared, each of the kind that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from watermain.declare.connection.connection import Connection
from watermain.declare.connection.web import RestConnection
from watermain.declare.dataset import Dataset
from watermain.declare.errors import UnknownConnectionError, quoted
from watermain.declare.outside.web import Rest

_ONLY_DECLARED = ("webhook", "sftp")  # no variable holds all of it


def prove_connections(dataset: Dataset, connections: Mapping[str, Connection]) -> None:
    """Prove that every connection which a dataset names is declared and of the right kind.

    Where nothing is declared at all, the variables alone say where the systems are.
    Raises: UnknownConnectionError, listing those that are right; or InvalidDeclarationError.
    """
    for name, kind in dataset.origin.uses().items():
        if not connections and kind not in _ONLY_DECLARED:
            continue
        found = connections.get(name)
        if found is None:
            raise _refused(dataset, f"nobody declares the connection `{name}`", kind, connections)
        if found.kind != kind:
            what = f"the connection `{name}` is a {type(found).__name__} ({found.declared})"
            raise _refused(dataset, what, kind, connections)
        if isinstance(found, RestConnection) and isinstance(dataset.source, Rest):
            found.applied(dataset.source)


def _refused(
    dataset: Dataset, what: str, kind: str, connections: Mapping[str, Connection]
) -> UnknownConnectionError:
    right = sorted(name for name, each in connections.items() if each.kind == kind)
    wanted = next(iter(dataset.origin.uses()), "")
    near = get_close_matches(wanted, right, n=3) or right
    return UnknownConnectionError(
        f"{dataset.name}: {what}, and a {kind} is needed",
        declared=dataset.declared,
        data="nothing was read or written",
        next=f"use one of {quoted(near)}" if right else f"declare a {kind} in the resources",
    )
