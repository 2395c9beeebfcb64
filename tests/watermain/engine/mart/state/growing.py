"""A dbt project of models that grow, with its sources in rounds."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from watermain.declare import Column, Contract, Dataset, dataset
from watermain.lake.lake import Lake
from watermain.settings import child_environment
from watermain.testing import TrialLake

Row = tuple[Any, ...]
Rows = Sequence[Mapping[str, Any]]
STAMPS = ("dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
TEAM = "operations"
PLACE = f"models/marts/{TEAM}"
EVENTS = (
    ("id", pa.int64()),
    ("who", pa.string()),
    ("amount", pa.int64()),
    ("moment", pa.timestamp("us")),
)
PEOPLE = (
    *(("id", pa.int64()), ("region", pa.string()), ("name", pa.string())),
    ("updated_at", pa.timestamp("us")),
)
READ = (
    "select id, who, amount, moment, cast(moment as date) as on_day"
    ' from {{ source("curated", "events") }}'
)
SINCE = "{% if is_incremental() %} where moment > (select max(moment) from {{ this }}) {% endif %}"
AGAIN = (
    "{% if is_incremental() %} where moment >="
    " (select max(moment) from {{ this }}) - interval 1 day {% endif %}"
)
PEOPLE_READ = 'select * from {{ source("curated", "people") }}'


def at(day: int, hour: int = 0) -> datetime:
    """An instant of January 2024."""
    return datetime(2024, 1, day, hour)


ROUNDS: Sequence[Mapping[str, Sequence[Row]]] = (
    {
        "events": [
            (1, "ann", 10, at(1, 8)),
            (2, "bob", 20, at(1, 9)),
            (3, "ann", 30, at(2, 8)),
            (4, None, 400, at(2, 9)),
        ],
        "people": [
            (1, "eu", "ann", at(1)),
            (2, "eu", "bob", at(1)),
            (3, "us", "cid", at(1)),
            (4, "us", None, at(1)),
        ],
    },
    {
        "events": [
            (1, "ann", 10, at(1, 8)),
            (2, "bob", 20, at(1, 9)),
            (3, "ann", 33, at(2, 8)),
            (4, None, 400, at(2, 9)),
            (5, "bob", 50, at(2, 10)),
            (6, "eve", 60, at(3, 8)),
            (7, "eve", 70, at(1, 23)),
        ],
        "people": [
            (1, "eu", "anna", at(2)),
            (2, "eu", "bob", at(1)),
            (4, "us", "dan", at(2, 1)),
            (5, "us", "eve", at(2)),
        ],
    },
    {
        "events": [
            (1, "ann", 11, at(1, 8)),
            (3, "ann", 33, at(2, 8)),
            (5, "bob", 55, at(2, 10)),
            (6, "eve", 66, at(3, 8)),
            (7, "eve", 70, at(1, 23)),
            (8, "ann", 80, at(4, 8)),
            (9, None, 90, at(3, 12)),
        ],
        "people": [
            (1, "eu", "anna", at(2)),
            (2, "us", "bob", at(3)),
            (3, "us", "cid", at(3, 1)),
            (5, "us", None, at(2)),
        ],
    },
)


def model(how: str, sql: str) -> str:
    """The text of an incremental model."""
    return f"{{{{ config(materialized='incremental', {how}) }}}}\n{sql}"


KEPT = (
    'select id, amount, moment, 1 as first_amount from {{ source("curated", "events") }}'
    "{% if is_incremental() %} where amount > 10{% endif %}"
)
BATCH = 'select id, who, amount, moment from {{ source("curated", "events") }}'
MICRO = "incremental_strategy='microbatch', event_time='moment', begin='2024-01-01', "
MODELS: Mapping[str, str] = {
    "appended": model("incremental_strategy='append'", f"{READ} {SINCE}"),
    "repeated": model("incremental_strategy='append'", READ),
    "keyless_default": model("", f"{READ} {SINCE}"),
    "replaced": model("unique_key='id'", f"{READ} {AGAIN}"),
    "replaced_days": model(
        "incremental_strategy='delete+insert', unique_key='on_day'", f"{READ} {AGAIN}"
    ),
    "replaced_pairs": model("unique_key=['who', 'on_day']", f"{READ} {AGAIN}"),
    "replaced_narrow": model(
        "unique_key='id', incremental_predicates=['amount < 50']", f"{READ} {AGAIN}"
    ),
    "merged": model("incremental_strategy='merge', unique_key='id'", READ),
    "merged_pair": model("incremental_strategy='merge', unique_key=['who', 'moment']", READ),
    "merged_kept": model(
        "incremental_strategy='merge', unique_key='id', merge_exclude_columns=['first_amount']",
        KEPT.replace("1 as first_amount", "amount as first_amount"),
    ),
    "merged_some": model(
        "incremental_strategy='merge', unique_key='id', merge_update_columns=['amount']", READ
    ),
    "merged_narrow": model(
        "incremental_strategy='merge', unique_key='id',"
        " incremental_predicates=[\"DBT_INTERNAL_DEST.on_day > date '2024-01-01'\"]",
        READ,
    ),
    "whole": "select count(*) as n, sum(amount) as total from {{ ref('merged') }}",
    "of_history": "select count(*) as n, count(dbt_valid_to) as ended from {{ ref('time_gone') }}",
    "batched": model(f"{MICRO}batch_size='day', lookback=1", BATCH),
    "batched_months": model(f"{MICRO}batch_size='month'", BATCH),
}
PYTHON: Mapping[str, tuple[str, str]] = {
    "counted": (
        "def model(dbt, session):\n"
        "    dbt.config(materialized='table')\n"
        "    events = dbt.source('curated', 'events')\n"
        "    return events.aggregate('who, count(*) as n, sum(amount)::bigint as total', 'who')\n",
        "{name: who, data_type: varchar}, {name: n, data_type: bigint},"
        " {name: total, data_type: bigint}",
    ),
    "framed": (
        "import pandas as pd\n\n\n"
        "def model(dbt, session):\n"
        "    frame = dbt.ref('merged').df()\n"
        "    frame['half'] = frame['amount'] / 2\n"
        "    return frame[['id', 'half']]\n",
        "{name: id, data_type: bigint}, {name: half, data_type: double}",
    ),
    "python_grows": (
        "def model(dbt, session):\n"
        "    dbt.config(materialized='incremental', unique_key='id')\n"
        "    found = dbt.source('curated', 'events').project('id, amount, moment')\n"
        "    if dbt.is_incremental:\n"
        "        last = session.sql(f'select max(moment) from {dbt.this}').fetchone()[0]\n"
        "        found = found.filter(f\"moment >= timestamp '{last}' - interval 1 day\")\n"
        "    return found\n",
        "{name: id, data_type: bigint}, {name: amount, data_type: bigint},"
        " {name: moment, data_type: timestamp}",
    ),
}
TIMED = "strategy: timestamp, updated_at: updated_at"
SNAPSHOTS: Mapping[str, str] = {
    "time_stays": f"{TIMED}, unique_key: id",
    "time_gone": f"{TIMED}, unique_key: id, hard_deletes: invalidate",
    "time_record": f"{TIMED}, unique_key: id, hard_deletes: new_record",
    "time_until": (
        f"{TIMED}, unique_key: [id, region], dbt_valid_to_current: \"timestamp '9999-12-31'\""
    ),
    "check_all": "strategy: check, check_cols: all, unique_key: id, hard_deletes: invalidate",
    "check_some": "strategy: check, check_cols: [name], unique_key: id",
    "check_record": (
        "strategy: check, check_cols: [name, region], unique_key: id, hard_deletes: new_record"
    ),
    "check_named": (
        "strategy: check, check_cols: [region], unique_key: id, updated_at: updated_at,"
        " snapshot_meta_column_names: {dbt_valid_to: until, dbt_scd_id: version}"
    ),
}
INSTANTS = {"check_all", "check_some", "check_record", "time_gone", "time_record"}
BLOCK = (
    "{% snapshot in_a_block %}\n{{ config(target_schema='past', unique_key='id',"
    f" strategy='timestamp', updated_at='updated_at') }}}}\n{PEOPLE_READ}\n{{% endsnapshot %}}\n"
)
TABLES = (*MODELS, *PYTHON, *SNAPSHOTS, "in_a_block")


def files() -> dict[str, str]:
    """The project, file by file."""
    found = {
        "dbt_project.yml": (
            "name: growing\nversion: '1.0'\nprofile: growing\nmodels: {+materialized: table}\n"
        ),
        "profiles.yml": (
            "growing: {target: dev, outputs: {dev: {type: duckdb, path: stock.duckdb,"
            " threads: 1, settings: {timezone: UTC}}}}\n"
        ),
        "models/sources.yml": (
            "sources:\n  - name: curated\n    schema: operations_curated\n    tables:\n"
            "      - {name: events, config: {event_time: moment}}\n      - {name: people}\n"
        ),
        f"snapshots/{TEAM}/block.sql": BLOCK,
    }
    found |= {f"{PLACE}/{name}.sql": text for name, text in MODELS.items()}
    listed = ""
    for name, (code, columns) in PYTHON.items():
        found[f"{PLACE}/{name}.py"] = code
        listed += f"  - {{name: {name}, columns: [{columns}]}}\n"
    found[f"{PLACE}/python.yml"] = f"models:\n{listed}"
    of = "relation: \"source('curated', 'people')\""
    taken = "".join(
        f"  - {{name: {name}, {of}, config: {{{said}}}}}\n" for name, said in SNAPSHOTS.items()
    )
    found[f"snapshots/{TEAM}/taken.yml"] = f"snapshots:\n{taken}"
    return found


def write(folder: Path, content: Mapping[str, str]) -> Path:
    """Write a project into a folder."""
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def source(name: str, columns: Sequence[tuple[str, pa.DataType]], *key: str) -> Dataset:
    """A curated dataset, whose rows are given."""
    listed = tuple(Column(n, kind, f"the {n}", nullable=n not in key) for n, kind in columns)

    @dataset(
        f"{TEAM}.curated.{name}",
        contract=Contract(grain=f"one row per {key}", key=key, version="0.1.0", columns=listed),
        owner=f"team:{TEAM}",
    )
    def given() -> pa.Table:
        raise AssertionError("its rows are given")

    return given


SOURCES = {
    "events": source("events", EVENTS, "id"),
    "people": source("people", PEOPLE, "id", "updated_at"),
}


def plain(rows: Rows) -> list[Row]:
    """Rows that compare, in one order."""

    def value(one: Any) -> Any:
        return one.isoformat() if isinstance(one, (date, datetime)) else one

    told = [tuple(sorted((k, value(v)) for k, v in row.items())) for row in rows]
    return sorted(told, key=repr)


def with_instants_by_rank(rows: Rows) -> Rows:
    """The same rows with each instant of a run as its number in their order.

    Shapes: identifiers that such an instant is part of become the word of what they are made of.
    """
    held = [{k: _text(v) for k, v in row.items()} for row in rows]
    marked = {v for row in held for k, v in row.items() if k in STAMPS and v and v[:4] != "2024"}
    rank = {v: f"run {n}" for n, v in enumerate(sorted(marked))}
    return [{k: _ranked(row, k, rank) for k in row} for row in held]


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _ranked(row: Mapping[str, Any], name: str, rank: Mapping[str, str]) -> Any:
    if name != "dbt_scd_id":
        return rank.get(row[name], row[name]) if name in STAMPS else row[name]
    at = str(row["dbt_updated_at"]).replace("T", " ")
    own = hashlib.md5(f"{row['id']}|{at}".encode()).hexdigest()
    return "of the key and its instant" if row[name] == own else "of another"


class Growing(TrialLake):
    """A lake with two sources, whose marts are built in their order."""

    def __init__(self, lake: Lake, marts: Mapping[str, Dataset]) -> None:
        super().__init__(lake)
        self.marts = marts
        self.clock.set(datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC))
        self.know(*SOURCES.values(), *marts.values())

    def give(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Put rows into the sources, in place of those before."""
        for name, listed in rows.items():
            schema = SOURCES[name].contract.schema
            told = [dict(zip(schema.names, row, strict=True)) for row in listed]
            self.given(SOURCES[name], pa.Table.from_pylist(told, schema=schema))

    def build(self, *names: str) -> None:
        """Publish marts, or all of them, what they read first."""
        left = {self.marts[n].name: self.marts[n] for n in names or self.marts}
        while left:
            for mart in [d for d in left.values() if not set(d.upstream) & set(left)]:
                days = ("2024-01-01", "2024-01-05")
                ends = {"day": days, "month": ("2024-01-01", "2024-01-01")}
                self.publish(mart, *(ends[mart.cadence.unit] if mart.cadence else ()))
                del left[mart.name]

    def read(self, name: str) -> Rows:
        """The rows of a mart."""
        return self.rows(self.marts[name]).table.to_pylist()


