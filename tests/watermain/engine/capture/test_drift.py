"""Columns that a file shows beyond its contract are told, kept or refused, never lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tests.lakes import LakeTemplate
from tests.watermain.engine.drifted import CASES, FORMATS, Case, lacking
from tests.watermain.source.dropped import FilesKind
from watermain.declare import Column, Contract, Dataset, Files, raw
from watermain.declare.errors import DriftError
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.replay import replay_captured
from watermain.engine.publish.publication import Job, Publication
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.files.files import FileSource
from watermain.source.protocol import Shape

Shared = tuple[Lake, duckdb.DuckDBPyConnection]
NUMBERS = count()
POLICIES = ("divert", "evolve", "freeze")
CONTRACT = Contract(
    grain="one row per thing",
    key=("id",),
    columns=(
        Column("id", pa.int64(), "the thing"),
        Column("amount", pa.int32(), "of it"),
        Column("note", pa.string(), "about it"),
    ),
)


def asked(number: int, case: Case) -> set[tuple[str, str]]:
    """Each format of a case once, and each policy once where it matters, in turn with a format.

    A format is read by one part of the code, a policy followed by another: all of their pairs come
    up over the table, not over each case.
    """
    turns = len(case.formats) if not case.drifts else max(len(case.formats), len(POLICIES))
    return {
        (case.formats[turn % len(case.formats)], POLICIES[(number + turn) % len(POLICIES)])
        for turn in range(turns)
    }


TABLE = [
    pytest.param(case, format, policy, id=f"{case.what}-{format}-{policy}".replace(" ", "_"))
    for number, case in enumerate(CASES)
    for format, policy in sorted(asked(number, case))
]


@pytest.fixture(scope="module")
def shared(empty_lake: LakeTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """One lake for all cases with a connection to read it; each case has a dataset of its own."""
    folder = tmp_path_factory.mktemp("drift")
    with empty_lake.world(folder, "lake_drift") as lake, lake.get_connection() as reader:
        yield lake, reader


class Drop:
    """A dataset of its own, fed by files of one format."""

    def __init__(self, shared: Shared, folder: Path, format: str = "csv", policy: str = "divert"):
        self.lake, self.reader = shared
        self.kind = FilesKind(folder / "drop", folder / "scratch", format)
        self.dataset = raw(
            f"shop.raw.things_{next(NUMBERS)}",
            source=Files(connection="drop", pattern="things*", format=format),
            contract=replace(CONTRACT, drift=policy),
            owner="team:shop",
        )

    def promise(self, **words: Any) -> Dataset:
        """Change the contract."""
        self.dataset = replace(self.dataset, contract=replace(self.dataset.contract, **words))
        return self.dataset

    def write(self, data: bytes) -> None:
        """Drop one file more."""
        self.kind.count += 1
        self.kind.write(f"things-{self.kind.count}", data)

    def capture(self) -> Publication:
        """Capture what waits, as a run does."""
        source: FileSource = self.kind.open(Shape.of(self.dataset))
        job = Job(lake=self.lake, find={self.dataset.name: self.dataset}.__getitem__)
        return capture(self.dataset, job, source=source)

    def replay(self) -> int:
        """Run what was put aside through the contract of today; how many rows fit."""
        job = Job(lake=self.lake, find={}.__getitem__)
        return sum(replay_captured(self.dataset, job).gained.values())

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query over `things`, the ledger's batches, quarantine, drift."""
        name = str(self.dataset.name)
        for word, real, column in (
            ("batches", ledger.BATCHES, "stream"),
            ("quarantine", ledger.QUARANTINE, "dataset"),
            ("drift", ledger.DRIFT, "dataset"),
        ):
            query = query.replace(f"<{word}>", f"(from {real} where {column} = '{name}')")
        with self.lake.get_connection() as connection:
            return connection.execute(
                query.replace("<things>", table(self.dataset.name))
            ).fetchall()

    def columns(self) -> dict[str, str]:
        """What the lake's table has beside the contract with the columns of its kind."""
        known = {*self.dataset.contract.schema.names, "_file", "_file_hash", "_row"}
        known |= {"_delivered_at", "_batch_id"}
        return {n: kind for n, kind, *_ in self.ask("describe <things>") if n not in known}

    def published(self) -> dict[int, tuple[int | None, str | None]]:
        """Amount and note by id."""
        rows = self.ask("select id, amount, note from <things> order by id")
        assert len({row[0] for row in rows}) == len(rows)
        return {row[0]: row[1:] for row in rows}

    def values(self, column: str) -> dict[int, str]:
        """The texts of one column beside the contract, by id."""
        quoted = '"' + column.replace('"', '""') + '"'
        return dict(self.ask(f"select id, {quoted} from <things> where {quoted} is not null"))

    def extra(self) -> dict[str, dict[int, str]]:
        """The texts in `_extra`, by column, by id."""
        found: dict[str, dict[int, str]] = {}
        for key, held in self.values("_extra").items():
            for name, value in json.loads(held).items():
                found.setdefault(name, {})[key] = value
        return found


