"""Versions of code that the ledger holds as an earlier release told them."""

from __future__ import annotations

import duckdb

from platform_assets.build.code import code_version
from platform_assets.build.former_code import former_code_version
from platform_assets.declare.dataset import Dataset
from resources import ledger
from resources.fence import Lease
from resources.lake import Lake


def carried_code(
    dataset: Dataset, lake: Lake, connection: duckdb.DuckDBPyConnection, lease: Lease
) -> tuple[str, ...]:
    """The former versions that mean today's code, so that what they made need not be made again.

    Guarantees: a former version is believed once: the code that it is first met with is
    remembered, and no other code of the dataset is ever taken for it.
    """
    code, former = code_version(dataset), former_code_version(dataset)
    name = str(dataset.name)
    rows = connection.execute(
        f"select former, code from {ledger.CARRIED} where dataset = ? union all"
        f" select ?, null where exists (select 1 from {ledger.PUBLISHES}"
        " where dataset = ? and code_version = ?)",
        [name, former, name, former],
    ).fetchall()
    known = {(f, c) for f, c in rows if c is not None}
    is_met = (former, None) in rows
    if is_met and former not in {f for f, _ in known}:
        message = f"carry the code of {name} over"
        with lake.transaction(connection, lease, message):
            connection.execute(
                f"insert into {ledger.CARRIED} values (?, ?, ?)", [name, former, code]
            )
        known.add((former, code))
    return tuple(sorted(f for f, c in known if c == code))
