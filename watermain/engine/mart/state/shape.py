"""What a node of a dbt project becomes, before it is declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from watermain.declare.body.mart import Growth
from watermain.declare.cadence import Cadence
from watermain.declare.check import Check
from watermain.engine.mart.inferred import Schema


@dataclass(frozen=True, kw_only=True)
class NodeShape:
    """How a node's rows are made, and what of its promise follows from that.

    Shapes: `schema` is None where the columns are written down; `words` are those of
    `meta.watermain`, and what the node's own configuration says instead of them; `body` is None
    where `sql` is run.
    """

    sql: str
    words: Mapping[str, Any]
    schema: Schema | None = None
    grows: Growth | None = None
    batched: Mapping[str, str] = field(default_factory=dict)
    cadence: Cadence | None = None
    checks: tuple[Check, ...] = ()
    body: Callable[..., Any] | None = None
