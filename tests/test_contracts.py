"""Released contracts: kept by the code, current, needed columns there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from tests.lakes import shared_folder
from watermain.dbt.dbt import prepare_manifest
from watermain.declare import (
    Column,
    Contract,
    Dataset,
    DatasetName,
    Migration,
    Needs,
    needs,
    not_null,
)
from watermain.declare.body.mart import Mart
from watermain.declare.errors import InvalidDeclarationError, UnreadableContractError
from watermain.engine.exchange.released import Released, released
from watermain.engine.mart.mart import marts
from watermain.engine.release.gate import breaches, unmet_needs
from watermain.engine.release.release import (
    broken,
    path_of,
    read_all,
    read_retired,
    read_texts,
    shown,
    stale,
    text_of,
)
from watermain.engine.release.usage import columns_used
from watermain.engine.table.order import refuse_circles
from watermain.engine.table.table import stored_schema
from watermain.orchestrate import location
from watermain.settings import Settings
from watermain.testing.strategies.declared import with_column

FLIGHTS = DatasetName.parse("operations.curated.flights")
DEPARTURES = DatasetName.parse("operations.marts.fct_departures")
Known = Mapping[DatasetName, Dataset]


@pytest.fixture(scope="module")
def rooms() -> Known:
    """Every dataset that a room declares in Python."""
    found = [d for team in location.teams() for d in location.declared(team)]
    return {d.name: d for d in found if d.name.stage != "marts"}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The present dbt project, compiled."""
    return prepare_manifest(Settings(data_dir=shared_folder(tmp_path_factory)))


@pytest.fixture(scope="module")
def known(rooms: Known, manifest: Path) -> Known:
    """Every dataset of every room, the marts of the present dbt project among them."""
    found = [mart for team in location.teams() for mart in marts(team, manifest)]
    return {**rooms, **{d.name: d for d in found}}


@pytest.fixture(scope="module")
def before() -> Mapping[DatasetName, Released]:
    """What was released."""
    return read_all()


def test_rooms_keep_what_they_released(
    rooms: Known, before: Mapping[DatasetName, Released]
) -> None:
    """The quick half, without dbt: nothing is broken, each file is current."""
    released_here = {n: was for n, was in before.items() if n.stage != "marts"}
    assert [str(e) for e in (*broken(rooms, released_here), *stale(rooms))] == []


