"""How far the values of a feature have moved from those that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from watermain.lake.lake import quote

BINS = 10
FLOOR = 1e-4  # the share that an empty bin counts as, for its logarithm exists not
SHIFTED = 0.25  # the population stability index that the field calls a significant shift


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How one feature's values differ between two sets of rows.

    Units: `psi` is the population stability index over ten quantile bins of the training rows and
    one for nulls, 0 when alike; `ks` is the greatest distance between both distributions, 0 to 1.
    """

    feature: str
    psi: float
    ks: float
    trained: int
    present: int

    @property
    def is_shifted(self) -> bool:
        """Whether the values have moved so far that a model should be trained anew."""
        return self.psi > SHIFTED


def drifts(
    connection: duckdb.DuckDBPyConnection, features: Sequence[str], trained: str, present: str
) -> list[Drift]:
    """Compare two relations feature by feature: numbers and booleans by size, and text by value.

    Guarantees: nulls and NaN count as a bin of their own; an empty side drifts by nothing.
    """
    return [_drift(connection, name, trained, present) for name in features]


def _drift(connection: duckdb.DuckDBPyConnection, name: str, trained: str, present: str) -> Drift:
    both = (
        f"select {_number(connection, name, trained)} as x, true as t from {trained}"
        f" union all select {_number(connection, name, present)}, false from {present}"
    )
    row = connection.execute(_SQL.format(both=both)).fetchone()
    psi, ks, n_trained, n_present = row if row else (0.0, 0.0, 0, 0)
    if not n_trained or not n_present:
        psi, ks = 0.0, 0.0
    return Drift(
        feature=name, psi=float(psi or 0), ks=float(ks or 0), trained=n_trained, present=n_present
    )


def _number(connection: duckdb.DuckDBPyConnection, name: str, relation: str) -> str:
    """A feature as a number; text by a hash, whose order means nothing but is the same on both."""
    found = connection.execute(f"select typeof({quote(name)}) from {relation} limit 1").fetchone()
    kind = str(found[0]) if found else "DOUBLE"
    if kind == "VARCHAR":
        return f"(hash({quote(name)}) % 1000000)::double"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"epoch({quote(name)}::timestamp)::double"
    double = f"{quote(name)}::double"
    return f"case when isnan({double}) then null else {double} end"


_SQL = f"""
with both_sides as ({{both}}),
sizes as (
    select count(*) filter (t) as trained, count(*) filter (not t) as present from both_sides
),
edges as (
    select coalesce(list_distinct(quantile_cont(x, [i / {BINS}.0 for i in range(1, {BINS})])), [])
        as cuts
    from both_sides where t and x is not null
),
binned as (
    select t, case when x is null then -1
        else len(list_filter(cuts, lambda c: c < x)) end as bin
    from both_sides, edges
),
shares as (
    select bin, greatest(count(*) filter (t) / nullif(any_value(trained), 0), {FLOOR}) as e,
        greatest(count(*) filter (not t) / nullif(any_value(present), 0), {FLOOR}) as a
    from binned, sizes group by bin
),
steps as (
    select x, count(*) filter (t) as e, count(*) filter (not t) as a
    from both_sides where x is not null group by x
),
known as (select nullif(sum(e), 0) as e, nullif(sum(a), 0) as a from steps),
distances as (
    select abs(sum(s.e) over w / k.e - sum(s.a) over w / k.a) as d
    from steps s, known k window w as (order by x)
)
select (select sum((a - e) * ln(a / e)) from shares), (select max(d) from distances),
    trained, present
from sizes
"""
