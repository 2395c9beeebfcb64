"""The names of columns that the platform writes beside those of a contract."""

from __future__ import annotations

OWN_PREFIX = "_watermain"
BATCH = "_batch_id"
_BY_KIND = {
    "postgres": ("_op", "_lsn", "_seq", "_xid", "_commit_at"),
    "files": ("_file", "_file_hash", "_row", "_delivered_at"),
    "kafka": ("_partition", "_offset", "_timestamp", "_key", "_headers"),
    "mqtt": ("_topic", "_device", "_sequence"),
    "rest": ("_content", "_row", "_delivered_at"),
    "webhook": ("_event", "_sequence", "_row", "_delivered_at"),
}


def own_columns(kind: str) -> frozenset[str]:
    """What is written beside the rows of a kind of source; nothing where nothing is captured."""
    return frozenset((*_BY_KIND[kind], BATCH)) if kind in _BY_KIND else frozenset()
