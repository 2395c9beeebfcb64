"""An incremental model of a dbt project: how its new rows are taken in among its own last ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from watermain.declare.body.mart import NEW, THIS, Growth
from watermain.declare.cadence import Cadence, Daily, Hourly, Monthly
from watermain.declare.errors import quoted
from watermain.engine.mart.manifest import CompiledProject, alias
from watermain.engine.mart.node import Node, is_ephemeral, refuse

DELETE, MERGE, APPEND, BATCHES = "delete+insert", "merge", "append", "microbatch"
STRATEGIES = (APPEND, DELETE, MERGE, BATCHES)
SCHEMA_CHANGES = ("append_new_columns", "fail", "ignore", "sync_all_columns")
BEYOND = (
    *("merge_clauses", "merge_insert_condition", "merge_on_using_columns"),
    *("merge_returning_columns", "merge_update_condition", "merge_update_set_expressions"),
)
SIZES: Mapping[str, tuple[type[Cadence], timedelta]] = {
    "hour": (Hourly, timedelta(hours=1)),
    "day": (Daily, timedelta(days=1)),
    "month": (Monthly, timedelta(days=31)),
}
_SOURCE, _DEST = "DBT_INTERNAL_SOURCE", "DBT_INTERNAL_DEST"
_STOOD = "watermain_stood"
_RENDERED = re.compile(r"\b(?:ref|source)\s*\([^)]*\)\s*\.\s*render\s*\(")


def is_incremental(node: Node) -> bool:
    """Whether a node says that its rows follow from its own last ones."""
    return bool(node["config"]["materialized"] == "incremental")


def strategy(node: Node) -> str:
    """The strategy of an incremental model, by dbt's word.

    Raises: InvalidDeclarationError, for one that there is not.
    """
    said = node["config"].get("incremental_strategy") or "default"
    found = DELETE if said == "default" else str(said)
    if found not in STRATEGIES:
        refuse(
            node,
            f"has the incremental_strategy {said!r}",
            f"use one of {quoted(STRATEGIES)}; instead of `insert_overwrite` say `microbatch`, or"
            " `delete+insert` with the column of the partition as its `unique_key`",
        )
    return found


def growth(node: Node, sql: str, columns: Sequence[str]) -> Growth | None:
    """How an incremental model grows; None where dbt, too, is told to make it as a whole.

    Shapes: `sql` is its SQL where `is_incremental()` is true, empty for what no SQL makes.
    Raises: InvalidDeclarationError, for what cannot be honoured.
    """
    config, how = node["config"], strategy(node)
    if config.get("full_refresh") is True:
        return None
    _refuse_beyond(node, how)
    said = config.get("predicates") or config.get("incremental_predicates") or []
    predicates = [said] if isinstance(said, str) else [str(p) for p in said]
    keys = _keys(config.get("unique_key"))
    grown = Growth(sql=sql, keeps=config.get("full_refresh") is False)
    if how == APPEND or not keys:
        return grown
    if how == MERGE:
        return _merged(grown, node, [*_matched(keys), *predicates], columns)
    gone = [_deleted(config["unique_key"], keys), *(f"({p})" for p in predicates)]
    return replace(grown, gone=" and ".join(gone), target="DBT_INCREMENTAL_TARGET")


def _refuse_beyond(node: Node, how: str) -> None:
    """Refuse what would decide rows otherwise than the platform does."""
    config = node["config"]
    if how == BATCHES:
        refuse(node, "is a microbatch that no SQL makes", "write it in SQL, or say `delete+insert`")
    change = config.get("on_schema_change") or "ignore"
    if change not in SCHEMA_CHANGES:
        refuse(node, f"has the on_schema_change {change!r}", f"use one of {quoted(SCHEMA_CHANGES)}")
    beyond = [word for word in BEYOND if config.get(word)]
    if beyond:
        refuse(
            node,
            f"sets {quoted(beyond)}, which the platform does not follow",
            "give the rows as they shall be in the model's SQL, and say `unique_key` alone",
        )
    if how != MERGE and (config.get("merge_exclude_columns") or config.get("merge_update_columns")):
        refuse(node, f"limits the columns of `{how}`, which takes whole rows", "say `merge`")


def _keys(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else [str(key) for key in said or []]


def _deleted(said: Any, keys: Sequence[str]) -> str:
    """The condition by which dbt deletes: a single key may be an expression."""
    if isinstance(said, str):
        return f"({said}) in (select ({said}) from {NEW})"
    same = " and ".join(f"{NEW}.{key} = DBT_INCREMENTAL_TARGET.{key}" for key in keys)
    return f"exists (select 1 from {NEW} where {same})"


def _matched(keys: Sequence[str]) -> list[str]:
    return [f"{_SOURCE}.{key} = {_DEST}.{key}" for key in keys]


def _merged(grown: Growth, node: Node, matched: Sequence[str], columns: Sequence[str]) -> Growth:
    """The rows that a merge writes: each that matches anew, and each that does not."""
    on, stays = " and ".join(f"({m})" for m in matched), _left_alone(node, columns)
    shown = ", ".join(
        f'case when {_DEST}.{_STOOD} then {_DEST}."{c}" else {_SOURCE}."{c}" end as "{c}"'
        if c in stays
        else f'{_SOURCE}."{c}"'
        for c in columns
    )
    stood = f"(select *, true as {_STOOD} from input_{THIS}) as {_DEST}"
    named = ", ".join(f"{_SOURCE}.{key}" for key in _keys(node["config"]["unique_key"]))
    matches = f"exists (select 1 from input_{THIS} as {_DEST} where {on})"
    return replace(
        grown,
        written=f"select {shown} from {NEW} as {_SOURCE} left join {stood} on {on}",
        gone=f"exists (select 1 from {NEW} as {_SOURCE} where {on})",
        repeats=f"select count(*) from (select {named} from {NEW} as {_SOURCE} where {matches}"
        f" group by {named} having count(*) > 1)",
        target=_DEST,
    )


def _left_alone(node: Node, columns: Sequence[str]) -> set[str]:
    """The columns that a row which stands keeps."""
    config = node["config"]
    known = {c.lower(): c for c in columns}
    update, without = config.get("merge_update_columns"), config.get("merge_exclude_columns")
    if update and without:
        refuse(node, "says both `merge_update_columns` and `merge_exclude_columns`", "say one")
    said = [str(c).strip('"').lower() for c in update or without or []]
    strange = sorted(set(said) - set(known))
    if strange:
        refuse(node, f"merges columns that it has not: {quoted(strange)}", f"use {quoted(columns)}")
    named = {known[c] for c in said}
    return set(columns) - named if update else named


def microbatch_words(node: Node, words: Mapping[str, Any]) -> dict[str, Any]:
    """The words of `meta.watermain` that a microbatch model says by dbt's own configuration.

    Raises: InvalidDeclarationError, for what has no meaning there.
    """
    config = node["config"]
    both = {"cadence", "event_time", "late_for_days", "start"} & set(words)
    if both:
        refuse(
            node,
            f"says {quoted(both)} in meta.watermain beside its own microbatch configuration",
            "say `event_time`, `batch_size`, `lookback` and `begin` alone",
        )
    lacks = [w for w in ("event_time", "batch_size", "begin") if not config.get(w)]
    if lacks:
        refuse(node, f"is a microbatch without {quoted(lacks)}", "say it in the model's `config`")
    for word in ("unique_key", "incremental_predicates", "predicates"):
        if config.get(word):
            refuse(
                node,
                f"sets `{word}`, but each batch replaces its whole partition",
                "leave it out, or say `incremental_strategy: merge`",
            )
    if _RENDERED.search(node["raw_code"]):
        refuse(
            node,
            "reads an input past its batch by `.render()`",
            "leave `event_time` out of what is to be read whole",
        )
    return {**words, "event_time": str(config["event_time"])}


def microbatch_cadence(node: Node, words: Mapping[str, Any]) -> Cadence:
    """The partitions of a microbatch model: a batch is one, and late ones are made anew.

    Raises: InvalidDeclarationError, for a size of which there are no partitions.
    """
    config = node["config"]
    size, lookback = str(config["batch_size"]), config.get("lookback")
    if size not in SIZES:
        refuse(node, f"has the batch_size {size!r}", f"use one of {quoted(SIZES)}")
    if lookback is not None and (not isinstance(lookback, int) or lookback < 0):
        refuse(node, f"has the lookback {lookback!r}", "give the number of batches")
    kind, each = SIZES[size]
    begin = date.fromisoformat(str(config["begin"])[:10])
    begin = begin.replace(day=1) if kind is Monthly else begin
    late = (1 if lookback is None else lookback) * each
    return kind(start=begin, late_for=late, zone=str(words.get("zone", "UTC")))


def batched(project: CompiledProject, node: Node) -> dict[str, str]:
    """The inputs of which a batch reads its own rows alone, each with its event time.

    Guarantees: those of ephemeral models are read whole, as dbt reads them.
    """
    found = {}
    for unique_id in node["depends_on"].get("nodes", []):
        above = project.node(unique_id)
        column = above["config"].get("event_time")
        if column and not is_ephemeral(above):
            found[alias(project.name(above))] = str(column)
    return found