def test_every_format_meets_every_policy() -> None:
    """With a file that shows other columns; each such case meets every policy."""
    drifting = [each.values for each in TABLE if isinstance(each.values[0], Case)]
    met = {(format, policy) for case, format, policy in drifting if case.drifts}
    assert met == {(format, policy) for format in FORMATS for policy in POLICIES}
    for case in CASES:
        told = {policy for known, _, policy in drifting if known is case}
        assert told == set(POLICIES) or not case.drifts


@pytest.mark.parametrize(("case", "format", "policy"), TABLE)
def test_drift_is_published_diverted_quarantined_or_refused(
    case: Case, format: str, policy: str, shared: Shared, tmp_path: Path
) -> None:
    """Each value of each row is where the policy says; rows in are rows accounted for."""
    drop = Drop(shared, tmp_path, format, policy)
    drop.write(case.written(format))
    if policy == "freeze" and (case.unknown or case.missing):
        _is_refused(drop, case)
        return
    done = drop.capture()
    published = drop.published()
    assert {k: (a, _flat(n)) for k, (a, n) in published.items()} == dict(case.published)
    own = [n for n in case.unknown if policy == "evolve" and n not in case.aside]
    aside = {n: dict(v) for n, v in case.unknown.items() if n not in own}
    assert drop.columns() == dict.fromkeys([*own, *(["_extra"] if aside else [])], "VARCHAR")
    for name in own:
        assert _same(drop.values(name), case.unknown[name])
    if aside:
        assert _same(drop.extra(), {n: v for n, v in aside.items() if v})
    reasons = [row[0] for row in drop.ask("select reason from <quarantine>")]
    assert len(reasons) == len(case.reasons)
    for found, wanted in zip(reasons, case.reasons, strict=True):
        assert _reason(format, wanted) in found
    (batch,) = drop.ask("select rows_in, rows, quarantined, repeated from <batches>")
    assert batch == (batch[1] + batch[2] + batch[3], len(published), len(reasons), 0)
    told = {(n, "evolved" if n in own else "diverted") for n in case.unknown}
    assert set(drop.ask("select column_name, outcome from <drift>")) == told
    warned = {key for values in case.unknown.values() for key in values}
    found = [f for o in done.outcomes for f in o.findings if f.check == "known_columns"]
    assert [f.failing for f in found] == ([len(warned)] if published else [])


def _is_refused(drop: Drop, case: Case) -> None:
    with pytest.raises(DriftError) as error:
        drop.capture()
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    for name in (*case.unknown, *case.missing):
        assert f"`{name}`" in lines[0]
    assert drop.published() == {}
    assert drop.ask("from <batches>") == drop.ask("from <quarantine>") == []
    assert drop.columns() == {}


