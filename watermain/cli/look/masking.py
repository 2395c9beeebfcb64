"""Rows that were put aside, as they may be shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from watermain.declare.dataset import Dataset
from watermain.engine.audit.audit import MASK


def masked(dataset: Dataset, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row in quarantine without what is sensitive in its payload and in its position.

    Shapes: the position of a computed row is its key, and that of a captured one tells nothing of
    it.
    """
    contract, shown = dataset.contract, dict(row)
    if "payload" in shown:
        shown["payload"] = masked_payload(dataset, shown["payload"])
    hidden = dataset.is_computed and any(contract.is_sensitive(k) for k in contract.key)
    if hidden and shown.get("position") is not None:
        shown["position"] = _mask()
    return shown


def masked_payload(dataset: Dataset, payload: str | None) -> str | None:
    """The payload without what is sensitive; the whole is masked where it is no object of columns.

    Guarantees: beside a sensitive column only what the contract describes is shown, so that
    neither another spelling nor an envelope gives it away.
    """
    contract = dataset.contract
    shown = {c.name for c in contract.columns if not contract.is_sensitive(c.name)}
    if payload is None or len(shown) == len(contract.columns):
        return payload
    try:
        held: Any = json.loads(payload)
    except ValueError:
        return _mask()
    if not isinstance(held, dict):
        return _mask()
    return json.dumps({k: v if k in shown else _mask() for k, v in held.items()})


def _mask() -> str:
    return MASK
