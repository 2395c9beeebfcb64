"""What becomes of columns that a source shows beyond the contract of its dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

import duckdb

from watermain.declare.column.drift import EXTRA
from watermain.declare.dataset import Dataset
from watermain.declare.errors import DriftError, quoted
from watermain.engine.publish.publication import Outcome
from watermain.engine.table.staged import KNOWN, Finding, Staged
from watermain.engine.table.table import GROWN, stored
from watermain.lake.drifted import Drifted, columns_seen_beyond, remember_drift
from watermain.lake.lake import quote, table, text
from watermain.source.protocol import Batch

MOST_COLUMNS = 100
LONGEST_NAME = 63
MOST_TOLD, LONGEST_TOLD = 1000, 1000  # of names written down, and of the characters of each
RESERVED = ("rowid", "snapshot_id", "filename", "file_row_number", "file_index")


@dataclass
class Drifting:
    """Hold one dataset's batches against the columns that its contract knows.

    Shapes: `typed` is the relation of a batch's rows, `_extra` among its columns.
    Guarantees: a value of an unknown column is in a column of its own, in `_extra`, or in
    quarantine with its row, unless the batch was refused; a batch without unknown columns
    costs nothing.
    """

    dataset: Dataset
    connection: duckdb.DuckDBPyConnection
    typed: str
    run_id: str
    _told: str = field(default="false", init=False)

    def refuse(self, batch: Batch) -> None:
        """Let nothing of a batch pass that shows other columns than a frozen contract.

        Raises: DriftError.
        """
        unknown, missing = batch.unknown_columns, batch.missing_columns
        if self.dataset.contract.drift != "freeze" or not (unknown or missing):
            return
        name = self.dataset.name
        shows = f"shows {_listed(unknown)}, which the contract does not know" if unknown else ""
        lacks = f"lacks {_listed(missing)}" if missing else ""
        raise DriftError(
            f"{name}: the source {' and '.join(filter(None, (shows, lacks)))}",
            declared=f'{self.dataset.declared}  drift="freeze"',
            data=f"nothing of the batch was published; shard {batch.shard} still ends at"
            f" {batch.start!r}, the source holds the rest",
            next="change the contract's columns, or declare `divert` or `evolve`, then"
            f" watermain materialize {name}",
        )

    def carried(self, batch: Batch) -> list[str]:
        """The column of a batch that holds what is unknown, where it has one."""
        has = batch.unknown_columns and EXTRA in batch.reader().schema.names
        return [quote(EXTRA)] if has else []

    def land(self, batch: Batch, now: datetime) -> str:
        """Make room in the table for what is unknown; give the SQL of the columns that hold it.

        Guarantees: the table's new columns and their record belong to the caller's transaction.
        """
        self._told = "false"
        if not self.carried(batch):
            return ""
        connection, name = self.connection, self.dataset.name
        stands, known = stored(connection, self.dataset), columns_seen_beyond(connection, name)
        grown = {n for n in known["evolved"] if stands.get(n) == GROWN}
        grown -= set(self.dataset.contract.schema.names)
        placed = [n for n in batch.unknown_columns if n in grown]
        others = [n for n in batch.unknown_columns if n not in grown]
        fresh: list[str] = []
        if self.dataset.contract.drift == "evolve":
            fresh = _with_room(others, stands, MOST_COLUMNS - len(grown))
        aside = [n for n in others if n not in fresh]
        room = max(0, MOST_TOLD - len(known["diverted"]))
        new = (n for n in aside if n not in known["diverted"] and len(n) <= LONGEST_TOLD)
        first = list(islice(new, room))
        for column in [*fresh, *([EXTRA] if aside and EXTRA not in stands else [])]:
            connection.execute(f"alter table {table(name)} add column {quote(column)} {GROWN}")
        entries = [(n, "evolved") for n in fresh] + [(n, "diverted") for n in first]
        self._remember(entries, batch, now)
        rest = _without([*placed, *fresh])
        heard = [f"{_value(n, fresh)} is not null" for n in fresh]
        self._told = " or ".join([*heard, *([f"{rest} is not null"] if aside else [])]) or "false"
        return _selected([*placed, *fresh], rest if aside else None)

    def _remember(self, entries: Sequence[tuple[str, str]], batch: Batch, now: datetime) -> None:
        """Write down columns that are seen for the first time, and how many rows have a value."""
        if not entries:
            return
        names = [name for name, _ in entries]
        # Names come from outside: they are bound, for no literal can hold every character.
        held = dict(
            self.connection.execute(
                f"select name, count(*) from (select unnest(json_keys({quote(EXTRA)})) as name"
                f" from {self.typed} where _reason is null) where list_contains(?, name)"
                " group by 1",
                [names],
            ).fetchall()
        )
        remember_drift(
            self.connection,
            [
                Drifted(
                    dataset=str(self.dataset.name),
                    column_name=column,
                    outcome="evolved" if outcome == "evolved" else "diverted",
                    type=GROWN,
                    shard=batch.shard,
                    position=batch.end,
                    batch_id=batch.batch_id,
                    rows=int(held.get(column, 0)),
                    contract_version=self.dataset.contract.version,
                    run_id=self.run_id,
                    seen_at=now,
                )
                for column, outcome in entries
            ],
        )

    def findings(self, staged: Staged, rows: Mapping[str, int]) -> list[Finding]:
        """What the operator is told of each partition: rows diverted, or with a new column."""
        counts: dict[str, int] = {}
        if self._told != "false":
            told = self.connection.execute(
                f"select {staged.key}, count(*) from {self.typed}"
                f" where _reason is null and ({self._told}) group by 1"
            ).fetchall()
            counts = {str(key): int(count) for key, count in told}
        return [
            Finding(KNOWN, key, min(counts.get(key, 0), count), count, "warn")
            for key, count in rows.items()
        ]


def both(before: Outcome | None, outcome: Outcome) -> Outcome:
    """The outcome of a later batch of a capture, which keeps what an earlier one warned of."""
    warned = [f for f in before.findings if f.check == KNOWN] if before else []
    if not warned:
        return outcome
    return replace(
        outcome,
        findings=tuple(
            f._replace(failing=f.failing + warned[0].failing, rows=f.rows + warned[0].rows)
            if f.check == KNOWN
            else f
            for f in outcome.findings
        ),
    )


def sound() -> str:
    """The SQL of an `_extra` that was not written here: null where it is no object."""
    name = quote(EXTRA)
    return (
        f"case when json_valid({name}) and json_type({name}) = 'OBJECT' then {name} end as {name}"
    )


def learnt(dataset: Dataset) -> list[str]:
    """Columns of a row put aside, from `_extra` where the contract did not know them then."""
    names = dataset.contract.schema.names
    own = [f"coalesce({quote(n)}, {_value(n, names)}) as {quote(n)}" for n in names]
    return [*own, f"{_without(names)} as {quote(EXTRA)}"]


def replayed_columns(connection: duckdb.DuckDBPyConnection, dataset: Dataset, relation: str) -> str:
    """Make room for what rows put aside have in `_extra`; give the SQL of the columns."""
    row = connection.execute(f"select count({quote(EXTRA)}) from {relation}").fetchone()
    if not row or not row[0]:
        return ""
    stands, known = stored(connection, dataset), columns_seen_beyond(connection, dataset.name)
    grown = known["evolved"] - set(dataset.contract.schema.names)
    placed = sorted(n for n in grown if stands.get(n) == GROWN)
    if EXTRA not in stands:
        connection.execute(f"alter table {table(dataset.name)} add column {quote(EXTRA)} {GROWN}")
    return _selected(placed, _without(placed))


def _selected(placed: Sequence[str], rest: str | None) -> str:
    own = [f"{_value(n, placed)} as {quote(n)}" for n in placed]
    aside = [] if rest is None else [f"{rest} as {quote(EXTRA)}"]
    return "".join(f", {each}" for each in (*own, *aside))


def _value(name: str, names: Sequence[str]) -> str:
    """The text of one unknown column, as SQL over `_extra`; `names` are read at once."""
    shape = json.dumps(dict.fromkeys(names, GROWN), ensure_ascii=False)
    return f"struct_extract(from_json({quote(EXTRA)}, {text(shape)}), {text(name)})"


def _without(names: Sequence[str]) -> str:
    """What is left of `_extra` without some of its columns, null for nothing."""
    if not names:
        return quote(EXTRA)
    gone = json.dumps(dict.fromkeys(names), ensure_ascii=False)
    return f"nullif(json_merge_patch({quote(EXTRA)}, {text(gone)})::varchar, '{{}}')"


def _with_room(names: Iterable[str], stands: Mapping[str, str], room: int) -> list[str]:
    """The columns that the table can take: it knows no case and has a bound."""
    taken, found = {n.lower() for n in (*stands, *RESERVED, EXTRA)}, list[str]()
    for name in names:
        fits = 0 < len(name) <= LONGEST_NAME and name.isprintable()
        if fits and name.lower() not in taken and len(found) < room:
            taken.add(name.lower())
            found.append(name)
    return found


def _listed(names: Iterable[str]) -> str:
    """Names from outside, on one line whatever they hold."""
    return quoted(ascii(n)[1:-1] if not n.isprintable() else n[:LONGEST_NAME] for n in names)
