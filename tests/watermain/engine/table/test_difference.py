"""Two versions of a table, told apart exactly."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.watermain.engine.shop import DAYS, give, job, read, sales
from watermain.cli.look.diff import markdown
from watermain.engine.publish.canary import Canary, canary
from watermain.engine.table.difference import difference
from watermain.engine.table.partition import Span
from watermain.engine.table.staged import Finding
from watermain.lake import branch
from watermain.lake.lake import Lake

KEYED = sales([])
ROWS = st.dictionaries(
    st.sampled_from([f"k{n}" for n in range(8)]),
    st.tuples(st.sampled_from([None, 1, 2]), st.sampled_from([None, "x", "y"])),
)


@settings(max_examples=60, deadline=None)
@given(old=ROWS, new=ROWS, turned=st.booleans())
def test_difference_counts_what_dictionaries_say(
    old: dict[str, tuple[object, object]], new: dict[str, tuple[object, object]], turned: bool
) -> None:
    """Whatever the order in which the rows lie."""
    with duckdb.connect() as connection:
        for name, rows in (("old", old), ("new", new)):
            connection.execute(f"create table {name} (id varchar, amount bigint, buyer varchar)")
            listed = sorted(rows.items(), reverse=turned and name == "new")
            for key, values in listed:
                connection.execute(f"insert into {name} values (?, ?, ?)", [key, *values])
        told = difference(connection, KEYED, "old", "new")
    both = old.keys() & new.keys()
    assert (told.before, told.after) == (len(old), len(new))
    assert told.added == len(new.keys() - old.keys())
    assert told.removed == len(old.keys() - new.keys())
    assert told.changed == sum(old[k] != new[k] for k in both)
    assert dict(told.columns) == {
        name: count
        for at, name in enumerate(("amount", "buyer"))
        if (count := sum(old[k][at] != new[k][at] for k in both))
    }
    assert told.is_empty == (old == new)


def test_difference_shows_samples_but_no_sensitive_value() -> None:
    """A buyer is a person: that it changed is told, not to what."""
    with duckdb.connect() as connection:
        connection.execute("create table old as select 'a' as id, 1 as amount, 'Ann' as buyer")
        connection.execute("create table new as select 'a' as id, 2 as amount, 'Bob' as buyer")
        told = difference(connection, KEYED, "old", "new")
    assert told.samples == (
        {
            "row": "changed",
            "key": {"id": "a"},
            "values": {"amount": [1, 2], "buyer": ["***", "***"]},
        },
    )


def test_difference_tells_of_columns() -> None:
    """One came, one went, one has another type."""
    with duckdb.connect() as connection:
        connection.execute("create table old as select 'a' as id, 1::int as amount, 2 as gone")
        connection.execute("create table new as select 'a' as id, 1::bigint as amount, 3 as fresh")
        told = difference(connection, KEYED, "old", "new")
    assert told.gained == {"fresh": "INTEGER"}
    assert told.lost == {"gone": "INTEGER"}
    assert told.retyped == {"amount": ("INTEGER", "BIGINT")}
    assert (told.changed, told.is_empty) == (0, False)


def test_canary_shows_changed_code_before_anybody_sees_it(lake: Lake) -> None:
    """Rows, columns, checks; readers keep what they had, the branch is gone."""
    give(lake, sales([("a", 1, 1), ("b", 2, 2)]))
    changed = sales([("a", 1, 5), ("c", 2, 3)])
    told = canary(changed, Span(DAYS, "2013-01-01", "2013-01-02"), job(lake, changed))
    change = told.difference
    assert (change.before, change.after) == (2, 2)
    assert (change.added, change.removed, change.changed) == (1, 1, 1)
    assert change.columns == {"amount": 1}
    assert not told.blocked
    assert read(lake) == [("a", 1), ("b", 2)]
    assert branch.branches(lake) == []


@pytest.mark.parametrize("standing", [True, False])
def test_canary_tells_what_a_check_would_refuse(standing: bool, lake: Lake) -> None:
    """Also of a dataset that was never published."""
    if standing:
        give(lake, sales([("a", 1, 1)]), "2013-01-01", "2013-01-01")
    broken = sales([("a", 1, -1)])
    told = canary(broken, Span(DAYS, "2013-01-01", "2013-01-01"), job(lake, broken))
    assert told.blocked
    assert {f.check: f.failing for f in told.findings if f.failing} == {"between_amount": 1}
    assert branch.branches(lake) == []


@pytest.mark.parametrize("amount", [2, -2])
def test_comment_on_a_pull_request_shows_no_sensitive_value(amount: int) -> None:
    """Blocks apart by one empty line each, however much there is to tell."""
    with duckdb.connect() as connection:
        connection.execute("create table old as select 'a' as id, 1 as amount, 'Ann' as buyer")
        connection.execute(
            f"create table new as select 'a' as id, {amount} as amount, 'Bob' as buyer"
        )
        told = difference(connection, KEYED, "old", "new")
    failing = Finding("between_amount", "", int(amount < 0), 1, "block")
    shown = markdown(Canary(dataset=KEYED, partitions=("",), difference=told, findings=(failing,)))
    check = ["- check `between_amount` fails for 1 rows"] if amount < 0 else []
    assert shown.splitlines() == [
        "### `shop.curated.sales`",
        "",
        "| rows before | after | added | removed | changed |",
        "|---|---|---|---|---|",
        "| 1 | 1 | 0 | 0 | 1 |",
        "",
        "- column `amount`: 1 values differ",
        "- column `buyer`: 1 values differ",
        *check,
        "",
        f"    changed  id=a  amount: 1 -> {amount}; buyer: *** -> ***",
    ]
    same = replace(told, changed=0, columns={}, samples=())
    bare = markdown(Canary(dataset=KEYED, partitions=("",), difference=same, findings=()))
    assert bare.splitlines()[-1] == "| 1 | 1 | 0 | 0 | 0 |"
