"""A version of a feature table stands for one definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Daily, Dataset, Feature, between, feature_table
from watermain.declare.need import needs
from watermain.engine.exchange.odcs import document
from watermain.engine.exchange.odcs_reader import read_document
from watermain.engine.exchange.released import released
from watermain.engine.feature.feature_version import definition
from watermain.engine.release.gate import breaches

INSTANT = pa.timestamp("us", "UTC")
FEATURE = Feature(entity=("airport",), max_age=timedelta(hours=3))
COLUMNS = (
    Column("airport", pa.string(), "where"),
    Column("at", INSTANT, "when"),
    Column("delay", pa.float64(), "mean", unit="minutes"),
)


def plain(moves: ibis.Table) -> ibis.Table:
    """Take over."""
    return moves.select("airport", "at", "delay")


def commented(moves: ibis.Table) -> ibis.Table:
    """Take over, said otherwise."""
    # a comment counts for nothing
    return moves.select("airport", "at", "delay")


def doubled(moves: ibis.Table) -> ibis.Table:
    """Take over."""
    return moves.select("airport", "at", delay=moves.delay * 2)


def table(
    body: Callable[..., Any] = plain,
    feature: Feature = FEATURE,
    columns: tuple[Column, ...] = COLUMNS,
    **words: Any,
) -> Dataset:
    """A feature table with some body."""
    contract = Contract(
        grain="one row per airport", key=("airport", "at"), event_time="at", columns=columns
    )
    said = {"inputs": {"moves": "shop.curated.moves"}, "cadence": Daily(), **words}
    return feature_table(
        "shop.features.delay", feature=feature, contract=contract, owner="team:shop", **said
    )(body)


@pytest.mark.parametrize(
    "same",
    [
        table(columns=(*COLUMNS[:2], replace(COLUMNS[2], description="average"))),
        table(checks=(between("delay", low=0),)),
    ],
    ids=["description", "checks"],
)
def test_words_do_not_change_a_version(same: Dataset) -> None:
    """Descriptions, checks may be mended."""
    assert definition(same) == definition(table())


@pytest.mark.parametrize(
    "other",
    [
        table(doubled),
        table(feature=replace(FEATURE, max_age=None)),
        table(columns=(*COLUMNS[:2], replace(COLUMNS[2], unit="hours"))),
        table(columns=(*COLUMNS[:2], replace(COLUMNS[2], type=pa.float32()))),
        table(inputs={"moves": "shop.curated.others"}),
        table(inputs={"moves": needs("shop.curated.moves", columns=("at",), before=timedelta(1))}),
    ],
    ids=["body", "max_age", "unit", "type", "input", "before"],
)
def test_another_meaning_is_refused_under_the_same_version(other: Dataset) -> None:
    """The gate tells it, in four lines, once."""
    was = released(table())
    known, before = {other.name: other}, {other.name: was}
    told = [e for e in breaches(known, before, before, {}) if "version did not" in e.what]
    assert len(told) == 1
    assert 'declare it beside as `version=2`, `state="candidate"`' in told[0].next
    assert "test_feature_version.py" in told[0].declared


def test_layout_does_not_count() -> None:
    """Comments, docstrings, the body's own name are not what it does."""
    assert definition(table(plain)) == definition(table(commented)) != ""


def test_candidate_may_change() -> None:
    """Until it is current."""
    candidate = replace(FEATURE, state="candidate")
    assert definition(table(feature=candidate)) == ""
    was = released(table(feature=candidate))
    other = table(doubled, feature=candidate)
    assert not list(breaches({other.name: other}, {other.name: was}, {}, {}))


def test_next_version_stands_beside() -> None:
    """Its name is another, so is its contract's file."""
    new = table(doubled, feature=replace(FEATURE, version=2))
    old = table()
    before = {old.name: released(old)}
    assert not list(breaches({old.name: old, new.name: new}, before, before, {}))
    assert new.name != old.name


def test_released_contract_holds_the_definition() -> None:
    """Written, read back."""
    (found,) = read_document(document(released(table())))
    assert found.definition == definition(table()) != ""
