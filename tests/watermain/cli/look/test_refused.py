"""A question that reaches for more than datasets is written down beside its refusal."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from watermain import read
from watermain.__main__ import app
from watermain.clock import EPOCH
from watermain.declare.errors import WatermainError
from watermain.lake.lake import Lake
from watermain.record.audit import AuditLog
from watermain.record.brief import person
from watermain.settings import load_settings

REFUSED = {
    "select * from read_csv('/home/ann@example.org/x.csv')": "a table function: read_csv",
    "select * from '/home/ann@example.org/x.csv'": "a file in place of a dataset",
    "delete from operations.curated.flights where name = 'Ann'": (
        "a statement that does more than read: delete"
    ),
    "show databases": "the engine",
}


def refused() -> list[tuple[str, str, str | None]]:
    """What the log has: the kind, what was reached for, the dataset."""
    log = AuditLog.of(load_settings())
    return [(each.kind, each.detail, each.dataset) for each in log.since(EPOCH)]


@pytest.mark.parametrize("sql", REFUSED)
def test_query_that_reaches_for_more_is_written_down(lake: Lake, sql: str) -> None:
    """It is refused as before; the log has who and what, and nothing of the statement's values."""
    with pytest.raises(WatermainError):
        read.query(sql)
    assert refused() == [("query", REFUSED[sql], None)]
    (entry,) = AuditLog.of(load_settings()).since(EPOCH)
    assert (entry.who, entry.count) == (person(), 1)


@pytest.mark.parametrize(
    "sql", ["select frm nothing", "select 1; select 2", "explain select 1", "from shop.curated.x"]
)
def test_query_that_is_merely_wrong_is_not_written_down(lake: Lake, sql: str) -> None:
    """A slip of the pen is no attempt at anything."""
    with pytest.raises(WatermainError):
        read.query(sql)
    assert refused() == []


def test_unmask_without_a_reason_is_written_down(lake: Lake) -> None:
    """Who asks to see what is masked, and says no reason, is refused by name."""
    with pytest.raises(WatermainError, match="for a reason only"):
        read.query("select 1 as one", unmask=" ")
    assert refused() == [("unmask", "no reason was given", None)]


def test_refusal_stands_when_the_database_is_away(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is let through; that nothing is recorded yet is said, and made good later."""
    before = load_settings().postgres or ""
    monkeypatch.setenv("WATERMAIN_POSTGRES", "host=127.0.0.1 port=1 dbname=none user=none")
    done = CliRunner().invoke(app, ["sql", "copy (select 1) to '/tmp/x'"])
    assert isinstance(done.exception, read.RefusedQueryError)
    monkeypatch.setenv("WATERMAIN_POSTGRES", before)
    assert refused() == [("query", "a statement that does more than read: copy", None)]
