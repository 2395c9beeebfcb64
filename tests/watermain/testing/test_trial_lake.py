"""A lake of a test's own: rows given, datasets published, rows read back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.watermain.testing.shop import checked, customers, notes, sales, spent, told
from watermain.declare import Dataset
from watermain.declare.errors import (
    BrokenContractError,
    InvalidPartitionError,
    UnknownDatasetError,
    WatermainError,
)
from watermain.engine.publish.publication import Publication
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import load_settings
from watermain.testing import GivenRowsError, MovedClock, TrialLake, trial_lake

DAY = "2013-03-10"  # New York's had 23 hours
NOON = datetime(2013, 3, 10, 16, tzinfo=UTC)
SALE: Mapping[str, Any] = {"id": "a", "at": NOON, "amount": Decimal("1.50"), "customer": 7}


def sale(name: str, **words: Any) -> dict[str, Any]:
    """A sale, told by how it differs from an ordinary one."""
    return {**SALE, "id": name, **words}


def test_rows_go_from_raw_to_features(watermain_lake: TrialLake) -> None:
    """Each telling is captured behind those before; what is published is read back typed."""
    lake = watermain_lake
    lake.know(told, sales)
    assert lake.rows(sales) == []
    lake.given(told, [sale("a"), sale("b", at=NOON + timedelta(hours=1), amount=99)])
    lake.given(told, [sale("a", amount=2), sale("c", at=NOON + timedelta(hours=12))])
    done = lake.publish(sales, DAY)
    assert [(o.partition, o.rows_out) for o in done.outcomes] == [(DAY, 2)]
    assert [(row["id"], row["amount"]) for row in lake.rows(sales)] == [("a", 2), ("b", 99)]
    assert len(lake.rows(told)) == 4
    lake.publish(sales, DAY, "2013-03-11")
    assert [row["id"] for row in lake.rows(sales, "2013-03-11")] == ["c"]
    lake.publish(customers)
    assert lake.rows(customers) == [{"customer": 7, "sales": 3}]
    lake.publish(spent)
    assert [row["spent"] for row in lake.rows(spent)][-1] == Decimal("102.50")


def test_publish_of_what_did_not_change_does_nothing(watermain_lake: TrialLake) -> None:
    """It is the platform's own publish."""
    watermain_lake.given(told, [SALE])
    assert [o.published for o in watermain_lake.publish(sales, DAY).outcomes] == [True]
    assert [o.published for o in watermain_lake.publish(sales, DAY).outcomes] == [False]


def test_checks_hold_rows_back_or_put_them_aside(watermain_lake: TrialLake) -> None:
    """A rule that blocks, one that puts aside."""
    watermain_lake.given(told, [sale("a"), sale("B"), sale("c")])
    (outcome,) = watermain_lake.publish(sales, DAY).outcomes
    assert (outcome.rows_out, dict(outcome.aside)) == (2, {"matches_id": 1})
    (aside,) = watermain_lake.aside(sales)
    assert (aside["why"], aside["position"]) == ("matches_id", "B")
    watermain_lake.given(told, [sale("d", amount=-1)])
    with pytest.raises(BrokenContractError, match="1 of 3 rows break `between_amount`, such as d"):
        watermain_lake.publish(sales, DAY)
    assert [row["id"] for row in watermain_lake.rows(sales)] == ["a", "c"]


def test_given_rows_stand_in_for_a_body(watermain_lake: TrialLake) -> None:
    """Where rows lie, there they are; another giving takes the place of a partition alone."""
    lake, later = watermain_lake, NOON + timedelta(days=40)
    done = lake.given(sales, [sale("a"), sale("b", at=later)])
    assert {o.partition for o in done.outcomes} == {DAY, "2013-04-19"}
    lake.given(sales, [sale("z", amount=-5)])  # what the body would check is the body's matter
    assert [row["id"] for row in lake.rows(sales)] == ["b", "z"]
    lake.given(sales, [], DAY)
    assert [row["id"] for row in lake.rows(sales)] == ["b"]
    lake.given(customers, [{"customer": 1, "sales": 2}])
    lake.given(customers, [{"customer": 2, "sales": 3}])
    assert lake.rows(customers) == [{"customer": 2, "sales": 3}]


def test_given_rows_keep_their_contract(watermain_lake: TrialLake) -> None:
    """The key names one row; what may not be null is not."""
    with pytest.raises(BrokenContractError, match="unique_key_id"):
        watermain_lake.given(sales, [SALE, sale("a", amount=3)])
    with pytest.raises(BrokenContractError, match="not_null_sales"):
        watermain_lake.given(customers, [{"customer": 1}])


