"""What a new version of a contract does to those who read the old one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from watermain.declare.column.widening import widens
from watermain.declare.contract import Column, Contract, Sensitivity
from watermain.declare.errors import quoted

_GUARDED = list(Sensitivity)  # from the least to the most


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference between two versions of a contract; `column` is None for the table itself."""

    column: str | None
    old: str
    new: str
    why: str
    breaking: bool

    def __str__(self) -> str:
        subject = f"`{self.column}`" if self.column else "the table"
        return f"{subject}: {self.why} (was {self.old}, is {self.new})"


def breaking(old: Contract, new: Contract) -> tuple[Change, ...]:
    """What of the change breaks a reader of the old contract."""
    return tuple(c for c in changes(old, new) if c.breaking)


def changes(old: Contract, new: Contract) -> tuple[Change, ...]:
    """Every difference that a reader could notice, in the order of the old columns.

    Guarantees: words of description, the order of columns and the case of the grain are none.
    """
    return (*_of_table(old, new), *_of_columns(old, new))


def refusals(old: Contract, new: Contract) -> tuple[str, ...]:
    """What the new contract lacks to follow the released one: a version or a migration."""
    found, first, second = changes(old, new), version_of(old), version_of(new)
    broken = [c for c in found if c.breaking]
    if second < first:
        return (f"version {new.version} is older than the released {old.version}",)
    if broken and second[0] == first[0]:
        return (f"a breaking change needs version {first[0] + 1}.0.0, not {new.version}",)
    if broken and not any(first[0] < m.major <= second[0] for m in new.migrations):
        return (f'version {new.version} has no `Migration("{second[0]}.0.0", ...)`',)
    if found and second[:2] == first[:2]:
        return (f"an addition needs version {first[0]}.{first[1] + 1}.0, not {new.version}",)
    return ()


def version_of(contract: Contract) -> tuple[int, int, int]:
    """The version as numbers that compare."""
    major, minor, patch = map(int, contract.version.split("."))
    return major, minor, patch


def is_draft(contract: Contract) -> bool:
    """Whether a contract is not released yet: below version 1.0.0 it may change freely."""
    return version_of(contract)[0] == 0


def _of_table(old: Contract, new: Contract) -> Iterator[Change]:
    if _plain(old.grain) != _plain(new.grain):
        yield _change(None, old.grain, new.grain, "a row stands for something else")
    if not old.keyless and (set(old.key) != set(new.key) or new.keyless):
        yield _change(None, quoted(old.key), quoted(new.key), "the key is another")
    if old.event_time != new.event_time:
        first = old.event_time is None
        why = "rows have an event time" if first else "rows belong to other times"
        yield _change(None, old.event_time, new.event_time, why, breaking=not first)


def _of_columns(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = {c.name: c for c in old.columns}, {c.name: c for c in new.columns}
    added = [c for c in new.columns if c.name not in before]
    for column in old.columns:
        if column.name not in after:
            yield _change(column.name, column.type, "nothing", _drop(column, added))
        else:
            yield from _of_column(old, new, after[column.name])
    for column in added:
        yield _change(column.name, "nothing", column.type, "it was added", breaking=False)


def _of_column(old: Contract, new: Contract, is_now: Column) -> Iterator[Change]:
    was = old.column(is_now.name)
    if was.type != is_now.type:
        wider = widens(was.type, is_now.type)
        why = "its type takes in more" if wider else "its type is narrower or of another kind"
        yield _change(was.name, was.type, is_now.type, why, breaking=not wider)
    if old.demands(was.name) != new.demands(was.name):
        lost = old.demands(was.name)
        why = "it may be null" if lost else "it is never null"
        words = ("never null", "may be null")
        yield _change(was.name, *(words if lost else words[::-1]), why, breaking=lost)
    if was.unit != is_now.unit:
        why = "its numbers have another unit" if was.unit else "its unit is told"
        yield _change(was.name, was.unit, is_now.unit, why, breaking=bool(was.unit))
    if was.sensitivity != is_now.sensitivity:
        closed = _GUARDED.index(is_now.sensitivity) > _GUARDED.index(was.sensitivity)
        why = "fewer may see it" if closed else "more may see it"
        yield _change(
            was.name, was.sensitivity.value, is_now.sensitivity.value, why, breaking=closed
        )


def _drop(column: Column, added: list[Column]) -> str:
    """Say what became of a column that is gone: a new one of its type may be the same by name."""
    alike = [c.name for c in added if widens(column.type, c.type)]
    told = [c.name for c in added if c.name in alike and c.description == column.description]
    near = told or difflib.get_close_matches(column.name, alike, n=1, cutoff=0.4)
    return f"it was dropped; was it renamed to `{near[0]}`?" if near else "it was dropped"


def _plain(words: str) -> str:
    return " ".join(words.lower().split()).rstrip(".")


def _change(
    column: str | None, old: object, new: object, why: str, *, breaking: bool = True
) -> Change:
    told = ["none" if value is None else str(value) for value in (old, new)]
    return Change(column=column, old=told[0], new=told[1], why=why, breaking=breaking)
