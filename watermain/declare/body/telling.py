"""Words for rows as they were known before more became known."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from operator import or_

import ibis

from watermain.declare.body.change import GONE


def told_changes(
    changes: ibis.Table, key: str | tuple[str, ...], columns: tuple[str, ...], at: str
) -> ibis.Table:
    """Keep every telling of some columns of a key, and when it was known and when it ended.

    Shapes: a raw table with `_op`, `_lsn`, `_seq` and `_commit_at` columns in; the key, the
    columns, `known_at` and `superseded_at` out, which is null while the telling holds.
    Guarantees: `at` is the source's own instant of a change; a telling is never known before the
    one that it replaces, and a key that was deleted has none from then on.
    """
    keys = [key] if isinstance(key, str) else list(key)
    order = [changes["_lsn"], changes["_seq"]]
    ordered = ibis.window(group_by=keys, order_by=order)
    gone = changes["_op"].isin(GONE)
    said = ibis.coalesce(
        ibis.ifelse(gone, changes["_commit_at"], changes[at]), changes["_commit_at"]
    )
    named = changes.mutate(
        _gone=gone,
        known_at=said.max().over(ibis.cumulative_window(group_by=keys, order_by=order)),
        _other=reduce(
            or_,
            [~changes[c].identical_to(changes[c].lag().over(ordered)) for c in columns],
            gone | changes["_op"].lag().over(ordered).isin(GONE).fill_null(True),
        ),
    )
    told = named.filter(named["_other"])
    following = ibis.window(group_by=keys, order_by=[told["_lsn"], told["_seq"]])
    ended = told.mutate(superseded_at=told["known_at"].lead().over(following))
    held = ended["superseded_at"].isnull() | (ended["superseded_at"] > ended["known_at"])
    return ended.filter(~ended["_gone"] & held).select(*keys, *columns, "known_at", "superseded_at")


def as_told(
    facts: ibis.Table,
    *,
    by: tuple[str, ...],
    at: str,
    known_at: str,
    preceding: timedelta,
    superseded_at: str | None = None,
) -> ibis.Table:
    """Give each event the facts of the time up to it, once for each telling that they make.

    Shapes: group the result by `by`, `at` and `known_at`: a group is the window that ends with an
    event of an entity, as it was known from `known_at` on. Other columns are the facts' own.
    Units: the window has both ends, `preceding` before the event and the event.
    Guarantees: a telling counts only what was known by its `known_at` and, where `superseded_at`
    is named, was not replaced by then; a fact that comes late adds a telling and changes
    none. Only facts of neighbouring windows are held against each other.
    """
    ends = superseded_at or "_never"
    given = facts.drop_null([*by, at, known_at])
    if superseded_at is None:
        given = given.mutate(_never=ibis.null(given[known_at].type()))
    width = max(1, -(-preceding // timedelta(seconds=1)))
    slot = (given[at].epoch_seconds() // width).cast("int64")
    beside = given.mutate(_slot=ibis.array([slot, slot + 1])).unnest("_slot")
    named = {f"_by_{n}": name for n, name in enumerate(by)}
    events = (
        given.mutate(_slot=slot)
        .group_by(*by, at, "_slot")
        .aggregate(_since=given[known_at].min())
        .rename({**named, "_at": at, "_in": "_slot"})
    )
    around = _within(events, beside, by, at, preceding)
    heard = [
        around.select(*named, "_at", "_in", "_since", _told=around[n]) for n in (known_at, ends)
    ]
    moments = ibis.union(*heard).drop_null(["_told"])
    moments = moments.mutate(_told=ibis.greatest(moments["_told"], moments["_since"])).distinct()
    told = _within(moments, beside, by, at, preceding)
    knew = (told[known_at] <= told["_told"]) & (told[ends].isnull() | (told[ends] > told["_told"]))
    own = [c for c in facts.columns if c not in (*by, at, known_at, ends)]
    counted = told.filter(knew)
    return counted.select(
        **{name: counted[column] for column, name in named.items()},
        **{at: counted["_at"], known_at: counted["_told"]},
        **{c: counted[c] for c in own},
    )


def _within(
    events: ibis.Table, facts: ibis.Table, by: tuple[str, ...], at: str, preceding: timedelta
) -> ibis.Table:
    """Events beside the facts of their entity in the time up to them."""
    same = [events[f"_by_{n}"] == facts[name] for n, name in enumerate(by)]
    length = ibis.interval(microseconds=preceding // timedelta(microseconds=1))
    return events.join(
        facts,
        [
            *same,
            events["_in"] == facts["_slot"],
            facts[at] <= events["_at"],
            facts[at] >= events["_at"] - length,
        ],
    )
