"""The judge of a lake: what is there compared with what was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.faults.generator import Change
from watermain.source.postgres.replication import lsn_number

Row = tuple[Any, ...]


def verdict(log: Sequence[Change], found: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong; an empty list is the only good answer."""
    fitting = [change for change in log if change.fits]
    curated = found.get("curated")
    return [
        *_compared("raw", Counter(c.row for c in fitting), Counter(found["raw"])),
        *([] if curated is None else _compared("curated", _state(fitting), Counter(curated))),
        *_dense(log, found),
        *_chained(found["batches"]),
        *_added_up(log, found),
        *_kept_promises(found),
        *(f"the catalog names a file that is not there: {path}" for path in found["lost_files"]),
    ]


def acknowledged_too_early(known: Mapping[str, str], slots: Iterable[tuple[str, str]]) -> list[str]:
    """Slots that stand past the ledger; a slot whose snapshot is not in it tells nothing."""
    positions = {_slot(s): end for s, end in known.items() if s.count("/") == 2}
    return [
        f"slot {slot} is acknowledged up to {confirmed}, the ledger holds {positions[slot]}"
        for slot, confirmed in slots
        if slot in positions and lsn_number(confirmed) > lsn_number(positions[slot])
    ]


def _slot(shard: str) -> str:
    prefix, _, number = shard.split("/")
    return f"{prefix}_{number}"


def _state(changes: Iterable[Change]) -> Counter[Row]:
    """The rows that remain when the changes are applied in order."""
    alive: dict[str, Row] = {}
    for change in changes:
        if change.op == "d":
            alive.pop(change.piece.id, None)
        else:
            alive[change.piece.id] = change.row[1:]
    return Counter(alive.values())


def _compared(where: str, wanted: Counter[Row], found: Counter[Row]) -> list[str]:
    missing, more = wanted - found, found - wanted
    twice = Counter({row: n for row, n in more.items() if row in wanted})
    problems = {"missing": missing, "duplicate": twice, "extra": more - twice}
    return [
        f"{where}: {rows.total()} {what}, such as {next(iter(rows))}"
        for what, rows in problems.items()
        if rows
    ]


def _dense(log: Sequence[Change], found: Mapping[str, Any]) -> list[str]:
    """Numbers seen in raw, with those put aside or deleted unseen, leave no hole."""
    aside = {(c.piece.shard, c.piece.seq) for c in log if not c.fits}
    seen = {(shard, seq) for _, _, shard, seq, _, _ in found["raw"]} | aside
    holes = []
    for shard in {s for s, _ in seen}:
        numbers = {n for s, n in seen if s == shard}
        last = max(c.piece.seq for c in log if c.piece.shard == shard)
        holes += [f"shard {shard} lacks number {n}" for n in range(1, last + 1) if n not in numbers]
    return holes[:3]


def _chained(batches: Sequence[Row]) -> list[str]:
    """Each shard's batches follow each other from the beginning, none of them twice."""
    problems = []
    for shard in {row[0] for row in batches}:
        follows: dict[str, str] = {}
        for _, start, end, *_ in (row for row in batches if row[0] == shard):
            if start in follows:
                problems.append(f"ledger: {shard} has two batches from {start!r}")
            follows[start] = end
        reached, position = 0, ""
        while position in follows and reached <= len(follows):
            position, reached = follows[position], reached + 1
        if reached != len(follows):
            problems.append(f"ledger: {shard} has a gap after {position!r}")
    return problems


def _added_up(log: Sequence[Change], found: Mapping[str, Any]) -> list[str]:
    """Rows in = rows published + rows quarantined, in the ledger as in the tables."""
    kept, aside = sum(row[3] for row in found["batches"]), sum(row[4] for row in found["batches"])
    counts = {
        "changes written": (len(log), kept + aside),
        "rows in raw": (len(found["raw"]), kept),
        "rows in quarantine": (len(found["quarantined"]), aside),
    }
    return [f"{what}: {n}, the ledger says {m}" for what, (n, m) in counts.items() if n != m]


def _kept_promises(found: Mapping[str, Any]) -> list[str]:
    """A computed partition holds what its latest ledger row says, a captured one their sum."""
    raw = Counter(at[:10] for _, _, _, _, at, _ in found["raw"])
    told = {"raw": (raw, found["captured"])}
    if "curated" in found:
        curated = Counter(at[:10] for _, _, _, at, _ in found["curated"])
        told["curated"] = (curated, found["promised"])
    return [
        f"{what} [{partition}]: {held[partition]} rows, the ledger says {rows}"
        for what, (held, said) in told.items()
        for partition, rows in said
        if held[partition] != rows
    ] + [
        f"{what}: the ledger does not know partition {partition}"
        for what, (held, said) in told.items()
        for partition in held.keys() - dict(said).keys()
    ]
