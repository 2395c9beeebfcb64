"""Versions of code that the ledger holds as an earlier release told them."""

from __future__ import annotations

import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.code.code import code_version
from watermain.engine.code.former_code import former_code_version
from watermain.lake import ledger
from watermain.lake.fence import Lease
from watermain.lake.lake import Lake, text


def carried_code(
    dataset: Dataset, lake: Lake, connection: duckdb.DuckDBPyConnection, lease: Lease
) -> tuple[str, ...]:
    """The former versions that mean today's code, so that what they made need not be made again.

    Guarantees: a former version is believed once: the code that it is first met with is
    remembered, and no other code of the dataset is ever taken for it.
    """
    name, code = str(dataset.name), code_version(dataset)
    known, met = _carried(dataset, connection)
    if met is not None:
        message = f"carry the code of {name} over"
        with lake.transaction(connection, lease, message):
            connection.execute(f"insert into {ledger.CARRIED} values (?, ?, ?)", [name, met, code])
    return _believed(known, met, code)


def foreseen_code(dataset: Dataset, connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The same versions as a publish would carry them, with nothing written."""
    return _believed(*_carried(dataset, connection), code_version(dataset))


def _believed(known: set[tuple[str, str]], met: str | None, code: str) -> tuple[str, ...]:
    """Of former versions, each with the code it stands for, those that mean this code."""
    own = {former for former, of in known if of == code}
    return tuple(sorted(own if met is None else {*own, met}))


def _carried(
    dataset: Dataset, connection: duckdb.DuckDBPyConnection
) -> tuple[set[tuple[str, str]], str | None]:
    """What was carried, each with its code; and the former version that is met first now."""
    former = former_code_version(dataset)
    name, told = text(str(dataset.name)), text(former)  # to bind values the engine imports pandas
    rows = connection.execute(
        f"select former, code from {ledger.CARRIED} where dataset = {name} union all"
        f" select {told}, null where exists (select 1 from {ledger.PUBLISHES}"
        f" where dataset = {name} and code_version = {told})"
    ).fetchall()
    known = {(f, c) for f, c in rows if c is not None}
    is_new = (former, None) in rows and former not in {f for f, _ in known}
    return known, former if is_new else None
