"""What an adoption says before it begins, then of what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from watermain.cli import screen
from watermain.declare.cadence import Cadence
from watermain.declare.contract import Contract, Sensitivity
from watermain.engine.adopt.quote import Quote
from watermain.engine.adopt.registering import Registered

_MIB = 2**20


def promise(
    name: str, contract: Contract, cadence: Cadence | None, notes: Sequence[str], of: str
) -> None:
    """Show what is about to be declared."""
    screen.OUT.print(f"{name}  from {of}", style="bold")
    screen.grid(
        ("column", "type", "sensitivity", "what it is"),
        [
            (
                c.name,
                str(c.type),
                "" if c.sensitivity is Sensitivity.INTERNAL else c.sensitivity.value,
                c.description,
            )
            for c in contract.columns
        ],
    )
    screen.OUT.print(f"  cadence  {cadence or 'none: the table is one partition'}")
    for note in notes:
        screen.OUT.print(f"  note     {note}", markup=False)


def quoted(quote: Quote) -> None:
    """Show what it takes: rows, bytes, partitions, minutes, and what is written again with why."""
    size = _size(quote.bytes)
    screen.OUT.print(
        f"  quote    {screen.count(quote.rows, 'row')}, {size}, at most"
        f" {screen.count(quote.partitions, 'partition')}, about {_minutes(quote.minutes)}"
    )
    linked = screen.count(quote.linked.files, "file")
    screen.OUT.print(
        f"           registered as they are: {linked}, {_size(quote.linked.bytes)};"
        f" written again: {_size(quote.written.bytes + quote.left.bytes)}"
    )
    for why, files in quote.reasons:
        screen.OUT.print(f"           {screen.count(files, 'piece')}: {why}", markup=False)


def facts(name: str, contract: Contract, cadence: Cadence | None, quote: Quote) -> dict[str, Any]:
    """The same for a script."""
    told = {k: v for k, v in asdict(quote).items() if k != "reasons"}
    return {
        "dataset": name,
        "contract": contract.facts(),
        "cadence": str(cadence) if cadence else None,
        "quote": {
            **told,
            "rows": quote.rows,
            "bytes": quote.bytes,
            "minutes": round(quote.minutes, 2),
            "reasons": dict(quote.reasons),
        },
    }


def done(name: str, registered: Registered, captured: Mapping[str, int], goes_on: str) -> None:
    """Show what came of it, and who goes on from here."""
    rows = registered.rows + sum(captured.values())
    screen.OUT.print(
        f"adopted  {name}: {screen.count(rows, 'row')};"
        f" {screen.count(registered.files, 'file')} registered,"
        f" {_size(registered.linked_bytes)} as they are,"
        f" {_size(registered.written_bytes)} written"
    )
    if registered.before:
        pieces = screen.count(registered.before, "piece")
        screen.OUT.print(f"         {pieces} stood there from before")
    if captured:
        files = screen.count(len(captured), "file")
        screen.OUT.print(
            f"         {files} captured: {screen.count(sum(captured.values()), 'row')}"
        )
    screen.OUT.print(f"next     {goes_on}", markup=False)


def _size(count: int) -> str:
    """Bytes as people say them.

    >>> _size(0), _size(1), _size(3 << 20)
    ('0 bytes', '1 bytes', '3.0 MiB')
    """
    if count < _MIB // 10:
        return f"{count:,} bytes"
    if count < 1024 * _MIB:
        return f"{count / _MIB:,.1f} MiB"
    return f"{count / 1024 / _MIB:,.1f} GiB"


def _minutes(minutes: float) -> str:
    return "a minute" if minutes < 1 else f"{minutes:,.0f} minutes"
