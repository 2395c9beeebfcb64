"""A snapshot of a dbt project: the table of what was, as stock dbt would make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watermain.declare.body.mart import NEW, NOW, THIS, Growth
from watermain.declare.check import Check, Expression, Query
from watermain.declare.errors import quoted
from watermain.declare.name import DatasetName
from watermain.engine.mart.node import Node, declared, refuse

HARD_DELETES = ("ignore", "invalidate", "new_record")
COLUMNS = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted")
INSTANT = f"cast(getvariable('{NOW}') as timestamp)"


@dataclass(frozen=True, kw_only=True)
class History:
    """What a snapshot's configuration says, in the SQL that dbt would make of it.

    Shapes: `names` are the columns that are added to the source's, by dbt's names for them; `keys`
    are expressions over the source; `current` is what `dbt_valid_to` is of a row that stands.
    """

    keys: Sequence[str]
    updated_at: str
    checked: Sequence[str] | None
    deletes: str
    current: str
    names: Mapping[str, str]

    @property
    def meta(self) -> list[str]:
        """The names of the columns that are added, in dbt's order."""
        last = COLUMNS if self.deletes == "new_record" else COLUMNS[:-1]
        return [self.names[name] for name in last]

    def stands(self, of: str = "") -> str:
        """The condition that a row has no end yet."""
        to = f"{of}{self.names['dbt_valid_to']}"
        return (
            f"{to} is null"
            if self.current == "null"
            else f"({to} = {self.current} or {to} is null)"
        )

    def hashed(self, *parts: str) -> str:
        """dbt's identifier of one version of a row."""
        told = " || '|' || ".join(f"coalesce(cast({part} as varchar), '')" for part in parts)
        return f"md5({told})"

    @property
    def added(self) -> str:
        """The columns of a row that is new."""
        at, n = self.updated_at, self.names
        until = f"coalesce(nullif({at}, {at}), {self.current})"
        made = [
            f"{self.hashed(*self.keys, at)} as {n['dbt_scd_id']}",
            f"{at} as {n['dbt_updated_at']}",
            f"{at} as {n['dbt_valid_from']}",
            f"{until} as {n['dbt_valid_to']}",
        ]
        if self.deletes == "new_record":
            made.append(f"'False' as {n['dbt_is_deleted']}")
        return ", ".join(made)


def history(node: Node, columns: Sequence[str]) -> History:
    """What a snapshot says.

    Shapes: `columns` are those of its source.
    Raises: InvalidDeclarationError, for what dbt does not know, or what the source lacks.
    """
    config = node["config"]
    said, how = config.get("unique_key"), config.get("strategy")
    keys = [str(said)] if isinstance(said, str) else [str(k) for k in said or []]
    if not keys:
        refuse(node, "has no `unique_key`", "name the columns that tell its rows apart")
    if how not in ("check", "timestamp"):
        refuse(node, f"has the strategy {how!r}", "use `timestamp` or `check`")
    updated_at = config.get("updated_at")
    if how == "timestamp" and not updated_at:
        refuse(node, "has the strategy `timestamp` without `updated_at`", "name that column")
    old = config.get("invalidate_hard_deletes")
    deletes = config.get("hard_deletes") or ("invalidate" if old else "ignore")
    if deletes not in HARD_DELETES:
        refuse(node, f"has the hard_deletes {deletes!r}", f"use one of {quoted(HARD_DELETES)}")
    given = config.get("snapshot_meta_column_names") or {}
    names = {name: str(given.get(name) or name) for name in COLUMNS}
    found = History(
        keys=keys,
        updated_at=str(updated_at or INSTANT),
        checked=_checked(node, columns) if how == "check" else None,
        deletes=str(deletes),
        current=str(config.get("dbt_valid_to_current") or "null").strip(),
        names=names,
    )
    taken = {c.lower() for c in columns} & {m.lower() for m in found.meta}
    if taken:
        refuse(
            node,
            f"takes {quoted(taken)} from its source, which it writes itself",
            "leave them out of its query, or name its own in `snapshot_meta_column_names`",
        )
    return found


