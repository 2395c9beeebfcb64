"""Twenty checks beside hand-fused SQL, a new day beside the year, a split beside none.

Equal: the table, its rows, the engine and a warm process; the peer's SQL counts the same
failures: eight columns without nulls, three sets, four ranges and two patterns in one scan, then
the key, and then two references. Both give exact counts.
Not equal, on purpose: ours counts for each of 365 days, but ours may read the footers of the files.
"A new day" proves the key and the references of one more day against the whole year; its peer is
our own audit of the whole table. "Publish" with checks, of which the row rules put one row of a
thousand aside, has the same publish without any check as its peer.
Run it: `python -m benchmarks.checks`, with `--rows 300000` for a short one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from benchmarks.fixtures import lines
from benchmarks.fixtures.check_peers import peers
from benchmarks.fixtures.claim import Figure, measure
from watermain.declare import Dataset
from watermain.engine.audit.audit import audit
from watermain.engine.publish.publish import publish
from watermain.engine.table.staged import Staged
from watermain.lake.lake import Lake, quote, table, text

ROWS = 18_000_000
TARGET = table(lines.lines.name)
LAST = "2013-12-31"
LIMITS = {"Soda 4": 0.75, "dbt test": 0.4, "Great Expectations on pandas": 1 / 4}


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def files(
    connection: duckdb.DuckDBPyConnection, name: str = "lines", schema: str = "shop_curated"
) -> set[str]:
    """The files that hold a table, which is the published one unless told otherwise."""
    found = connection.execute(
        f"select data_file from ducklake_list_files('lake', '{name}', schema => '{schema}')"
    ).fetchall()
    return {str(row[0]) for row in found}


def ours(lake: Lake, own: set[str], rows: int, first: str = "2013-01-01") -> None:
    """Audit days as if they had just been written into the files: all, or one against all."""
    days = lines.span(first, LAST)
    of = Staged(
        dataset=lines.lines,
        relation=TARGET,
        where=days.filter(lines.CONTRACT),
        span=days,
        others=table,
        files=tuple(sorted(own)),
        written=rows,
        history=first == LAST,
    )
    with transaction(lake) as connection:
        counts, findings = audit(connection, of, days.keys)
        assert sum(counts.values()) == rows
        assert all(f.passed for f in findings), [f for f in findings if not f.passed][:3]


@contextmanager
def transaction(lake: Lake) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both sides read in one transaction, as a publish does."""
    with lake.get_connection() as connection:
        connection.execute("begin")
        yield connection
        connection.execute("rollback")


def fused(lake: Lake) -> None:
    """Count the same failures by hand."""
    rules = [f"{quote(n)} is null" for n in lines.NEEDED]
    rules += [f"{quote(n)} not in ({', '.join(map(text, of))})" for n, of in lines.SETS.items()]
    rules += [f"{quote(n)} not between {a} and {b}" for n, (a, b) in lines.RANGES.items()]
    rules += [f"not regexp_full_match({quote(n)}, {text(p)})" for n, p in lines.PATTERNS.items()]
    counts = ", ".join(f"count(*) filter ({rule})" for rule in rules)
    with transaction(lake) as connection:
        asked = [
            f"select count(*) - count(distinct line_id), {counts} from {TARGET}",
            *(
                f"select count({n}) from {TARGET} anti join lake.shop_raw.{t} using ({n})"
                for n, t in lines.REFERENCES.items()
            ),
        ]
        for sql in asked:
            assert not any(connection.execute(sql).fetchone() or (1,))


def published(shop: lines.Shop, dataset: Dataset) -> float:
    """Seconds of a publish of the whole year into an empty table."""
    with shop.lake.get_connection() as connection:
        connection.execute(f"drop table if exists {TARGET}")
        connection.execute("delete from lake.upkeep_raw.publishes")
    return seconds(lambda: publish(dataset, lines.span(), shop.job()).refuse_blocked())


def beside(shop: lines.Shop, mine: float) -> list[Figure]:
    """Our seconds for the whole table beside those of other tools."""
    with shop.lake.get_connection() as connection:
        held = {"lines": sorted(files(connection))}
        held |= {t: sorted(files(connection, t, "shop_raw")) for t in lines.REFERENCES.values()}
    with TemporaryDirectory(prefix="watermain-peers-") as folder:
        found = peers(Path(folder), held)
    claim = f"20 checks on {shop.rows:,} rows beside"
    return [Figure(f"{claim} {t}, seconds", mine, found[t], LIMITS[t]) for t in LIMITS]


def checked(rows: int) -> list[Figure]:
    """The whole table, then its last day alone, and then other tools."""
    with lines.shop(rows) as shop:
        bare = lines.without_checks()
        publish(bare, lines.span(last="2013-12-30"), shop.job())
        with shop.lake.get_connection() as connection:
            before = files(connection)
        day = publish(bare, lines.span(LAST), shop.job()).outcomes[0].rows_out
        with shop.lake.get_connection() as connection:
            every = files(connection)
        whole = measure(
            f"20 checks on {rows:,} rows beside hand-fused SQL, seconds",
            lambda: seconds(lambda: ours(shop.lake, every, rows)),
            lambda: seconds(lambda: fused(shop.lake)),
            limit=1.1,
            turns=3,
        )
        one = measure(
            f"the same after one new day of {rows:,} rows beside the whole table, seconds",
            lambda: seconds(lambda: ours(shop.lake, every - before, day, LAST)),
            lambda: seconds(lambda: ours(shop.lake, every, rows)),
            limit=1 / 20,
            turns=3,
        )
        others = [] if "--no-peers" in sys.argv else beside(shop, whole.ours)
    return [whole, one, *others]


def split(rows: int) -> Figure:
    """A publish with twenty checks that puts rows aside beside one without any check."""
    with lines.shop(rows, broken=True) as shop:
        strict = replace(lines.lines, checks=lines.checks("quarantine"))
        return measure(
            f"publish of {rows:,} rows with 20 checks with a split beside none, seconds",
            lambda: published(shop, strict),
            lambda: published(shop, lines.without_checks()),
            limit=1.25,
            turns=3,
        )


def main() -> int:
    """Print all."""
    rows = int(sys.argv[sys.argv.index("--rows") + 1]) if "--rows" in sys.argv else ROWS
    missed = 0
    for figure in checked(rows):
        missed |= figure.tell()
    missed |= split(rows).tell()
    return missed


if __name__ == "__main__":
    sys.exit(main())
