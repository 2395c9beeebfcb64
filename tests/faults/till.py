"""A shop whose sales may go aside, with the commands that a worker gives."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import ibis

from tests.faults import files
from tests.faults.aside import CONTRACT, EARLY, LATE
from tests.faults.book import HIGH, NAMES, RAW, Act, Picture, Rule, Sale
from tests.watermain.engine.feed import Feed, changes
from watermain.declare import (
    Dataset,
    DatasetName,
    Postgres,
    between,
    dataset,
    expression,
    latest_per_key,
    raw,
)
from watermain.declare.errors import BranchError, LostLeaseError
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.replay import discard, open_rows, replay_captured
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.publish.restore import promote, rollback
from watermain.engine.table.partition import Span
from watermain.lake import branch, checkpoint, ledger
from watermain.lake.lake import Lake, table
from watermain.lake.quarantine import ASIDE

LOOKS_PER_SECOND = 5
# Its calendar begins too late for the rows of the first day; `widened` is the mended declaration.
captured = raw(
    RAW,
    source=Postgres(connection="till", table="public.sales"),
    contract=CONTRACT,
    cadence=LATE,
    owner="team:till",
)
widened = replace(captured, cadence=EARLY)


def _plain(sales: ibis.Table) -> ibis.Table:
    """Keep the latest state of each sale that is worth something."""
    found = latest_per_key(sales, "id")
    return found.filter(found.amount != 0)


def _doubled(sales: ibis.Table) -> ibis.Table:
    """The same, each at twice its amount."""
    found = latest_per_key(sales, "id")
    return found.filter(found.amount != 0).mutate(amount=found.amount * 2)


def computed(name: str, rule: Rule) -> Dataset:
    """The dataset as a version of its declaration has it."""
    made: Dataset = dataset(
        name,
        inputs={"sales": RAW},
        contract=CONTRACT,
        checks=(
            between("amount", low=rule.low, severity="quarantine"),
            expression("affordable", f"amount <= {HIGH}"),
        ),
        cadence=EARLY,
        owner="team:till",
    )({1: _plain, 2: _doubled}[rule.factor])
    return made


def _job(act: Act, *, rebuild: bool = False) -> Job:
    known = {d.name: d for d in (widened, *(computed(name, act.rule) for name in NAMES))}
    lake = Lake.from_settings()
    return Job(
        lake=lake.on(act.branch) if act.branch else lake, find=known.__getitem__, rebuild=rebuild
    )


def _arrive(act: Act) -> None:
    """Capture the sales under the declaration that does not know the first day."""
    job = _job(act)
    with job.lake.get_connection() as connection:
        ends = checkpoint.ends(connection, captured.name)
    start = ends["s"].position if ends else ""
    given = [
        {"id": s.id, "at": f"{s.day} 10:00:00", "amount": s.amount, "_op": "u"} for s in act.sales
    ]
    batch = changes(given, start=start, end=str(int(start or 0) + 1))
    capture(captured, job, source=Feed(batch))


def _publish(act: Act) -> None:
    publish(computed(act.name, act.rule), Span(EARLY, *act.days), _job(act))


def _replay(act: Act) -> None:
    """Compute each partition anew in which rows wait."""
    made, job = computed(act.name, act.rule), _job(act, rebuild=True)
    with job.lake.get_connection() as connection:
        waiting = open_rows(connection, made)
    for key in waiting:
        publish(made, Span(EARLY, key, key), job)


def _discard(act: Act) -> None:
    made = widened if act.name == RAW else computed(act.name, act.rule)
    discard(made, _job(act), why="the till was broken", by="ann")


COMMANDS: dict[str, Callable[[Act], object]] = {
    "arrive": _arrive,
    "publish": _publish,
    "replay": _replay,
    "retype": lambda act: replay_captured(widened, _job(act)),
    "discard": _discard,
    "create": lambda act: branch.create(Lake.from_settings(), act.branch),
    "promote": lambda act: promote(act.branch, replace(_job(act), lake=Lake.from_settings())),
    "drop": lambda act: branch.drop(Lake.from_settings(), act.branch),
    "rollback": lambda act: rollback(computed(act.name, act.rule), act.snapshot, _job(act)),
}


def perform(act: Act) -> str:
    """Do a command; give the name of the error that a user would be told."""
    try:
        COMMANDS[act.word](act)
    except (BranchError, LostLeaseError) as error:
        return type(error).__name__
    return ""


def pictured(connection: duckdb.DuckDBPyConnection) -> Picture:
    """What a reader sees, in one query."""
    each = " union all ".join(
        f"select '{name}', \"at\"::date::varchar,"
        f" md5(string_agg(id || '=' || amount, ',' order by id, amount)) from"
        f" {table(DatasetName.parse(name))} group by all"
        for name in NAMES
    )
    return tuple(connection.execute(f"{each} order by all").fetchall())


def _watch(given: Mapping[str, Any]) -> Counter[Picture]:
    """Count each picture that a reader gets until somebody writes the file `until`."""
    seen: Counter[Picture] = Counter()
    with Lake.from_settings().get_connection() as connection:
        while not os.path.exists(given["until"]):
            seen[pictured(connection)] += 1
            time.sleep(1 / LOOKS_PER_SECOND)
    return seen


def _look(given: Mapping[str, Any]) -> Picture:
    with Lake.from_settings().get_connection() as connection:
        return pictured(connection)


def _reckon(given: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the book is held against."""
    lake = Lake.from_settings()
    known = sorted(b.name for b in branch.branches(lake))
    beside = Path(f"{lake.folder.rstrip('/')}.branches")
    folders = {each.name for each in beside.iterdir()} if beside.is_dir() else set()
    with lake.get_connection() as connection:
        paths = files.named(connection)
        return {
            **_kept(connection),
            "snapshot": lake.snapshot(connection),
            "picture": pictured(connection),
            "branches": known,
            "left folders": sorted(folders - set(known)),
            "files": len(paths),
            "lost files": files.lost(paths),
        }


