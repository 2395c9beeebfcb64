"""Patterns held against the dialect that the engine reads."""

from __future__ import annotations

import pyarrow as pa


def pattern_fault(pattern: str) -> str | None:
    """What is wrong with a pattern, or None; RE2, the engine's own library, is asked."""
    import pyarrow.compute as pc  # needless to whom declares no pattern

    try:
        pc.match_substring_regex(pa.nulls(1, pa.string()), pattern)  # `pa.array` imports pandas
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return None