def test_clock_of_the_lake_is_moved_by_the_test(
    watermain_lake: TrialLake, watermain_clock: MovedClock
) -> None:
    """What is fresh depends on it; the ledger's instants are its."""
    watermain_lake.given(sales, [SALE])
    watermain_lake.know(notes)
    watermain_clock.set(NOON + timedelta(hours=1))
    assert _found(watermain_lake.publish(_whole(), None), "fresh_at") == [True]
    watermain_clock.advance(timedelta(hours=48))
    assert _found(watermain_lake.publish(_whole(), None), "fresh_at") == [False]
    watermain_lake.given(customers, [{"customer": 1, "sales": 1}])
    with watermain_lake.lake.get_connection() as connection:
        written = connection.execute("select max(published_at) from lake.upkeep_raw.publishes")
        assert written.fetchone() == (watermain_clock.now(),)


def test_optional_input_may_be_missing(watermain_lake: TrialLake) -> None:
    """What a check refers to, what is needed, must stand; what is optional need not."""
    watermain_lake.given(sales, [SALE])
    watermain_lake.know(notes)
    assert watermain_lake.publish(checked, DAY).outcomes[0].rows_out == 1


REFUSED: tuple[tuple[Any, type[WatermainError], str, str], ...] = (
    (lambda lake: lake.publish(sales), GivenRowsError, "its partitions were not named", "'2013-"),
    (lambda lake: lake.publish(sales, "2013-02-30"), InvalidPartitionError, "'2013-02-30'", "use"),
    (lambda lake: lake.publish(sales, "2012-12-31"), InvalidPartitionError, "'2012-12-31'", "use"),
    (lambda lake: lake.publish(sales, DAY, "2013-01-01"), GivenRowsError, "lies before", "first"),
    (lambda lake: lake.publish(customers, DAY), GivenRowsError, "has no cadence", "leave"),
    (lambda lake: lake.publish(sales, DAY), GivenRowsError,
     "nothing was given of its input `told` (shop.raw.sales)", "give it rows"),
    (lambda lake: lake.publish(checked, DAY), UnknownDatasetError,
     "declares `elsewhere.curated.notes`", ".know(dataset)"),
    (lambda lake: lake.given(sales, [{"ix": 1}]), GivenRowsError, "`ix`, which no column", "use"),
    (lambda lake: lake.given(told, [{"id": 1}]), GivenRowsError, "`id` holds 1, which", "give"),
    (lambda lake: lake.given(sales, []), GivenRowsError, "no rows were given", "name partitions"),
    (lambda lake: lake.given(sales, [{"id": "a"}]), GivenRowsError, "row 0 has no `at`", "`at`"),
    (lambda lake: lake.given(sales, [sale("a", at="2012-12-31 12:00:00Z")]),
     InvalidPartitionError, "'2012-12-31'", "use keys such as '2013-01-01'"),
    (lambda lake: lake.given(customers, [], DAY), GivenRowsError, "has no cadence", "leave"),
    (lambda lake: lake.rows(sales, "today"), InvalidPartitionError, "'today'", "use keys"),
)  # fmt: skip


def test_what_is_asked_wrongly_is_refused(watermain_lake: TrialLake) -> None:
    """Four lines for each; nothing was written."""
    watermain_lake.know(told, sales)
    for call, kind, what, next in REFUSED:
        with pytest.raises(kind) as error:
            call(watermain_lake)
        lines = str(error.value).splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["declared", "data", "next"]
        assert what in lines[0], lines
        assert next in lines[3], lines
    assert watermain_lake.rows(sales) == []


def test_lake_is_nobody_elses(
    watermain_postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the shell says: the lake of a test lies in the test's folder alone."""
    monkeypatch.setenv("WATERMAIN_LAKE_PATH", "s3://company/lake")
    monkeypatch.setenv("WATERMAIN_S3_ENDPOINT", "https://store.example")
    before = dict(os.environ)
    with trial_lake(watermain_postgres, tmp_path / "one") as one:
        one.given(customers, [{"customer": 1, "sales": 1}])
        assert load_settings().home == tmp_path / "one"
        assert str(one.lake.folder).startswith(str(tmp_path))
    with trial_lake(watermain_postgres, tmp_path / "two") as two:
        assert two.rows(customers) == []
    assert dict(os.environ) == before


def _whole() -> Dataset:
    """Sales in one table, held to be fresh."""
    fresh = tuple(c for c in checked.checks if c.label == "fresh_at")
    return replace(checked, cadence=None, checks=fresh)


def _found(done: Publication, label: str) -> list[bool]:
    """Whether a check passed, in each partition."""
    return [f.passed for o in done.outcomes for f in o.findings if f.check == label]
