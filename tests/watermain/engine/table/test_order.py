"""What a check refers to stands before the rows that refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from watermain.cli.run.plan import downstream, runs, upstream
from watermain.clock import Clock
from watermain.declare import (
    Check,
    Column,
    Contract,
    Dataset,
    DatasetName,
    dataset,
    needs,
    refers_to,
    unique,
)
from watermain.declare.errors import (
    BrokenContractError,
    InvalidDeclarationError,
)
from watermain.engine.plan.planner import PlanCursor, Planner
from watermain.engine.plan.survey import Around
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.engine.table.order import refuse_circles
from watermain.lake.lake import Lake
from watermain.orchestrate import location
from watermain.orchestrate.asset import asset_for

N = DatasetName.parse
CONTRACT = Contract(
    grain="one row per flight",
    key=("id",),
    columns=(
        Column("id", pa.int64(), "the row"),
        Column("carrier", pa.string(), "whose"),
        Column("number", pa.int32(), "which"),
    ),
)


def table_of(name: str, rows: list[tuple[Any, ...]], *checks: Check, **inputs: Any) -> Dataset:
    """A dataset of flights, each an id, a carrier, a number."""

    def body(**given: Any) -> pa.Table:
        columns = zip(*rows, strict=True) if rows else [[], [], []]
        return pa.table([pa.array(list(c)) for c in columns], names=["id", "carrier", "number"])

    made: Dataset = dataset(
        name, contract=CONTRACT, owner="team:shop", checks=checks, inputs=inputs
    )(_named(body, inputs))
    return made


def _named(body: Any, inputs: Mapping[str, Any]) -> Any:
    """The body with a parameter for each input."""

    def alone() -> pa.Table:
        return body()

    def reading(given: object) -> pa.Table:
        return body()

    return reading if inputs else alone


KNOWN = table_of("shop.curated.known", [(1, "AA", 1), (2, "BB", 2)])
BOTH = refers_to(("carrier", "number"), "shop.curated.known")


def everything(*made: Dataset) -> dict[DatasetName, Dataset]:
    """The datasets by name."""
    return {d.name: d for d in made}


def give(lake: Lake, made: Dataset, *others: Dataset) -> Publication:
    """Publish one whole table."""
    job = Job(lake=lake, find=everything(made, *others).__getitem__, run_id="test", rebuild=True)
    return publish(made, None, job)


def test_reference_orders_runs_and_counts_as_upstream() -> None:
    """A run of its own room has the referred table first; other rooms' come before."""
    flights = table_of("shop.curated.a_flights", [], refers_to("carrier", "shop.curated.known"))
    abroad = table_of("other.curated.flights", [], BOTH)
    known = everything(abroad, flights, KNOWN)
    assert [r.names for r in runs(known, None)] == [
        (KNOWN.name, flights.name),
        (abroad.name,),
    ]
    assert upstream(flights.name, known) == {flights.name, KNOWN.name}
    assert downstream(KNOWN.name, known) == [abroad.name, flights.name]
    asset = asset_for(flights, known.__getitem__)
    assert isinstance(asset, dg.AssetsDefinition)
    assert {d.asset_key.path[-1] for s in asset.specs for d in s.deps} == {"known"}


def test_reference_of_a_need_orders_too() -> None:
    """The reader audits the guarantee itself, so it reads the referred table."""
    wanted = needs(
        "shop.raw.flights",
        columns={"carrier": pa.string()},
        guarantees=(refers_to("carrier", "shop.curated.known"),),
    )
    reader = table_of("shop.curated.reader", [], given=wanted)
    assert reader.references == (KNOWN.name,)
    assert reader.upstream == (N("shop.raw.flights"), KNOWN.name)


def test_reference_to_itself_is_no_circle(lake: Lake) -> None:
    """Such as a parent in the same table: the rows that are being published are looked at."""
    tree = table_of(
        "shop.curated.tree",
        [(1, "AA", 1), (2, "AA", None), (3, "AA", 9)],
        refers_to("number", "shop.curated.tree", other="id"),
    )
    refuse_circles(everything(tree))
    assert tree.upstream == ()
    done = give(lake, tree)
    (found,) = [f for f in done.outcomes[0].findings if f.check == "refers_to_number"]
    assert found.failing == 1


def test_circle_of_references_is_refused_where_it_is_declared() -> None:
    """Each would wait for the other."""
    one = table_of("shop.curated.one", [], refers_to("carrier", "shop.curated.two"))
    two = table_of("shop.curated.two", [], given="shop.curated.one")
    with pytest.raises(InvalidDeclarationError, match="waits for itself: ") as refused:
        refuse_circles(everything(one, two))
    assert refused.value.declared == one.declared
    assert refused.value.next == (
        "take the check of shop.curated.one that refers to shop.curated.two away"
    )
    with pytest.raises(InvalidDeclarationError, match="waits for itself"):
        runs(everything(one, two), None)


@pytest.mark.parametrize(
    ("rows", "failing"),
    [
        ([(1, "AA", 1), (2, "BB", 2)], 0),
        ([(1, "AA", 2), (2, "BB", 1), (3, "AA", 1)], 2),
        ([(1, None, 2), (2, "BB", None), (3, None, None)], 0),
        ([(1, "CC", 1), (2, None, 7), (3, "CC", 1)], 2),
    ],
)
def test_columns_refer_together(lake: Lake, rows: list[tuple[Any, ...]], failing: int) -> None:
    """Each value stands there, yet not the pair; a row that lacks one refers to nothing."""
    give(lake, KNOWN)
    done = give(lake, table_of("shop.curated.flights", rows, BOTH), KNOWN)
    (found,) = [f for f in done.outcomes[0].findings if f.check == "refers_to_carrier_number"]
    assert (found.failing, found.rows) == (failing, len(rows))


