"""The two forms of a model: as it is made whole, as its rows follow from those before."""

from __future__ import annotations

import copy
from typing import Any

GROWS = "incremental"


def compiled(compiler: Any, node: Any, manifest: Any) -> dict[str, str]:
    """Compile a node as if it had no rows yet; of an incremental model give its other form, too.

    Shapes: the SQL in which `is_incremental()` is true, by the node's id.
    """
    grows = str(node.config.materialized) == GROWS
    twin = copy.deepcopy(node) if grows else None
    compiler.compile_node(node, manifest, {"is_incremental": lambda: False}, write=False)
    if twin is None:
        return {}
    compiler.compile_node(twin, manifest, {"is_incremental": lambda: True}, write=False)
    return {node.unique_id: str(twin.compiled_code)}
