"""A dataset's table in the lake: its spans, its body, its staged rows."""
