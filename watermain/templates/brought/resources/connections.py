"""The outside systems that sources name; there is none as yet."""