def built_by_stock(folder: Path) -> list[dict[str, Rows]]:
    """The tables that stock dbt leaves behind after each round."""
    write(folder, files())
    (folder / "rounds.json").write_text(
        json.dumps(
            [
                {
                    name: [
                        [v.isoformat() if isinstance(v, datetime) else v for v in row]
                        for row in rows
                    ]
                    for name, rows in each.items()
                }
                for each in ROUNDS
            ]
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", STOCK],
        cwd=folder,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    found: list[dict[str, Rows]] = json.loads((folder / "stock.json").read_text())
    return found


STOCK = r"""
import json, pathlib
import duckdb
from dbt.cli.main import dbtRunner
from dbt.adapters.factory import reset_adapters

COLUMNS = {
    "events": 'id bigint, who varchar, amount bigint, moment timestamp',
    "people": "id bigint, region varchar, name varchar, updated_at timestamp",
}
found = []
words = ["--no-send-anonymous-usage-stats", "--no-version-check", "--no-use-colors", "--quiet"]
words += ["build", "--project-dir", ".", "--profiles-dir", "."]
words += ["--event-time-start", "2024-01-01", "--event-time-end", "2024-01-06"]
for each in json.loads(pathlib.Path("rounds.json").read_text()):
    with duckdb.connect("stock.duckdb") as con:
        con.execute("create schema if not exists operations_curated")
        for name, rows in each.items():
            con.execute(f"create or replace table operations_curated.{name} ({COLUMNS[name]})")
            marks = ", ".join("?" * len(rows[0]))
            con.executemany(f"insert into operations_curated.{name} values ({marks})", rows)
    done = dbtRunner().invoke(words)
    assert done.success, done
    reset_adapters()
    with duckdb.connect("stock.duckdb") as con:
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where schema_name <> 'operations_curated'"
        ).fetchall()
        told = {}
        for schema, table in tables:
            rows = con.execute(f'select * from "{schema}"."{table}"')
            names = [d[0] for d in rows.description]
            told[table] = [
                {n: v.isoformat() if hasattr(v, "isoformat") else v for n, v in zip(names, row)}
                for row in rows.fetchall()
            ]
        found.append(told)
pathlib.Path("stock.json").write_text(json.dumps(found))
"""
