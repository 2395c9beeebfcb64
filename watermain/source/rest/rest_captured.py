"""What the lake holds of a REST source, as the prints that its memory keeps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from watermain.declare.dataset import Dataset
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.settings import Settings
from watermain.source.rest.rest_memory import Captured
from watermain.source.text.json_records import digest


def captured_in_lake(dataset: Dataset, settings: Settings) -> Captured:
    """Give the way to ask the lake for rows captured by windows that ended after an instant.

    Guarantees: rows that went to quarantine count as captured, or they would go there twice.
    """

    def captured(since: datetime) -> Iterable[tuple[bytes, datetime]]:
        with Lake.from_settings(settings).get_connection() as connection:
            kept = connection.execute(
                f"select _content, min(_delivered_at) as first_at from {table(dataset.name)}"
                " group by _content having first_at > ?",
                [since],
            ).fetchall()
            unfit = connection.execute(
                "select content, min(delivered_at) as first_at from (select"
                " case when json_valid(payload) then payload->>'_content' end as content,"
                " case when json_valid(payload)"
                " then try_cast(payload->>'_delivered_at' as timestamptz) end as delivered_at"
                f" from {ledger.QUARANTINE} where dataset = ?)"
                " where content is not null group by content having first_at > ?",
                [str(dataset.name), since],
            ).fetchall()
            unread = connection.execute(
                "select payload, min(try_cast(split_part(position, '/', 1) as timestamptz))"
                f" as first_at from {ledger.QUARANTINE} where dataset = ?"
                " and position like '%Z/%' group by payload having first_at > ?",
                [str(dataset.name), since],
            ).fetchall()
        found = [(bytes.fromhex(value), at) for value, at in (*kept, *unfit)]
        return [*found, *((digest((text,)), at) for text, at in unread)]

    return captured
