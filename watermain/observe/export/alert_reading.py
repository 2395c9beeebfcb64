"""Who is told of what, read out of the book of alerts."""

from __future__ import annotations

from collections import Counter

import psycopg

from watermain.lake.catalog import unreachable
from watermain.observe.alert.book import AlertBook
from watermain.observe.export.figures import AlertFigures

_WAITING = """
select notifier, count(*), min(made_at) from watermain.outbox where state <> 'sent' group by 1
"""
_INCIDENTS = """
select count(*) from watermain.incident as i where 'closed' is distinct from (
    select e.kind from watermain.incident_entry as e
    where e.incident = i.number and e.kind in ('opened', 'reopened', 'closed')
    order by e.at desc, e.number desc limit 1)
"""
_IS_LAID = "select to_regclass('watermain.incident_entry') is not null"


def alert_figures(book: AlertBook) -> AlertFigures:
    """How alerts stand, with what waits to be told.

    Guarantees: a dataset that several open alerts name has the cause of the oldest.
    Raises: UnreachableSystemError.
    """
    try:
        alerts = book.listed()
        with book.connected() as connection:
            waiting = connection.execute(_WAITING).fetchall()
            row = connection.execute(_IS_LAID).fetchone()
            found = connection.execute(_INCIDENTS).fetchone() if row and row[0] else None
    except psycopg.Error as error:
        raise unreachable(error, data="nothing was read") from error
    causes: dict[str, str] = {}
    for alert in alerts:
        for name in (alert.root, *alert.members):
            causes.setdefault(str(name), alert.cause_id)
    return AlertFigures(
        open=dict(Counter((alert.state, alert.severity) for alert in alerts)),
        causes=causes,
        waiting={notifier: (count, at) for notifier, count, at in waiting},
        incidents=found[0] if found else 0,
    )
