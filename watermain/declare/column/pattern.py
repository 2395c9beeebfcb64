"""Patterns held against the dialect that the engine reads."""

from __future__ import annotations


def pattern_fault(pattern: str) -> str | None:
    """What is wrong with a pattern, or None; RE2, the engine's own library, is asked."""
    import pyarrow as pa  # needless to whom declares no pattern
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.nulls(1, pa.string()), pattern)  # `pa.array` imports pandas
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return None
