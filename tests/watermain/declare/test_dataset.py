"""Declarations: words that fit together, errors that say which do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from watermain.declare import (
    Column,
    Contract,
    Daily,
    Dataset,
    DatasetName,
    Files,
    Platform,
    Postgres,
    Slo,
    accepted_values,
    between,
    dataset,
    expression,
    latest_per_key,
    matches,
    not_null,
    raw,
    refers_to,
    row_count,
)
from watermain.declare.body.mart import Mart
from watermain.declare.errors import InvalidDeclarationError

CONTRACT = Contract(
    grain="one row per thing",
    key=("id",),
    columns=(
        Column("id", pa.string(), "the thing"),
        Column("n", pa.int64(), "how many", nullable=False),
    ),
)


def things(events: ibis.Table) -> ibis.Table:
    """Pass the events on."""
    return events


def declare(name: str = "shop.curated.things", body: Any = things, **words: Any) -> Dataset:
    good: dict[str, Any] = {
        "contract": CONTRACT,
        "owner": "team:shop",
        "inputs": {"events": "shop.raw.events"},
    }
    made: Dataset = dataset(name, **{**good, **words})(body)
    return made


def test_dataset_remembers_where_it_is_declared_and_what_it_says() -> None:
    """The place is a file with a line; the description is the body's docstring."""
    made = declare()
    assert made.declared.startswith("tests/watermain/declare/test_dataset.py:")
    assert made.description == "Pass the events on."
    assert made.inputs == {"events": DatasetName("shop", "raw", "events")}


def test_dataset_body_runs_on_tables_of_ones_own() -> None:
    """A body needs two rows, no Dagster."""
    given = ibis.memtable(
        {"id": ["a", "a", "b"], "n": [1, 2, 3], "_op": ["i", "u", "i"], "_lsn": [1, 2, 3],
         "_seq": [0, 0, 0]}
    )  # fmt: skip
    made = declare(body=lambda events: latest_per_key(events, "id"))
    found = made(given).order_by("id").to_pyarrow().to_pylist()
    assert found == [{"id": "a", "n": 2}, {"id": "b", "n": 3}]


def test_latest_per_key_drops_what_was_deleted() -> None:
    """A delete is the latest state of its key."""
    given = ibis.memtable(
        {"id": ["a", "a", "b"], "_op": ["i", "d", "i"], "_lsn": [1, 1, 1], "_seq": [0, 1, 2]}
    )
    assert latest_per_key(given, "id").to_pyarrow().to_pylist() == [{"id": "b"}]


def test_dataset_checks_what_its_contract_implies() -> None:
    """Key columns have values, the key is unique, so are columns that say so."""
    assert [c.label for c in declare().all_checks] == [
        "not_null_id",
        "not_null_n",
        "unique_key_id",
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"owner": "somebody"}, "owner 'somebody' is nobody"),
        ({"cadence": Daily()}, "a cadence needs the contract's event time"),
        ({"checks": (not_null("m"),)}, "not_null_m names no column"),
        ({"checks": (between("n", low=0), between("n", high=1))}, "`between_n` stands twice"),
        ({"inputs": {"other": "shop.raw.events"}}, "the body takes `events`"),
        ({"name": "Shop.curated.things"}, "is not `team.stage.table`"),
        ({"name": "shop.silver.things"}, "is not `team.stage.table`"),
        ({"name": "things"}, "is not `team.stage.table`"),
        ({"inputs": {"events": "shop.raw"}}, "is not `team.stage.table`"),
    ],
)
def test_dataset_refuses_words_that_do_not_fit(words: dict[str, Any], says: str) -> None:
    """Four lines: what, where, state of the data, what to do."""
    with pytest.raises(InvalidDeclarationError, match=says) as refused:
        declare(**words)
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: between("n"),
        lambda: between("n", low=2, high=1),
        lambda: not_null("n", severity="loud"),  # type: ignore[arg-type]
        lambda: refers_to("n", "nowhere"),
        lambda: Slo(ready_within=timedelta(0)),
        Slo,
        lambda: Postgres(connection="db", table="flights"),
        lambda: Files(connection="drop", pattern="*", format="xml"),  # type: ignore[arg-type]
        lambda: Files(
            connection="drop",
            pattern="*",
            format="csv",
            compression="zip",  # type: ignore[arg-type]
        ),
        lambda: Files(connection="drop", pattern="*", format="csv", fields={"a": "b.c"}),
        lambda: Files(connection="drop", pattern="*", format="json", fields={"a": "b..c"}),
    ],
)
def test_words_refuse_values_without_meaning(make: Any) -> None:
    """Each word says what it takes."""
    with pytest.raises(InvalidDeclarationError):
        make()


