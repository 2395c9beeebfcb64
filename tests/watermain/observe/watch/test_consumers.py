"""Contracts that are loaded, held against those that were released."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from tests.watermain.observe.watch.failures import FEES, GRAVITY, MILD, NOW
from watermain.declare import Column, Contract, Migration
from watermain.engine.rooms.last_good import FOLDER, _facts
from watermain.observe.watch.asked import CONTRACT_PROMISES, CONTRACTS, AskedWatching
from watermain.observe.watch.changes import LatestChanges
from watermain.observe.watch.consumers import broken


def _contract(*columns: str, **words: object) -> Contract:
    return Contract(
        grain="one row per fee",
        key=("fee_id",),
        columns=tuple(Column(name, pa.string(), "a word") for name in ("fee_id", *columns)),
        **words,  # type: ignore[arg-type]
    )


def test_loaded_contract_that_breaks_readers_of_the_released_one_is_told() -> None:
    """A new column breaks nobody; a new major version with a migration says what to do."""
    released = {FEES: _contract("amount")}
    told = broken(released, {FEES: _contract("tip")}, GRAVITY, NOW)
    assert [(s.severity, s.rule, s.is_alone) for s in told] == [
        ("page", "breaks the released 1.0.0", True)
    ]
    (mild,) = broken(released, {FEES: _contract("tip")}, MILD, NOW)
    assert mild.severity == "ticket"
    assert "`amount`" in mild.told
    more = _contract("amount", "tip", version="1.1.0")
    grown = _contract("tip", version="2.0.0", migrations=(Migration("2.0.0", "read `tip`"),))
    for well in (_contract("amount"), more, grown):
        assert list(broken(released, {FEES: well}, GRAVITY, NOW)) == []
    assert list(broken({}, {FEES: _contract()}, GRAVITY, NOW)) == []


def test_rooms_are_held_against_the_contracts_of_the_project(home: Path) -> None:
    """In a process that ends; a column that the demo's flights lose breaks their readers."""
    from watermain.engine.rooms.directory import everything

    found = everything()
    flights = next(d for n, d in found.items() if str(n) == "operations.curated.flights")
    facts = _facts(flights)
    (home / FOLDER).mkdir()
    path = home / FOLDER / "operations.json"
    path.write_text(json.dumps({"format": 1, "datasets": [facts]}, default=str))
    changes = LatestChanges(lambda: "", lambda: home, lambda: home)
    watching = AskedWatching("contracts", CONTRACTS, CONTRACT_PROMISES, changes.contracts)
    looked = watching.look(NOW)
    assert looked.signals == ()
    assert looked.is_judged("schema_compatibility", flights.name)
    (table,) = facts["promise"]["schema"]
    table["properties"] = [p for p in table["properties"] if p["name"] != "carrier"]
    path.write_text(json.dumps({"format": 1, "datasets": [facts]}, default=str))
    (signal,) = watching.look(NOW).signals
    assert (signal.dataset, signal.promise) == (flights.name, "schema_compatibility")
    assert "`carrier`" in signal.told
