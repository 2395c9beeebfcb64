"""The messages that a batch came from, kept in the ledger by what traces them."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from watermain.declare.dataset import Dataset
from watermain.lake.lake import text
from watermain.settings import load_settings
from watermain.trace.identity import FORM, TracePoint
from watermain.trace.span import MOST_LINKS

TABLE = "lake.upkeep_raw.correlations"
TRACEPARENT, CORRELATION, MORE = "traceparent", "correlation", "more"
HEADERS = "_headers"
MOST_CHARACTERS = 200
_DDL = f"""
create table if not exists {TABLE} (
    stream varchar, batch_id varchar, kind varchar, value varchar, rows bigint)
"""


@dataclass(frozen=True)
class Messages:
    """What the messages of a batch are traced by.

    Shapes: `points` and `correlations` are distinct, MOST_LINKS of each at most, those of most rows
    first; `more` counts the distinct ones that are left out, by kind.
    """

    points: tuple[TracePoint, ...] = ()
    correlations: tuple[str, ...] = ()
    more: tuple[tuple[str, int], ...] = ()

    def unlisted(self, kind: str) -> int:
        """How many of a kind are left out."""
        return dict(self.more).get(kind, 0)


def kinds(dataset: Dataset) -> dict[str, str]:
    """Which headers of a dataset's messages are kept, by kind; none where nobody asked for any.

    Guarantees: beside personal or secret columns no header is kept but `traceparent`, whose form
    is proved.
    """
    if HEADERS not in dataset.origin.own.names:
        return {}
    settings, found = load_settings(), dict[str, str]()
    if settings.otlp_endpoint:
        found[TRACEPARENT] = "traceparent"
    if settings.correlation_header and not dataset.contract.holds_sensitive:
        found[CORRELATION] = settings.correlation_header
    return found


def prepare(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Make the table where it is needed and missing."""
    if not kinds(dataset) or _stands(connection):
        return
    try:
        connection.execute(_DDL)
    except duckdb.Error:
        if not _stands(connection):  # unless another capture has just made it
            raise


def keep(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, batch_id: str, relation: str
) -> Messages:
    """Write down, in the caller's transaction, what the messages of a batch are traced by."""
    found = Messages()
    for kind, header in kinds(dataset).items():
        taken, total = _said(connection, relation, kind, header)
        more = total - len(taken)
        words = [(str(dataset.name), batch_id, kind, value, count) for value, count in taken]
        words += [(str(dataset.name), batch_id, MORE, kind, more)] if more else []
        if words:
            connection.executemany(f"insert into {TABLE} values (?, ?, ?, ?, ?)", words)
        found = _with(found, kind, [value for value, _ in taken], more)
    return found


def kept(connection: duckdb.DuckDBPyConnection, stream: str, batch: str) -> Messages:
    """What was kept of a batch, by the first 32 characters of its id."""
    if not _stands(connection):
        return Messages()
    rows = connection.execute(
        f"select kind, value, rows from {TABLE} where stream = {text(stream)}"
        f" and batch_id[:32] = {text(batch[:32])} order by rows desc, value"
    ).fetchall()
    found = Messages()
    for kind in (TRACEPARENT, CORRELATION):
        more = sum(count for each, value, count in rows if (each, value) == (MORE, kind))
        found = _with(found, kind, [value for each, value, _ in rows if each == kind], more)
    return found


def _with(found: Messages, kind: str, values: list[str], more: int) -> Messages:
    points, correlations = found.points, found.correlations
    if kind == TRACEPARENT:
        points = tuple(each for value in values if (each := TracePoint.parse(value)))
    else:
        correlations = tuple(values)
    return Messages(points, correlations, (*found.more, *([(kind, more)] if more else [])))


def _said(
    connection: duckdb.DuckDBPyConnection, relation: str, kind: str, header: str
) -> tuple[list[tuple[str, int]], int]:
    """The distinct values of a header with their rows, most rows first; how many there are."""
    path, form = text(f'$."{header}"'), text(FORM if kind == TRACEPARENT else ".+")
    rows = connection.execute(
        f"select left(json_extract_string({HEADERS}, {path}), {MOST_CHARACTERS}) as value,"
        f" count(*), count(*) over () from {relation} where {HEADERS} is not null group by 1"
        f" having regexp_full_match(value, {form}, 's') order by 2 desc, 1 limit {MOST_LINKS}"
    ).fetchall()
    return [(value, count) for value, count, _ in rows], int(rows[0][2]) if rows else 0


def _stands(connection: duckdb.DuckDBPyConnection) -> bool:
    row = connection.execute(
        "select count(*) from duckdb_tables() where database_name = 'lake'"
        " and schema_name = 'upkeep_raw' and table_name = 'correlations'"
    ).fetchone()
    return bool(row and row[0])
