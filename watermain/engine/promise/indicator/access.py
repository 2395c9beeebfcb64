"""Who asked for data that may not."""

from __future__ import annotations

from collections.abc import Iterable

from watermain.declare.name import DatasetName
from watermain.record.audit import AuditEntry


def audit_failures(entries: Iterable[AuditEntry], dataset: DatasetName | None = None) -> int:
    """Count access that was refused, of one dataset or of all.

    Shapes: what names no dataset counts for none of them, but among all.
    """
    name = str(dataset) if dataset else None
    return sum(each.count for each in entries if name is None or each.dataset == name)
