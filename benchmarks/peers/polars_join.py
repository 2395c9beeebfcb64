"""Two as-of joins by Polars over Parquet files; run in an environment that has Polars.

`polars_join.py SPINE FACTS FACTS TARGET MAX_AGE_DAYS TURNS`. The facts lie in the order of time.
"""

import json
import sys
import time

import polars as pl


def joined(spine, visits, signals, max_age):
    """The spine, in the order of time, with the features of both tables."""
    rows = pl.read_parquet(spine).sort("event_time")
    for path, by, prefix, features in (
        (visits, "shop", "visits", ["x", "y", "z"]),
        (signals, "device", "signals", ["u", "v", "w"]),
    ):
        facts = pl.read_parquet(path, columns=[by, "event_at", *features])
        facts = facts.with_columns(pl.col("event_at").set_sorted())
        facts = facts.rename({n: f"{prefix}__{n}" for n in ("event_at", *features)})
        rows = rows.join_asof(
            facts,
            left_on="event_time",
            right_on=f"{prefix}__event_at",
            by=by,
            tolerance=max_age,
            check_sortedness=False,
        )
    return rows


def main(*words):
    """Tell the seconds of each turn; write the last one's rows."""
    spine, visits, signals, target, days, turns = words
    seconds = []
    for _ in range(int(turns)):
        began = time.perf_counter()
        rows = joined(spine, visits, signals, f"{days}d")
        seconds.append(time.perf_counter() - began)
    rows.select("row", pl.col("^.*__[a-z]$")).sort("row").write_parquet(target)
    print(json.dumps({"seconds": seconds, "rows": rows.height}))


if __name__ == "__main__":
    main(*sys.argv[1:])