def test_columns_refer_to_others_by_place(lake: Lake) -> None:
    """`other` names them in the same order."""
    give(lake, KNOWN)
    turned = refers_to(("number", "carrier"), "shop.curated.known", other=("id", "carrier"))
    done = give(lake, table_of("shop.curated.flights", [(1, "BB", 2), (2, "AA", 2)], turned), KNOWN)
    (found,) = [f for f in done.outcomes[0].findings if f.check == "refers_to_number_carrier"]
    assert found.failing == 1


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (("a", "b"), "a"),
        (("a", "b"), ("a",)),
        ((), ()),
        (("a", "a"), ("x", "y")),
        ("a", ("x", "y")),
    ],
)
def test_reference_of_columns_that_do_not_pair_is_refused(own: Any, other: Any) -> None:
    """As many there as here, each once."""
    with pytest.raises(InvalidDeclarationError, match="columns against"):
        refers_to(own, "shop.curated.known", other=other)


def test_reference_to_a_column_that_the_contract_lacks_is_refused() -> None:
    """Each of several is looked for."""
    with pytest.raises(InvalidDeclarationError, match="refers_to_carrier_gate names no column"):
        table_of("shop.curated.flights", [], refers_to(("carrier", "gate"), "shop.curated.known"))


def test_reference_to_what_was_never_published_says_so(lake: Lake) -> None:
    """In four lines, not in the engine's words."""
    made = table_of("shop.curated.flights", [(1, "AA", 1)], BOTH)
    with pytest.raises(BrokenContractError) as refused:
        give(lake, made, KNOWN)
    assert refused.value.what == (
        "shop.curated.flights: its checks refer to shop.curated.known, of which nothing was ever"
        " published"
    )
    assert refused.value.next == "watermain materialize shop.curated.known"


def test_error_of_a_first_publish_speaks_of_no_snapshot(lake: Lake) -> None:
    """Readers see nothing of what was never published; later they do."""
    give(lake, KNOWN)
    good = table_of("shop.curated.flights", [(1, "AA", 1)], BOTH)
    bad = table_of("shop.curated.flights", [(1, "ZZ", 1)], BOTH)
    with pytest.raises(BrokenContractError) as first:
        give(lake, bad, KNOWN).refuse_blocked()
    assert first.value.data == "not published; nothing of it was ever published"
    seen = give(lake, good, KNOWN)
    seen.refuse_blocked()
    with pytest.raises(BrokenContractError) as second:
        give(lake, bad, KNOWN).refuse_blocked()
    assert second.value.data == (
        f"not published; readers still see snapshot {seen.output_snapshot} of it"
    )


def test_planner_waits_for_a_referred_table_but_not_for_its_news(lake: Lake) -> None:
    """It must stand once; each change of it would ask for every partition of its readers."""
    refers = refers_to("carrier", "shop.curated.known")
    flights = table_of("shop.curated.flights", [(1, "AA", 1)], refers, given="shop.curated.given")
    given = table_of("shop.curated.given", [(1, "AA", 1)])
    known = everything(flights, given, KNOWN)
    planner = Planner.of(known, "shop", lambda _: False)
    now, cursor = Clock().now(), PlanCursor()

    def asked(*news: Dataset) -> bool:
        """Whether the flights are asked for, after news of some tables."""
        nonlocal cursor
        for made in news:
            give(lake, made, *(d for d in known.values() if d is not made)).refuse_blocked()
        around = Around(now=now + timedelta(hours=1))
        found = planner.look(lake, cursor, lambda: around, around.now)
        cursor = found.cursor
        return any(flights.name in r.names for r in found.requests)

    assert not asked()
    assert not asked(given)
    assert asked(KNOWN)
    assert not asked(flights)
    assert not asked(KNOWN)


def test_room_with_a_circle_of_references_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Dagster would see a circle of its own, or none across rooms."""
    one = table_of("shop.curated.one", [], refers_to("carrier", "depot.curated.two"))
    two = table_of("depot.curated.two", [], given="shop.curated.one")
    rooms = {"shop": (one,), "depot": (two,)}
    for asked in ("declared", "known_of"):
        monkeypatch.setattr(location, asked, rooms.__getitem__)
    monkeypatch.setattr(location, "teams", lambda: tuple(rooms))
    monkeypatch.setattr(location, "find", everything(one, two).__getitem__)
    with pytest.raises(InvalidDeclarationError, match="waits for itself") as refused:
        location.code_location("shop")
    assert refused.value.declared == one.declared


@pytest.mark.parametrize(
    ("words", "failing"),
    [({}, 2), ({"nulls_repeat": False}, 0), ({"blanks_repeat": False}, 1)],
)
def test_rows_that_lack_a_part_of_a_key_count_as_told(
    lake: Lake, words: dict[str, bool], failing: int
) -> None:
    """Two rows lack one column alike, two lack both; none is whole twice."""
    rows = [(1, "AA", None), (2, "AA", None), (3, None, None), (4, None, None), (5, "AA", 1)]
    done = give(lake, table_of("shop.curated.flights", rows, unique("carrier", "number", **words)))
    (found,) = [f for f in done.outcomes[0].findings if f.check == "unique_key_carrier_number"]
    assert found.failing == failing
