"""The two forms of an incremental model, by a compiler that answers what it is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from watermain.dbt.dbt_forms import compiled


class Compiler:
    """Fill `compiled_code` with what `is_incremental()` answers."""

    def compile_node(self, node: Any, _: Any, context: dict[str, Any], *, write: bool) -> None:
        """Compile one node."""
        assert not write
        node.compiled_code = f"select {context['is_incremental']()}"


def node(materialized: str) -> Any:
    """A model."""
    config = SimpleNamespace(materialized=materialized)
    return SimpleNamespace(unique_id="model.p.m", config=config, compiled_code=None)


def test_an_incremental_model_has_another_form() -> None:
    """The node itself stays what it is where nothing stands yet."""
    grows = node("incremental")
    assert compiled(Compiler(), grows, None) == {"model.p.m": "select True"}
    assert grows.compiled_code == "select False"


def test_others_have_one() -> None:
    """In a table or a view `is_incremental()` is never true."""
    for materialized in ("table", "view", "ephemeral"):
        whole = node(materialized)
        assert compiled(Compiler(), whole, None) == {}
        assert whole.compiled_code == "select False"
