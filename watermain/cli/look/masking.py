"""Rows that were put aside, as they may be shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from watermain.cli.look.past import by
from watermain.declare.dataset import Dataset
from watermain.engine.audit.query_rule import MASK

FILE = "_file"  # the column of a captured row that names the file it lies in


def shown(dataset: Dataset, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without what is sensitive, its position with the file that it lies in."""
    found, file = masked(dataset, row), _columns(row.get("payload")).get(FILE)
    if isinstance(file, str) and str(found.get("position") or "").isdigit():
        found["position"] = f"{file}:{found['position']}"
    return found


def lines(row: Mapping[str, Any]) -> list[str]:
    """The row in lines: where and why, and its whole payload, what is wrong in it first.

    Shapes: a payload of columns has a line for each; a line break within one is shown as `\\\\n`.
    """
    place = [str(row[n]) for n in ("partition", "position") if row.get(n)]
    said = {
        "why": row.get("reason"),
        "by": f"{by(str(row.get('run_id') or ''))}, contract {row.get('contract_version')}",
    }
    head = [f"  {word:<10}{_one_line(text)}" for word, text in said.items() if text]
    payload = str(row.get("payload") or "").rstrip("\r\n")
    held = _columns(payload)
    if not held:
        return ["  ".join(place) or "somewhere", *head, f"  {'payload':<10}{_one_line(payload)}"]
    wide = max(map(len, held))
    blamed = _blamed(held, f"{row.get('reason') or ''} {row.get('rule') or ''}")
    order = [*blamed, *(name for name in held if name not in blamed)]
    told = [
        f"  {'>' if n in blamed else ' '} {n:<{wide}}  {_one_line(_value(held[n]))}" for n in order
    ]
    return ["  ".join(place) or "somewhere", *head, *told]


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


def _columns(payload: object) -> dict[str, Any]:
    """The columns of a payload; none where it is another text."""
    try:
        held = json.loads(str(payload or ""))
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}


def _blamed(held: Mapping[str, Any], why: str) -> list[str]:
    """The columns that the reason speaks of, the longest name first."""
    found = [n for n in held if re.search(rf"(?<![a-z0-9]){re.escape(n)}(?![a-z0-9])", why)]
    return sorted(found, key=len, reverse=True)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _one_line(text: object) -> str:
    return str(text).replace("\r", "\\r").replace("\n", "\\n")


def _mask() -> str:
    return MASK
