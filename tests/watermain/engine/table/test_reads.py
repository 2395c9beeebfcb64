"""Versions of what follows from its own last rows."""

from __future__ import annotations

from watermain.engine.table.reads import grown, plain


def test_a_version_that_follows_from_others_is_another_at_each_snapshot() -> None:
    """Whether it is stale is judged without that."""
    assert grown("0af3", 7) != grown("0af3", 8)
    assert plain(grown("0af3", 7)) == plain(grown("0af3", 8)) == plain("0af3") == "0af3"
    assert plain("") == ""