def test_check_labels_are_the_field_s_words() -> None:
    """A label names the rule with its column."""
    checks = (
        not_null("n"),
        accepted_values("n", (1, 2)),
        between("n", low=0),
        matches("id", "[a-z]+"),
        refers_to("id", "shop.curated.others"),
        row_count(low=1),
        expression("n_is_even", "n % 2 = 0"),
    )
    assert [c.label for c in checks] == [
        "not_null_n",
        "accepted_values_n",
        "between_n",
        "matches_id",
        "refers_to_id",
        "row_count",
        "n_is_even",
    ]


def test_dataset_is_computed_captured_or_the_platform_s() -> None:
    """Each is one of the three; only those with a source have a kind of it."""
    words: dict[str, Any] = {"contract": CONTRACT, "owner": "team:shop"}
    found = [
        declare(),
        raw(
            "shop.raw.files",
            source=Files(connection="drop", pattern="*.csv", format="csv"),
            **words,
        ),
        raw("shop.raw.rows", source=Platform(table="publishes"), **words),
    ]
    assert [d.is_computed for d in found] == [True, False, False]
    assert [d.is_captured for d in found] == [False, True, False]
    assert [d.is_platforms for d in found] == [False, False, True]
    assert [d.source_kind for d in found] == ["", "files", "platform"]


def test_mart_tells_why_it_is_wrong() -> None:
    """Any other dataset has nothing to tell; refusing it changes nothing."""
    assert declare().broken is None
    declare().refuse_broken()
    assert replace(declare(), mart=Mart(sql="select 1")).broken is None
    assert replace(declare(), mart=Mart(sql="select null", broken="why")).broken == "why"


def test_raw_is_declared_where_it_stands() -> None:
    """A raw dataset has a source, no body."""
    made = raw(
        "shop.raw.things",
        source=Postgres(connection="shop", table="public.things"),
        contract=CONTRACT,
        owner="team:shop",
    )
    assert made.declared.startswith("tests/watermain/declare/test_dataset.py:")
    with pytest.raises(TypeError, match="captured from a source"):
        made()


@pytest.mark.parametrize(
    ("word", "told"),
    [({"drift": "ignore"}, "drift 'ignore' is unknown"), ({}, "`_extra` is where unknown")],
)
def test_raw_says_what_it_does_about_unknown_columns(word: dict[str, Any], told: str) -> None:
    """One of three words; the column that holds what is unknown is ours."""
    columns = () if word else (Column("_Extra", pa.string(), "more"),)
    contract = replace(CONTRACT, columns=(*CONTRACT.columns, *columns), **word)
    with pytest.raises(InvalidDeclarationError, match=told):
        raw(
            "shop.raw.things",
            source=Files(connection="drop", pattern="*.csv", format="csv"),
            contract=contract,
            owner="team:shop",
        )


def test_computed_dataset_knows_no_drift() -> None:
    """Its columns are those of its body."""
    with pytest.raises(InvalidDeclarationError, match="is for what a source shows"):
        declare(contract=replace(CONTRACT, drift="freeze"))
