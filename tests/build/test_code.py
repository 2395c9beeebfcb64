"""The fingerprint of a dataset's code counts what decides its rows, nothing else."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from platform_assets.build import code
from platform_assets.build.code import code_version
from platform_assets.declare import Column, Contract, dataset, not_null
from platform_assets.declare.check import Check

CONTRACT = Contract(
    grain="one row per event",
    key=("event_id",),
    columns=(
        Column("event_id", pa.int64(), "the event"),
        Column("amount", pa.int64(), "what it is worth"),
    ),
)


def version(body: object, checks: tuple[Check, ...] = ()) -> str:
    """The version of a dataset with this body."""
    declare = dataset(
        "shop.curated.copies",
        inputs={"events": "shop.raw.events"},
        contract=CONTRACT,
        checks=checks,
        owner="team:shop",
    )
    return code_version(declare(body))  # type: ignore[arg-type]


def plain(events: ibis.Table) -> ibis.Table:
    """Take all."""
    return events.filter(events.amount > 1)


def reworded(events: ibis.Table) -> ibis.Table:
    """Take everything there is."""
    # a comment
    return events.filter(
        events.amount > 1,
    )


def changed(events: ibis.Table) -> ibis.Table:
    """Take all."""
    return events.filter(events.amount > 2)


def test_code_version_stays_when_words_or_layout_change() -> None:
    assert version(plain) == version(reworded)


@pytest.mark.parametrize(
    "other",
    [
        changed,
        lambda events: events.filter(events.total > 1),
        lambda events: events,
    ],
)
def test_code_version_changes_with_constants_names_or_calls(other: object) -> None:
    assert version(plain) != version(other)


def test_code_version_changes_with_a_check() -> None:
    assert version(plain) != version(plain, (not_null("amount"),))


def test_code_version_changes_with_a_function_that_the_body_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Functions of the platform count wherever the body reaches them."""

    def through(events: ibis.Table) -> ibis.Table:
        return _constant(events)  # type: ignore[name-defined, no-any-return]  # noqa: F821

    through.__globals__["_constant"] = code._constant
    before = version(through)
    monkeypatch.setitem(through.__globals__, "_constant", code._compiled)
    assert version(through) != before
    monkeypatch.undo()
    assert version(through) == before
    del through.__globals__["_constant"]


def test_code_version_does_not_depend_on_the_order_of_a_set() -> None:
    assert code._constant(frozenset(("b", "a"))) == code._constant(frozenset(("a", "b")))


def test_code_version_does_not_depend_on_where_an_object_lies() -> None:
    """A default that is written with its address is the same in another process."""

    def body(events: ibis.Table, mark: object = object()) -> ibis.Table:
        return events

    before = code._meaning(body)
    body.__defaults__ = (object(),)
    assert code._meaning(body) == before