def _flat(note: str | None) -> str | None:
    """A note; of a nested one what is inside."""
    return f"nested {json.loads(note)['x']}" if note and note.startswith("{") else note


def _same(found: Any, wanted: Any) -> bool:
    """Equal, where JSON is written with or without spaces."""
    plain = json.dumps(found, sort_keys=True).replace(" ", "")
    return plain == json.dumps(wanted, sort_keys=True).replace(" ", "")


def _reason(format: str, wanted: str) -> str:
    if wanted.startswith("lacks "):
        return lacking(format, wanted.removeprefix("lacks "))
    return "has no single text" if wanted == "no text" else wanted


def test_frozen_capture_goes_on_when_policy_or_contract_change(
    shared: Shared, tmp_path: Path
) -> None:
    """What came before stays; the refused file is captured afterwards, whole, once."""
    drop = Drop(shared, tmp_path, policy="freeze")
    drop.write(b"id,amount,note\n1,10,a\n")
    drop.capture()
    drop.write(b"id,amount,note,gate\n2,20,b,7\n")
    for _ in range(2):
        with pytest.raises(DriftError, match="`gate`"):
            drop.capture()
        assert drop.published() == {1: (10, "a")}
    gate = Column("gate", pa.int64(), "where")
    drop.promise(columns=(*CONTRACT.columns, gate), version="1.1.0")
    drop.capture()
    assert drop.ask("select id, gate from <things> order by id") == [(1, None), (2, 7)]
    drop.write(b"id,amount,note,gate,hall\n3,30,c,8,h\n")
    with pytest.raises(DriftError, match="`hall`"):
        drop.capture()
    drop.promise(drift="divert")
    drop.capture()
    assert drop.extra() == {"hall": {3: "h"}}
    assert drop.ask("select sum(rows_in), sum(rows) from <batches>") == [(3, 3)]


def test_evolved_column_is_recorded_once_filled_again(shared: Shared, tmp_path: Path) -> None:
    """The record says when, which column, which type, at which position; it is said once."""
    drop = Drop(shared, tmp_path, policy="evolve")
    drop.write(b"id,amount,note\n1,10,a\n")
    drop.write(b"id,amount,note,gate\n2,20,b,A1\n")
    drop.write(b"id,amount,note,gate\n3,30,c,A2\n")
    done = drop.capture()
    assert drop.values("gate") == {2: "A1", 3: "A2"}
    ((end, batch),) = drop.ask(
        "select to_position, batch_id from <batches> where batch_id ="
        " (select _batch_id from <things> where id = 2)"
    )
    assert drop.ask(
        "select column_name, outcome, type, position, batch_id, rows, contract_version,"
        " seen_at > now() - interval 1 hour from <drift>"
    ) == [("gate", "evolved", "VARCHAR", end, batch, 1, "1.0.0", True)]
    (finding,) = [f for f in done.outcomes[0].findings if f.check == "known_columns"]
    assert (finding.failing, finding.rows, finding.severity) == (1, 3, "warn")
    drop.write(b"id,amount,note,gate\n4,40,d,A3\n")
    (finding,) = [f for f in drop.capture().outcomes[0].findings if f.check == "known_columns"]
    assert finding.passed


@pytest.mark.parametrize(("type", "now"), [(pa.string(), ["A1", "7"]), (pa.int32(), [None, 7])])
def test_contract_takes_over_an_evolved_column(
    type: pa.DataType, now: list[Any], shared: Shared, tmp_path: Path
) -> None:
    """Text goes on as text; for another type the text that came is kept beside it."""
    drop = Drop(shared, tmp_path, policy="evolve")
    drop.write(b"id,amount,note,gate\n1,10,a,A1\n")
    drop.capture()
    drop.promise(columns=(*CONTRACT.columns, Column("gate", type, "where")))
    drop.write(b"id,amount,note,gate\n2,20,b,7\n")
    drop.capture()
    assert [row[0] for row in drop.ask("select gate from <things> order by id")] == now
    if pa.types.is_string(type):
        assert drop.columns() == {}
    else:
        assert drop.values("_gate_text") == {1: "A1"}
    drop.write(b"id,amount,note,gate\n3,30,c,8\n")
    drop.capture()
    assert len(drop.published()) == 3


