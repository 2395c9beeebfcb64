"""The names of columns that the platform writes beside those of a contract."""

from __future__ import annotations

from watermain.declare.outside.kind import SourceWord

OWN_PREFIX = "_watermain"
BATCH = "_batch_id"


def own_columns(source: SourceWord | None) -> frozenset[str]:
    """What is written beside the rows of a source; nothing where nothing is captured."""
    return frozenset((*source.own.names, BATCH)) if source and source.own.names else frozenset()
