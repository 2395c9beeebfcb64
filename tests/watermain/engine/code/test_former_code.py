"""What an earlier release called code is called so still."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from platform_assets.operations import curated
from platform_assets.prediction import features
from platform_assets.weather import curated as weather
from watermain.declare import Column, Contract, Feature, between, check, dataset, feature_table
from watermain.declare.check import Check
from watermain.engine.code import former_code
from watermain.engine.code.former_code import former_code_version, former_definition
from watermain.engine.exchange.released import released
from watermain.engine.feature.feature_version import definition, is_defined_as
from watermain.engine.release.gate import breaches
from watermain.engine.release.release import says_former, stale, text_of

LIMIT = 1


def body(events: ibis.Table) -> ibis.Table:
    """Take what is above."""
    return events.filter(events.amount > LIMIT)


def made(*checks: Check, **words: Any) -> Any:
    """A dataset with this body."""
    contract = Contract(
        grain="one row per event",
        key=("event_id",),
        columns=(
            Column("event_id", pa.int64(), "the event"),
            Column("amount", pa.int64(), "worth"),
        ),
        **words,
    )
    inputs = {"events": "shop.raw.events"}
    declare = dataset(
        "shop.curated.copies", inputs=inputs, contract=contract, owner="team:shop", checks=checks
    )
    return declare(body)


# Told by the release before, on Python 3.11, of code that has not changed since.
THEN = [
    (curated.aircraft, "deeae06240f5d4ba"),
    (curated.airline_contacts, "9e5f18e27ba64f41"),
    (curated.airlines, "e456a140e560a01a"),
]


@pytest.mark.parametrize(("of", "then"), THEN, ids=[str(d.name) for d, _ in THEN])
def test_former_version_is_what_the_ledger_of_an_earlier_release_holds(of: Any, then: str) -> None:
    """On the only Python that such a release ran on; on another the rows are computed once more."""
    assert (former_code_version(of) == then) is (sys.version_info[:2] == (3, 11))


def test_former_version_was_blind_to_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is why it is believed but once."""
    before = former_code_version(made())
    monkeypatch.setitem(body.__globals__, "LIMIT", 2)
    assert former_code_version(made()) == before


def test_former_version_saw_what_a_contract_says() -> None:
    """Its words and its checks."""
    versions = [
        former_code_version(made()),
        former_code_version(made(version="1.0.1")),
        former_code_version(made(repeats_within=None)),
        former_code_version(made(between("amount", low=1))),
        former_code_version(made(between("amount", low=2))),
    ]
    assert versions[0] == versions[2]
    assert len(set(versions)) == 4


def test_former_version_is_none_of_what_could_not_be_declared_then() -> None:
    """A new check, or a new word of an old one."""

    @dataclass(frozen=True, kw_only=True)
    class Within(check.Between):
        """A check that no earlier release had."""

    @dataclass(frozen=True, kw_only=True)
    class Between(check.Between):
        """A check with a word that no earlier release had."""

        later: bool = False

    assert former_code_version(made(Within(column="amount", low=1))) == ""
    usual, told = Between(column="amount", low=1), Between(column="amount", low=1, later=True)
    assert former_code_version(made(usual)) == former_code_version(made(between("amount", low=1)))
    assert former_code_version(made(told)) == ""


def test_former_version_does_not_depend_on_where_an_object_lies() -> None:
    def with_default(events: ibis.Table, mark: object = object()) -> ibis.Table:
        return events

    before = former_code._meaning(with_default)
    with_default.__defaults__ = (object(),)
    assert former_code._meaning(with_default) == before


def test_former_version_does_not_depend_on_the_order_of_a_set() -> None:
    told = {former_code._constant(frozenset(order)) for order in (("b", "a"), ("a", "b"))}
    assert len(told) == 1


def test_trees_are_told_as_python_3_11_dumped_them() -> None:
    """Of every function of the rooms; later Pythons add a field, then leave out what is empty."""
    everything: Any = {"show_empty": True} if sys.version_info >= (3, 13) else {}
    for module in (curated, features, weather):
        with open(module.__file__ or "", encoding="utf-8") as text:
            tree = ast.parse(text.read())
        told = ast.dump(tree, **everything)
        assert former_code._dumped(tree) == told.replace(", type_params=[]", "")


@pytest.mark.parametrize(
    "of", [features.airport_delay, features.weather, features.congestion], ids=lambda d: str(d.name)
)
def test_released_feature_is_defined_as_then_and_as_now(of: Any) -> None:
    """A contract that was written before is no contract of something else."""
    assert definition(of) != former_definition(of) != ""
    assert is_defined_as(of, definition(of))
    assert is_defined_as(of, former_definition(of))
    assert not is_defined_as(of, "0" * 16)
    then = replace(released(of), definition=former_definition(of))
    told = list(breaches({of.name: of}, {of.name: then}, {of.name: then}, {}))
    assert [e.what for e in told if "version did not" in e.what] == []


def test_file_that_holds_the_former_definition_is_not_stale(tmp_path: Any) -> None:
    """It is written anew when somebody exports it."""
    of = features.airport_delay
    path = tmp_path / "prediction" / "features.airport_delay_v2.odcs.yaml"
    path.parent.mkdir()
    now = text_of(of)
    path.write_text(now.replace(definition(of), former_definition(of)), encoding="utf-8")
    assert list(stale({of.name: of}, tmp_path)) == []
    assert says_former(of, tmp_path)
    path.write_text(now, encoding="utf-8")
    assert not says_former(of, tmp_path)
    path.write_text(now.replace(definition(of), "0" * 16), encoding="utf-8")
    (error,) = stale({of.name: of}, tmp_path)
    assert "is released otherwise" in error.what


def test_candidate_had_no_definition() -> None:
    """Until it was current."""
    feature = Feature(entity=("event_id",), max_age=timedelta(hours=1), state="candidate")
    contract = Contract(
        grain="one row per event",
        key=("event_id", "at"),
        event_time="at",
        columns=(
            Column("event_id", pa.int64(), "the event"),
            Column("at", pa.timestamp("us", "UTC"), "when"),
        ),
    )
    declare = feature_table(
        "shop.features.copies",
        feature=feature,
        contract=contract,
        owner="team:shop",
        inputs={"events": "shop.raw.events"},
    )
    assert former_definition(declare(body)) == ""