def _checked(node: Node, columns: Sequence[str]) -> list[str]:
    said = node["config"].get("check_cols")
    if said == "all":
        return list(columns)
    known = {c.lower(): c for c in columns}
    wanted = [str(c).strip('"') for c in said] if isinstance(said, list) else []
    strange = sorted(c for c in wanted if c.lower() not in known)
    if not wanted or strange:
        refuse(
            node,
            f"has the check_cols {said!r}"
            + (f", of which it lacks {quoted(strange)}" * bool(strange)),
            f"say `all`, or list some of {quoted(columns)}",
        )
    return [known[c.lower()] for c in wanted]


def first_sql(source: str, of: History) -> str:
    """The table as it begins: every row of the source stands."""
    return f"select *, {of.added} from ({source}) as sbq"


def growth(source: str, of: History, columns: Sequence[str]) -> Growth:
    """What changes when a snapshot is taken again: rows that end, and rows that begin.

    Guarantees: the rows are those that dbt's own materialization leaves; rows that did not change
    are not written again.
    """
    scd = of.names["dbt_scd_id"]
    return Growth(
        sql=_changes(source, of, columns),
        gone=f"{scd} in (select {scd} from {NEW}) and {of.stands()}",
        keeps=True,
    )


def _changes(source: str, of: History, columns: Sequence[str]) -> str:
    n, keys = of.names, range(1, len(of.keys) + 1)
    keyed = ", ".join(f"{key} as dbt_unique_key_{i}" for i, key in enumerate(of.keys, 1))
    same = " and ".join(f"standing.dbt_unique_key_{i} = coming.dbt_unique_key_{i}" for i in keys)
    own = [*columns, *of.meta]

    def shown(whose: str, **instead: str) -> str:
        found = {c: instead.get(c) or f"{whose}.{_quoted(c)}" for c in own}
        return ", ".join(f"{value} as {_quoted(c)}" for c, value in found.items())

    until, deleted = n["dbt_valid_to"], f"standing.{n['dbt_is_deleted']} = 'True'"
    changed = _changed(of)
    if of.deletes == "new_record":
        changed = f"({changed} or {deleted})"
    ended = shown("standing", **{until: f"coming.{n['dbt_valid_from']}"})
    parts = [
        f"select {shown('coming')} from coming left join standing on {same}"
        f" where standing.dbt_unique_key_1 is null or {changed}",
        f"select {ended} from coming join standing on {same} where {changed}",
    ]
    if of.deletes != "ignore":
        gone = f"from standing left join coming on {same} where coming.dbt_unique_key_1 is null"
        if of.deletes == "new_record":
            gone += f" and not ({deleted})"
            record = {
                n["dbt_scd_id"]: of.hashed(f"standing.{n['dbt_scd_id']}", INSTANT),
                n["dbt_updated_at"]: INSTANT,
                n["dbt_valid_from"]: INSTANT,
                n["dbt_is_deleted"]: "'True'",
            }
            parts.append(f"select {shown('standing', **_typed(record))} {gone}")
        parts.append(f"select {shown('standing', **_typed({until: INSTANT}))} {gone}")
    return (
        f"with snapshot_query as ({source}),"
        f" standing as (select *, {keyed} from input_{THIS} where {of.stands()}),"
        f" coming as (select *, {keyed}, {of.added} from snapshot_query)"
        f" {' union all '.join(parts)}"
    )


def _typed(values: Mapping[str, str]) -> dict[str, str]:
    """Expressions in the types of the columns that they stand in for."""
    return {c: f"cast_to_type({value}, standing.{_quoted(c)})" for c, value in values.items()}


def _changed(of: History) -> str:
    """The condition that a row of the source is another one than that which stands."""
    if of.checked is None:
        return f"standing.{of.names['dbt_valid_from']} < coming.{of.names['dbt_updated_at']}"
    each = [f"standing.{_quoted(c)} is distinct from coming.{_quoted(c)}" for c in of.checked]
    return f"({' or '.join(each)})"


def checks(node: Node, name: DatasetName, of: History) -> tuple[Check, ...]:
    """What stops a snapshot before it is published: a key that is null, or one that stands twice.

    dbt itself goes on, and from then on history says what never was.
    """
    where, keys = declared(node), ", ".join(of.keys)
    nulls = " and ".join(f"({key}) is not null" for key in of.keys)
    twice = (
        f"select {keys} from {_quoted(str(name))} where {of.stands()} group by {keys}"
        " having count(*) > 1"
    )
    return (
        Expression(name="unique_key_is_not_null", sql=nulls, declared=where),
        Query(name="unique_key_stands_once", sql=twice, declared=where),
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
