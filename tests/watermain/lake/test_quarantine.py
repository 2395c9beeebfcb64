"""What was decided about is forgotten by a contract's term; what is open never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from tests.watermain.lake.ledger_rows import publish
from watermain.declare.errors import ChangedRowsError, LostLeaseError
from watermain.declare.name import DatasetName
from watermain.lake import ledger, quarantine
from watermain.lake.lake import Lake

SALES = DatasetName.parse("shop.curated.sales")
NOW = datetime.now(UTC)
TERM = timedelta(days=90)


def aside(connection: duckdb.DuckDBPyConnection, position: str, days: float, epoch: int) -> None:
    """Put a row aside so many days ago; one of epoch 0 was captured, others computed."""
    connection.execute(
        f"insert into {ledger.QUARANTINE} (dataset, batch_id, position, reason, payload,"
        " quarantined_at, partition, epoch) values (?, 'b', ?, 'late', '{}', ?, ?, ?)",
        [str(SALES), position, NOW - timedelta(days=days), "2013-01-01", epoch or None],
    )


def discard(connection: duckdb.DuckDBPyConnection, position: str, days: float) -> None:
    """Decide about a row so many days ago."""
    verdict = quarantine.Ruling("discarded", "", "me", "1", "run", NOW - timedelta(days=days))
    relation = f"({quarantine.ASIDE.replace('?', repr(str(SALES)))}) where position = '{position}'"
    assert quarantine.decide(connection, str(SALES), relation, verdict) == 1


def states(lake: Lake) -> dict[str, str]:
    with lake.get_connection() as connection:
        return {r["position"]: r["status"] for r in quarantine.listed(connection, str(SALES))}


@pytest.fixture
def kept(lake: Lake) -> Lake:
    """A lake with rows put aside: open, decided about and computed anew, old and young."""
    with lake.get_connection() as connection:
        ledger.create(connection)
        ledger.append(connection, [publish("2013-01-01", "v", epoch=7)])
        for position in ("open", "old", "young verdict"):
            aside(connection, position, 100, 0)
        aside(connection, "young", 10, 0)
        aside(connection, "superseded", 100, 3)
        aside(connection, "stands", 100, 7)
        for position, days in (("old", 95), ("young verdict", 5), ("young", 5)):
            discard(connection, position, days)
    return lake


def test_rows_decided_about_are_forgotten_after_their_term(kept: Lake) -> None:
    """The verdict goes with its row; what is open or young stays."""
    before = states(kept)
    assert quarantine.forget(kept, SALES, TERM, 5) == 2
    wanted = {k: v for k, v in before.items() if k not in ("old", "superseded")}
    assert states(kept) == wanted
    assert wanted == {
        "open": "open",
        "young verdict": "discarded",
        "young": "discarded",
        "stands": "open",
    }
    with kept.get_connection() as connection:
        found = connection.execute(f"select count(*) from {ledger.VERDICTS}").fetchone()
    assert found == (2,)
    assert quarantine.forget(kept, SALES, TERM, 5) == 0


def test_another_dataset_is_not_touched(kept: Lake) -> None:
    before = states(kept)
    assert quarantine.forget(kept, DatasetName.parse("shop.raw.events"), TERM, 5) == 0
    assert states(kept) == before


def test_rows_are_forgotten_under_the_lease(kept: Lake) -> None:
    before = states(kept)
    with kept.fence.lease(str(SALES)), pytest.raises(LostLeaseError):
        quarantine.forget(kept, SALES, TERM, 0.2)
    assert states(kept) == before


def test_an_open_row_that_would_go_is_refused(kept: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that took one row too many changes nothing."""
    before = states(kept)
    monkeypatch.setattr(quarantine, "ASIDE_ID", "(select any_value(aside_id) from watermain_over)")
    with pytest.raises(ChangedRowsError, match="open rows in quarantine would have changed"):
        quarantine.forget(kept, SALES, TERM, 5)
    monkeypatch.undo()
    assert states(kept) == before