def _kept(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Rows that wait, that were decided about, that are raw; what the ledger says."""

    def asked(sql: str, *values: object) -> list[tuple[Any, ...]]:
        return connection.execute(sql, list(values)).fetchall()

    waiting = asked(_WAITING, None)
    visible = {n: set(asked(f"select id from {table(DatasetName.parse(n))}")) for n in NAMES}
    latest = asked(_LATEST, list(NAMES))
    return {
        "open rows": Counter(waiting),
        "published, yet open": [w for w in waiting if (w[2],) in visible.get(w[0], ())],
        "verdicts": Counter({(name, word): n for name, word, n in asked(_VERDICTS)}),
        "raw rows": Counter(Sale(*row) for row in asked(_CAPTURED)),
        "raw ledger": Counter(dict(asked(_PROMISED, RAW))),
        "ledger": {(name, day): tuple(counts) for name, day, *counts in latest},
    }


_WAITING = (
    "select dataset, coalesce(partition, ''), payload->>'id', payload->>'amount'"
    f" from ({ASIDE}) where status = 'open'"
)
_VERDICTS = f"select dataset, verdict, count(*) from {ledger.VERDICTS} group by all"
_CAPTURED = f'select id, "at"::date::varchar, amount::varchar from {table(captured.name)}'
_PROMISED = (
    f"select partition, sum(rows_out)::bigint from {ledger.PUBLISHES} where dataset = ? group by 1"
)
_LATEST = (
    "select dataset, partition, rows_in, rows_out, coalesce(rows_quarantined, 0)"
    f" from {ledger.PUBLISHES} where dataset in (select unnest(?)) qualify row_number() over"
    " (partition by dataset, partition order by epoch desc, published_at desc, rowid desc) = 1"
)
VERBS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "prepare": lambda given: [perform(act) for act in given["acts"]],
    "act": lambda given: perform(given["act"]),
    "glance": _look,
    "peer": _watch,
    "reckon": _reckon,
}