def test_policy_may_change_without_loss(shared: Shared, tmp_path: Path) -> None:
    """What has a column keeps it, whatever is said of the next ones."""
    drop = Drop(shared, tmp_path, policy="evolve")
    drop.write(b"id,amount,note,gate\n1,10,a,A1\n")
    drop.capture()
    drop.promise(drift="divert")
    drop.write(b"id,amount,note,gate,hall\n2,20,b,A2,H\n")
    drop.capture()
    drop.promise(drift="evolve")
    drop.write(b"id,amount,note,gate,hall\n3,30,c,A3,I\n")
    drop.capture()
    assert drop.values("gate") == {1: "A1", 2: "A2", 3: "A3"}
    assert drop.extra() == {"hall": {2: "H"}}
    assert drop.values("hall") == {3: "I"}


def test_evolve_has_a_bound(shared: Shared, tmp_path: Path) -> None:
    """The first hundred columns get a place, the others go to `_extra`."""
    drop = Drop(shared, tmp_path, "json", "evolve")
    many = {f"x{number:03}": str(number) for number in range(103)}
    drop.write(json.dumps({"id": 1, "amount": 1, "note": "a", **many}).encode() + b"\n")
    drop.capture()
    assert len(drop.columns()) == 101
    assert drop.extra() == {f"x{n}": {1: str(n)} for n in (100, 101, 102)}


def test_rolled_back_batch_leaves_no_column(
    shared: Shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, columns, their record are one transaction."""
    drop = Drop(shared, tmp_path, policy="evolve")
    drop.write(b"id,amount,note,gate\n1,10,a,A1\n")
    monkeypatch.setenv("WATERMAIN_FAILPOINT", "ingest.after_ledger_before_commit=raise")
    with pytest.raises(RuntimeError, match="failpoint"):
        drop.capture()
    assert drop.columns() == {}
    assert drop.ask("from <drift>") == drop.ask("from <batches>") == []
    monkeypatch.delenv("WATERMAIN_FAILPOINT")
    drop.capture()
    assert drop.values("gate") == {1: "A1"}


@pytest.mark.parametrize("policy", ["divert", "evolve"])
def test_quarantined_row_brings_its_unknown_columns_back(
    policy: str, shared: Shared, tmp_path: Path
) -> None:
    """They stand in the payload; a replay puts them where the contract of then wants them."""
    drop = Drop(shared, tmp_path, policy=policy)
    drop.write(b"id,amount,note,gate,hall\n1,5000000000,a,A1,H\n2,20,b,A2,\n")
    drop.capture()
    ((payload,),) = drop.ask("select payload from <quarantine>")
    assert json.loads(json.loads(payload)["_extra"]) == {"gate": "A1", "hall": "H"}
    wide = Column("amount", pa.int64(), "of it")
    drop.dataset = replace(drop.dataset, name=replace(drop.dataset.name, table="wider"))
    with drop.lake.get_connection() as connection:
        connection.execute(
            f"update {ledger.QUARANTINE} set dataset = ? where payload = ?",
            [str(drop.dataset.name), payload],
        )
        connection.execute(f"drop table if exists {table(drop.dataset.name)}")
    hall = Column("hall", pa.string(), "where")
    columns = (CONTRACT.columns[0], wide, CONTRACT.columns[2], hall)
    drop.promise(columns=columns, version="2.0.0")
    assert drop.replay() == 1
    assert drop.ask("select id, amount, hall from <things>") == [(1, 5_000_000_000, "H")]
    assert drop.extra() == {"gate": {1: "A1"}}
