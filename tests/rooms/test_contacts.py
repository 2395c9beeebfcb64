"""The airlines' contacts: one address is wrong, no person is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from demo.contacts import MISTYPED, contacts
from platform_assets.operations import curated, raw
from tests.watermain.engine.feed import Feed, changes
from watermain.__main__ import app
from watermain.declare import Dataset, DatasetName, Sensitivity, matches
from watermain.declare.errors import BrokenContractError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.canary import canary
from watermain.engine.publish.publication import Job, Publication
from watermain.engine.publish.publish import publish
from watermain.lake import quarantine
from watermain.lake.lake import Lake, table
from watermain.orchestrate.asset import asset_for

NAMES = ("contact_id", "carrier", "name", "email", "phone")
PEOPLE = [dict(zip(NAMES, each, strict=True)) for each in contacts(7)]
HELD = {"name", "email", "phone"}
CONTACTS = curated.airline_contacts.name


@dataclass(frozen=True)
class World:
    """A lake with captured contacts, with airlines of a test's choice."""

    lake: Lake
    known: dict[DatasetName, Dataset]

    @property
    def job(self) -> Job:
        return Job(lake=self.lake, find=self.known.__getitem__, rebuild=True)

    def publish(self, dataset: Dataset = curated.airline_contacts) -> Publication:
        """Compute the contacts, as declared or otherwise."""
        return publish(dataset, None, self.job)

    def hold(self, *airlines: tuple[str, str], **words: Any) -> None:
        """Publish airlines: code, name; `words` change their contract."""
        rows = pa.table({"carrier": [c for c, _ in airlines], "name": [n for _, n in airlines]})
        contract = replace(curated.airlines.contract, **words)
        made = replace(curated.airlines, inputs={}, contract=contract, body=lambda: rows)
        self.known[made.name] = made
        publish(made, None, self.job).refuse_blocked()


@pytest.fixture
def world(lake: Lake) -> World:
    """All contacts of the demo, two of the airlines."""
    shelves = (raw.airline_contacts, curated.airline_contacts)
    found = World(lake, {d.name: d for d in shelves})
    found.hold(("9E", "Endeavor Air Inc."), ("AA", "American Airlines Inc."))
    capture(raw.airline_contacts, found.job, source=Feed(changes(PEOPLE)))
    return found


def test_contacts_are_named_by_their_airline(world: World) -> None:
    """The latest state of each; an airline that nobody delivered takes no contact away."""
    moved = [{**PEOPLE[0], "phone": "+1-212-555-0199", "_op": "u"}, {**PEOPLE[1], "_op": "d"}]
    batch = changes(moved, start="1", end="2")
    capture(raw.airline_contacts, world.job, source=Feed(batch))
    world.publish().refuse_blocked()
    with world.lake.get_connection() as connection:
        rows = connection.execute(
            f"select contact_id, airline, phone from {table(CONTACTS)}"
            " where contact_id in (1, 2, 4, 48) order by 1"
        ).fetchall()
    assert rows == [
        (1, "Endeavor Air Inc.", "+1-212-555-0199"),
        (4, "American Airlines Inc.", PEOPLE[3]["phone"]),
        (48, None, PEOPLE[47]["phone"]),
    ]


def test_mistyped_address_goes_aside_masked(world: World) -> None:
    """One of 48; the others are published; whoever looks sees no person."""
    done = world.publish()
    done.refuse_blocked()
    (outcome,) = done.outcomes
    assert (outcome.rows_out, dict(outcome.aside)) == (47, {"matches_email": 1})
    assert done.samples["matches_email"] == [str(MISTYPED)]
    with world.lake.get_connection() as connection:
        (row,) = quarantine.listed(connection, str(CONTACTS))
    assert " at " in json.loads(row["payload"])["email"]
    shown = CliRunner().invoke(app, ["quarantine", "show", str(CONTACTS), "--json"])
    (told,) = json.loads(shown.stdout)
    payload = json.loads(told["payload"])
    assert {name for name, value in payload.items() if value == "***"} == HELD
    assert payload["contact_id"] == MISTYPED


def test_many_mistyped_addresses_hold_all_back(world: World) -> None:
    """A tenth of the contacts may go aside; more is no slip of a hand."""
    strict = (matches("email", "[a-l].*", severity="quarantine"),)
    done = world.publish(replace(curated.airline_contacts, checks=strict))
    with pytest.raises(BrokenContractError, match="break `quarantine_limit`"):
        done.refuse_blocked()


def test_difference_of_contacts_shows_no_person(world: World) -> None:
    """Every value that changed is told by its column alone."""
    world.publish().refuse_blocked()
    mended = [{**p, "email": "office@airline.example", "name": "An Office"} for p in PEOPLE]
    batch = changes([{**p, "_op": "u"} for p in mended], start="1", end="2")
    capture(raw.airline_contacts, world.job, source=Feed(batch))
    told = canary(curated.airline_contacts, None, world.job).difference
    assert (dict(told.columns), told.added, told.changed) == ({"name": 47, "email": 47}, 1, 47)
    values = [v for s in told.samples for v in s.get("values", {}).values()]
    assert len(values) == 10
    assert all(value == ["***", "***"] for value in values)


@pytest.mark.parametrize(
    ("sensitivity", "keys"),
    [
        (Sensitivity.INTERNAL, "AA/American, AA/Other"),
        (Sensitivity.PERSONAL, "***/American, ***/Other"),
    ],
)
def test_failed_need_tells_dagster_all_about_it(
    world: World, sensitivity: Sensitivity, keys: str
) -> None:
    """How many rows fail, sample keys, the rule's line, its page; nothing is published."""
    code, name = curated.airlines.contract.columns
    columns = (replace(code, sensitivity=sensitivity), name)
    world.hold(("AA", "American"), ("AA", "Other"), key=("carrier", "name"), columns=columns)
    asset = asset_for(curated.airline_contacts, world.known.__getitem__)
    assert isinstance(asset, dg.AssetsDefinition)
    with dg.instance_for_test() as instance:
        result = dg.materialize(
            [asset], instance=instance, resources={"lake": world.lake}, raise_on_error=False
        )
    assert not result.success
    found = {e.check_name: e for e in result.get_asset_check_evaluations() if not e.passed}
    assert set(found) == {
        "needs_airlines_unique_key_carrier",
        "unique_key_contact_id",
        "matches_email",
    }
    need = found["needs_airlines_unique_key_carrier"]
    told = {label: value.value for label, value in need.metadata.items()}
    assert (told["failing"], told["rows"]) == (1, 2)
    assert ", ".join(sorted(str(told["sample_keys"]).split(", "))) == keys
    guarantee = curated.airline_contacts.needs["airlines"].guarantees[0]
    assert told["declared"] == guarantee.declared != curated.airline_contacts.declared
    assert told["declared"].startswith("platform_assets/operations/curated.py:")
    assert told["runbook"] == "docs/runbooks/an-input-lacks-what-is-needed.md"