def test_code_keeps_every_released_contract(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """A break needs a new major version with a migration; the message names the readers hurt."""
    assert [str(e) for e in broken(known, before)] == []


def test_every_contract_is_released_as_it_is_declared(known: Known) -> None:
    """`make contracts` writes what is missing here."""
    assert [str(e) for e in stale(known)] == []


def test_no_dataset_is_computed_from_itself(known: Known) -> None:
    """Inputs make no circle, across rooms too."""
    refuse_circles(known)


def test_every_need_of_a_reader_is_promised(known: Known) -> None:
    """Consumer contracts: columns, types, guarantees against the producer's contract."""
    assert [str(e) for e in unmet_needs(known)] == []


def test_every_used_column_is_in_its_contract(known: Known) -> None:
    """Each body, each model uses what its inputs promise or the platform keeps."""
    for reader in known.values():
        used = columns_used(reader, known.__getitem__) or {}
        for name, columns in used.items():
            assert columns <= set(stored_schema(known[name]).names), (reader.name, name)


def test_usage_is_known_column_by_column(known: Known) -> None:
    """What a body carries along without using it is not used."""
    monthly = known[DatasetName.parse("operations.marts.fct_monthly_on_time_report")]
    used = columns_used(monthly, known.__getitem__)
    assert used is not None
    assert used[DEPARTURES] == {
        *("arrival_delay_minutes", "carrier", "flight_on"),
        *("is_cancelled", "is_diverted", "is_on_time"),
    }
    flights = columns_used(known[FLIGHTS], known.__getitem__)
    assert flights is not None
    raw = flights[DatasetName.parse("operations.raw.flights")]
    assert "scheduled_arrival_hhmm" not in raw
    assert {"_lsn", "dest"} <= raw


def without(known: Known, column: str, **words: object) -> dict[DatasetName, Dataset]:
    """The rooms with a column of the flights dropped."""
    flights = known[FLIGHTS]
    contract = replace(with_column(flights.contract, column, None), **words)  # type: ignore[arg-type]
    return {**known, FLIGHTS: replace(flights, contract=contract, checks=())}


def test_break_names_the_readers_with_their_columns(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """Four lines: what, where, who reads what, which version."""
    (error,) = broken(without(known, "tail_number"), before)
    lines = str(error).splitlines()
    assert lines[0].startswith("operations.curated.flights 1.1.0: `tail_number`: it was dropped")
    assert "hurts operations.marts.fct_departures (`tail_number`)" in lines[0]
    assert "a breaking change needs version 2.0.0" in lines[0]
    assert lines[1] == f"  declared  {known[FLIGHTS].declared}"
    assert lines[2].endswith("contracts/operations/curated.flights.odcs.yaml")
    assert 'Migration("2.0.0", ...)' in lines[3]


def test_break_with_version_with_migration_passes(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """Then the readers know what to do; the file is stale until it is written."""
    move = Migration("2.0.0", "look the aircraft up in operations.curated.aircraft")
    moved = without(known, "tail_number", version="2.0.0", migrations=(move,))
    assert list(broken(moved, before)) == []
    (late,) = stale(moved)
    assert "operations.curated.flights 2.0.0 is released otherwise" in str(late)
    assert "watermain contract export" in late.next


def test_change_of_the_table_hurts_every_reader(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """Grain, key: whoever reads anything."""
    flights = known[FLIGHTS]
    other = replace(flights, contract=replace(flights.contract, grain="one row per day"))
    (error,) = broken({**known, FLIGHTS: other}, before)
    assert "hurts operations.marts.fct_departures (the whole table)" in error.what


def test_reader_whose_columns_only_a_run_tells_is_named(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """A body that takes frames is not called; it counts as hurt."""

    def body(flights: pa.Table) -> pa.Table:
        return flights

    mart = known[DEPARTURES]
    frame = replace(mart, inputs={"flights": FLIGHTS}, body=body, mart=None)
    (error,) = broken({**without(known, "tail_number"), DEPARTURES: frame}, before)
    assert "fct_departures (columns known only when it runs)" in error.what


def test_dataset_that_nobody_declares_any_more_is_told(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """A contract does not end silently."""
    left = {n: d for n, d in known.items() if n != DEPARTURES}
    (error,) = broken(left, before)
    assert "no room declares it any more" in error.what
    assert f"delete {shown(DEPARTURES)}" in error.next


def test_draft_is_neither_released_nor_held(known: Known, tmp_path: Path) -> None:
    """Below 1.0.0 a contract may change."""
    flights = known[FLIGHTS]
    draft = replace(flights, contract=replace(flights.contract, version="0.1.0"))
    assert list(stale({FLIGHTS: draft}, tmp_path)) == []
    (missing,) = stale({FLIGHTS: flights}, tmp_path)
    assert "1.1.0 is not released" in missing.what


def test_released_files_are_read_from_a_folder(known: Known, tmp_path: Path) -> None:
    """One file for each dataset, by team; a malformed one is named."""
    path = path_of(FLIGHTS, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(text_of(known[FLIGHTS]), encoding="utf-8")
    assert read_all(tmp_path) == {FLIGHTS: released(known[FLIGHTS])}
    path.write_text("kind: [")
    with pytest.raises(UnreadableContractError, match=r"operations/curated\.flights\.odcs\.yaml"):
        read_all(tmp_path)


def test_circle_of_inputs_is_refused_with_the_way_around() -> None:
    """Across rooms, where Dagster would not see it."""
    contract = Contract(grain="one row", key=("id",), columns=(Column("id", pa.string(), "it"),))
    names = [DatasetName.parse(f"{team}.curated.things") for team in ("one", "two")]
    made = {
        name: Dataset(name=name, contract=contract, owner="team:x", declared="a.py:1",
                      inputs={"other": other}, body=lambda other: other)
        for name, other in zip(names, reversed(names), strict=True)
    }  # fmt: skip
    with pytest.raises(InvalidDeclarationError, match="is computed from itself") as refused:
        refuse_circles(made)
    assert "one.curated.things -> two.curated.things" in refused.value.what or (
        "two.curated.things -> one.curated.things" in refused.value.what
    )


def relying(known: Known, wanted: Needs) -> Dataset:
    """The report of departures, declared to rely on something without using it."""
    return replace(known[DEPARTURES], needs={"flights": wanted})


def test_need_that_nobody_promises_is_found(known: Known) -> None:
    """Four lines: reader, producer, both places."""
    wanted = needs(str(FLIGHTS), columns=("gate", "origin"), guarantees=(not_null("gate"),))
    (error,) = unmet_needs({**known, DEPARTURES: relying(known, wanted)})
    what, declared, data, next_step = str(error).splitlines()
    assert what.startswith(f"{DEPARTURES} needs of {FLIGHTS}: there is no column `gate`; there are")
    assert what.endswith("; no blocking check promises not_null_gate")
    places = f"{known[DEPARTURES].declared}; its producer at {known[FLIGHTS].declared}"
    assert declared == f"  declared  {places}"
    assert str(DEPARTURES) in data
    assert f"promise it in {FLIGHTS}" in next_step


def test_need_of_what_nobody_declares_is_found(known: Known) -> None:
    """It is told as any other, not as a failure of the gate."""
    wanted = needs("operations.curated.gates", columns=("gate",))
    (error,) = unmet_needs({**known, DEPARTURES: relying(known, wanted)})
    assert error.what == f"{DEPARTURES} needs of operations.curated.gates: no room declares it"


def test_break_of_a_column_that_is_needed_but_not_used_names_the_reader(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """Who said that it relies on a column is hurt by its end."""
    changed = without(known, "arrival_delay_minutes")
    unused = replace(
        known[DEPARTURES], mart=Mart(sql="select flight_id from input_flights"),
        inputs={"flights": FLIGHTS},
    )  # fmt: skip
    (error,) = broken({**changed, DEPARTURES: unused}, before)
    assert "hurts no reader" in error.what
    wanted = replace(
        unused, needs=relying(known, needs(str(FLIGHTS), columns=("arrival_delay_minutes",))).needs
    )
    (error,) = broken({**changed, DEPARTURES: wanted}, before)
    assert f"hurts {DEPARTURES} (`arrival_delay_minutes`)" in error.what


def test_file_that_was_rewritten_with_the_code_hides_nothing(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """The break is found in what an earlier commit released; once, where the file stands too."""
    changed = without(known, "tail_number")
    rewritten = {**before, FLIGHTS: released(changed[FLIGHTS])}
    assert list(breaches(changed, rewritten, {}, {})) == []
    (error,) = breaches(changed, rewritten, before, {})
    assert "`tail_number`: it was dropped" in str(error)
    assert len(list(breaches(changed, before, before, {}))) == 1


def test_file_that_was_deleted_with_the_code_hides_nothing(
    known: Known, before: Mapping[DatasetName, Released]
) -> None:
    """A dataset ends by a line that tells its readers what to do."""
    left = {n: d for n, d in known.items() if n != DEPARTURES}
    deleted = {n: was for n, was in before.items() if n != DEPARTURES}
    (error,) = breaches(left, deleted, before, {})
    assert f"contracts/retired.yaml: `{DEPARTURES}: what its readers do instead`" in str(error)
    assert len(list(breaches(left, before, before, {}))) == 1
    told = {DEPARTURES: "read fct_daily_punctuality"}
    assert list(breaches(left, deleted, before, told)) == []
    (error,) = breaches(known, before, before, told)
    assert f"{DEPARTURES} is retired, yet {known[DEPARTURES].declared} declares it" in str(error)


@pytest.mark.parametrize("text", ["a.raw.b:\n", "a.raw.b: ' '\n", "- a.raw.b\n", "a.raw.b: [x]\n"])
def test_retired_dataset_says_what_its_readers_do(text: str, tmp_path: Path) -> None:
    """One line for each; no file, no dataset."""
    assert read_retired(tmp_path) == {}
    path = tmp_path / "retired.yaml"
    path.write_text("a.raw.b: read a.raw.c\n")
    assert read_retired(tmp_path) == {DatasetName("a", "raw", "b"): "read a.raw.c"}
    path.write_text(text)
    with pytest.raises(UnreadableContractError, match="does not say what readers of"):
        read_retired(tmp_path)


def test_only_documents_are_read_as_contracts(known: Known) -> None:
    """Among the files of an earlier commit."""
    texts = {shown(FLIGHTS): text_of(known[FLIGHTS]), "contracts/retired.yaml": "a.raw.b: c"}
    assert read_texts(texts) == {FLIGHTS: released(known[FLIGHTS])}
