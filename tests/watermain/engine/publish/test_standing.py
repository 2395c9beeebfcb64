"""What stands is told as a rebuild would tell it, with nothing built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import (
    KNOWN,
    days,
    declare,
    events,
    latest,
    published,
    sales,
    sold,
)
from watermain.declare import (
    Column,
    Dataset,
    Quarantine,
    between,
    dataset,
    needs,
    refers_to,
    unique,
)
from watermain.declare.errors import BrokenContractError
from watermain.engine.capture.ingest import capture
from watermain.engine.code.former_code import former_code_version
from watermain.engine.publish import decision
from watermain.engine.publish.canary import canary
from watermain.engine.publish.publication import Job, Outcome
from watermain.engine.publish.publish import publish
from watermain.engine.publish.standing import standing
from watermain.lake import ledger
from watermain.lake.lake import Lake

doubted = declare(latest, checks=(between("amount", low=3, severity="warn"),))


def job(lake: Lake, *datasets: Dataset, **words: Any) -> Job:
    """A job that knows the events with these."""
    return Job(lake=lake, find={**KNOWN, **{d.name: d for d in datasets}}.__getitem__, **words)


def told(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """What was found of each partition: its rows, what failed."""
    return {
        o.partition: (o.rows_out, sorted((f.check, f.failing) for f in o.findings if not f.passed))
        for o in outcomes
    }


def has_branches(lake: Lake) -> bool:
    """Whether the catalog ever heard of a branch."""
    with psycopg.connect(lake.dsn()) as connection:
        row = connection.execute("select to_regclass('watermain.branch') is not null").fetchone()
    return bool(row and row[0])


@pytest.fixture
def stocked(lake: Lake) -> Lake:
    """A lake with three days of events."""
    given = [sold(n, 1 + n % 3, n) for n in range(9)]
    capture(events, job(lake), source=Feed(changes(given)))
    return lake


def test_standing_tells_what_a_rebuild_tells(stocked: Lake) -> None:
    """Rows of each partition, a check that warns; no snapshot is made, no lease is taken."""
    publish(doubted, days(1, 3), job(stocked, doubted))
    with stocked.get_connection() as connection:
        before = stocked.snapshot(connection)
        found = standing(doubted, days(1, 3), job(stocked, doubted))
        assert stocked.snapshot(connection) == before
    assert found is not None
    anew = publish(doubted, days(1, 3), job(stocked, doubted, rebuild=True))
    assert told(found) == told(anew.outcomes)
    assert told(found)["2013-01-02"] == (3, [("between_amount", 1)])


def test_canary_of_what_stands_makes_no_branch(stocked: Lake) -> None:
    """It differs in nothing; of code that changed a branch is built as ever."""
    publish(doubted, days(1, 3), job(stocked, doubted))
    same = canary(doubted, days(2, 3), job(stocked, doubted))
    assert (same.difference.before, same.difference.after, same.difference.is_empty) == (6, 6, True)
    assert same.partitions == ("2013-01-02", "2013-01-03")
    assert sum(f.failing for f in same.findings) == 2
    assert not has_branches(stocked)
    changed = declare(lambda events: latest(events).mutate(amount=1))
    found = canary(changed, days(2, 3), job(stocked, changed)).difference
    assert (found.before, found.after, found.changed) == (6, 6, 5)
    assert has_branches(stocked)


def test_canary_of_what_stands_is_held_against_an_older_snapshot(stocked: Lake) -> None:
    """Without a branch, too."""
    first = publish(sales, days(1, 3), job(stocked)).output_snapshot
    late = [sold(1, 2, 100, _op="u"), sold(10, 2, 4)]
    capture(events, job(stocked), source=Feed(changes(late, start="1", end="2")))
    publish(sales, days(1, 3), job(stocked))
    found = canary(sales, days(1, 3), job(stocked), against=first).difference
    assert (found.before, found.after) == (9, 10)
    assert (found.added, found.removed, found.changed, found.columns) == (1, 0, 1, {"amount": 1})
    assert not has_branches(stocked)


def test_nothing_stands_of_what_changed(stocked: Lake) -> None:
    """Never published, another partition, other code, another check, other inputs, more columns."""
    assert standing(sales, days(1, 3), job(stocked)) is None
    publish(sales, days(1, 2), job(stocked))
    assert standing(sales, days(1, 2), job(stocked)) is not None
    assert standing(sales, days(2, 3), job(stocked)) is None
    other = declare(lambda events: latest(events).filter(events.amount > 1), checks=sales.checks)
    assert standing(other, days(1, 2), job(stocked)) is None
    stricter = replace(sales, checks=(between("amount", low=1),))
    assert standing(stricter, days(1, 2), job(stocked)) is None
    columns = (*sales.contract.columns, Column("note", pa.string(), "a word"))
    wider = replace(sales, contract=replace(sales.contract, columns=columns))
    assert standing(wider, days(1, 2), job(stocked)) is None
    capture(events, job(stocked), source=Feed(changes([sold(9, 2, 1)], start="1", end="2")))
    assert standing(sales, days(1, 2), job(stocked)) is None
    assert standing(sales, days(1, 1), job(stocked)) is not None


def test_captured_dataset_never_stands(stocked: Lake) -> None:
    """Nothing is computed of it."""
    assert standing(events, None, job(stocked)) is None


def test_rows_aside_ask_for_a_rebuild(stocked: Lake) -> None:
    """The table has no more what broke the rule; what is clean stands."""
    rule = between("amount", low=1, severity="quarantine")
    made = declare(latest, checks=(rule,))
    made = replace(made, contract=replace(made.contract, quarantine=Quarantine(limit=0.5)))
    publish(made, days(1, 3), job(stocked, made)).refuse_blocked()
    assert standing(made, days(1, 3), job(stocked, made)) is None
    assert standing(made, days(2, 3), job(stocked, made)) is not None
    found = canary(made, days(1, 3), job(stocked, made))
    assert {f.check: f.failing for f in found.findings if not f.passed} == {"between_amount": 1}


def test_needs_are_held_against_inputs_as_they_are(stocked: Lake) -> None:
    """A guarantee that a reader asked for since is told as a rebuild tells it."""

    def reader(*guarantees: Any) -> Dataset:
        wanted = needs(str(sales.name), columns=["id", "at", "amount"], guarantees=guarantees)
        made: Dataset = dataset(
            "shop.curated.copies",
            inputs={"sales": wanted},
            contract=sales.contract,
            owner="team:shop",
            cadence=sales.cadence,
        )(lambda sales: sales)
        return made

    publish(sales, days(1, 3), job(stocked))
    before = reader()
    publish(before, days(1, 3), job(stocked, before)).refuse_blocked()
    asks = reader(unique("amount"), between("amount", low=5))
    found = standing(asks, days(1, 1), job(stocked, asks))
    assert found is not None
    assert told(found) == {"2013-01-01": (3, [("needs_sales_between_amount", 2)])}


def test_reference_that_was_never_published_is_refused_all_the_same(stocked: Lake) -> None:
    """As by a publish."""
    publish(sales, days(1, 3), job(stocked))
    refers = replace(sales, checks=(*sales.checks, refers_to("id", "shop.curated.things")))
    with pytest.raises(BrokenContractError, match="of which nothing was ever published"):
        standing(refers, days(1, 3), job(stocked))


def test_what_an_earlier_release_published_stands_with_nothing_written(stocked: Lake) -> None:
    """Its version is believed as a publish believes it, but remembered by a publish alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decision, "code_version", former_code_version)
        assert len(published(publish(sales, days(1, 3), job(stocked)))) == 3
    with stocked.get_connection() as connection:
        connection.execute(f"delete from {ledger.CARRIED}")
        assert standing(sales, days(1, 3), job(stocked)) is not None
        assert connection.execute(f"select count(*) from {ledger.CARRIED}").fetchone() == (0,)
        publish(sales, days(1, 3), job(stocked))
        assert connection.execute(f"select count(*) from {ledger.CARRIED}").fetchone() == (1,)
    assert standing(sales, days(1, 3), job(stocked)) is not None
