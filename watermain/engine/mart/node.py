"""A node of a compiled dbt project: where it stands, how it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from watermain.declare.errors import InvalidDeclarationError
from watermain.settings import project

Node = Mapping[str, Any]
TABLES = ("model", "seed", "snapshot")  # the kinds of nodes that become tables


def is_ephemeral(node: Node) -> bool:
    """Whether a node is no table but a part of the SQL of those that read it."""
    return bool(node["resource_type"] == "model" and node["config"]["materialized"] == "ephemeral")


def is_table(node: Node) -> bool:
    """Whether a node becomes a table."""
    return node["resource_type"] in TABLES and not is_ephemeral(node)


def words_of(node: Node) -> Mapping[str, Any]:
    """What a node says under `config: meta: watermain`."""
    said = node["config"].get("meta", {}).get("watermain", {})
    return said if isinstance(said, Mapping) else {}


def relation(node: Node) -> tuple[str, str]:
    """The schema and the table by which compiled SQL names a node."""
    return str(node["schema"]), str(node.get("identifier") or node.get("alias"))


def declared(node: Node, line: int = 1) -> str:
    """Where a node stands."""
    return f"{project().dbt}/{node['original_file_path']}:{line}"


def refuse(node: Node, what: str, next: str, *, line: int = 1) -> NoReturn:
    """Refuse a node.

    Raises: InvalidDeclarationError.
    """
    raise InvalidDeclarationError.nothing_happened(
        f"dbt {node['resource_type']} `{node['name']}` {what}",
        declared=declared(node, line),
        next=next,
    )
