"""What changed before an incident began, out of the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from watermain.declare.name import DatasetName
from watermain.engine.publish.attempt import Attempt, Pair
from watermain.lake.lake import text
from watermain.lake.ledger import DRIFT, PUBLISHES
from watermain.observe.alert.cause import Lineage

LOOKED_BACK = timedelta(days=3)
MOST = 20
_CHANGED = """
select dataset, published_at, partition,
    code_version is distinct from lag(code_version) over each and
        lag(code_version) over each is not null as code,
    contract_hash is distinct from lag(contract_hash) over each and
        lag(contract_hash) over each is not null as contract
from {publishes} where dataset in ({names})
window each as (partition by dataset order by published_at, epoch, partition)
qualify (code or contract) and published_at between ? and ?
"""
_DRIFTED = """
select dataset, seen_at, column_name, outcome from {drift}
where dataset in ({names}) and seen_at between ? and ?
"""


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """Something that changed, or failed, at or above what is broken, shortly before."""

    dataset: DatasetName
    at: datetime
    what: str
    hops: int


def changes(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[DatasetName],
    first: datetime,
    last: datetime,
) -> list[tuple[DatasetName, datetime, str]]:
    """Changes of code, of contracts and of sources' columns between two instants."""
    listed = ", ".join(text(str(name)) for name in names)
    rows = connection.execute(
        _CHANGED.format(publishes=PUBLISHES, names=listed), [first, last]
    ).fetchall()
    found = []
    for dataset, at, partition, code, contract in rows:
        words = [w for w, said in (("other code", code), ("another contract", contract)) if said]
        of = f" ({partition})" if partition else ""
        found.append((dataset, at, f"first publish by {' and '.join(words)}{of}"))
    drifted = connection.execute(_DRIFTED.format(drift=DRIFT, names=listed), [first, last])
    found += [(name, at, f"its source's column `{column}`: {outcome}")
              for name, at, column, outcome in drifted.fetchall()]  # fmt: skip
    return [(DatasetName.parse(name), at.astimezone(UTC), what) for name, at, what in found]


def suspects(
    dataset: DatasetName,
    began_at: datetime,
    changed: Sequence[tuple[DatasetName, datetime, str]],
    tried: Mapping[Pair, Attempt],
    lineage: Lineage,
) -> list[Suspect]:
    """What may have caused it, the likeliest first.

    What failed comes before what changed; of two that failed the one further up, where the data
    first diverged; of two changes the one nearer to the beginning.
    """
    above = {dataset, *lineage.above(dataset)}
    failed = [
        Suspect(
            dataset=name,
            at=attempt.at,
            what=f"{key or 'the whole'} failed: {attempt.why}",
            hops=_hops(name, dataset, lineage),
        )
        for (name, key), attempt in tried.items()
        if name in above and attempt.state in ("failed", "held", "lost")
    ]
    failed.sort(key=lambda s: (-s.hops, s.at, str(s.dataset)))
    others = [
        Suspect(dataset=name, at=at, what=what, hops=_hops(name, dataset, lineage))
        for name, at, what in changed
        if name in above and at <= began_at
    ]
    others.sort(key=lambda s: (began_at - s.at, str(s.dataset), s.what))
    return [*failed, *others][:MOST]


def _hops(name: DatasetName, below: DatasetName, lineage: Lineage) -> int:
    """How many datasets lie between, both ends counted once: the longest of all that are above."""
    return len(lineage.above(below) & lineage.below(name)) + (name != below)
