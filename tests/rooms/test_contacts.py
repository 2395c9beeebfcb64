"""The airlines' contacts: one address is wrong, no person is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from demo.contacts import MISTYPED, contacts
from platform_assets.operations import curated, raw
from watermain.__main__ import app
from watermain.declare import Dataset, Sensitivity, matches
from watermain.declare.errors import BrokenContractError
from watermain.engine.publish.canary import canary
from watermain.engine.publish.publication import Publication
from watermain.engine.publish.publish import publish
from watermain.lake.lake import Lake
from watermain.orchestrate.asset import asset_for
from watermain.testing import TrialLake

NAMES = ("contact_id", "carrier", "name", "email", "phone")
PEOPLE = [dict(zip(NAMES, each, strict=True)) for each in contacts(7)]
HELD = {"name", "email", "phone"}
CONTACTS = curated.airline_contacts.name


class World(TrialLake):
    """A lake with captured contacts, with airlines of a test's choice."""

    def contacts(self, dataset: Dataset = curated.airline_contacts) -> Publication:
        """Compute the contacts, as declared or otherwise, whatever a check says."""
        return publish(dataset, None, replace(self.job, rebuild=True))

    def hold(self, *airlines: tuple[str, str], **words: Any) -> None:
        """Publish airlines: code, name; `words` change their contract."""
        contract = replace(curated.airlines.contract, **words)
        rows = [{"carrier": code, "name": name} for code, name in airlines]
        self.given(replace(curated.airlines, contract=contract), rows)


@pytest.fixture
def world(lake: Lake) -> World:
    """All contacts of the demo, two of the airlines."""
    found = World(lake)
    found.hold(("9E", "Endeavor Air Inc."), ("AA", "American Airlines Inc."))
    found.given(raw.airline_contacts, PEOPLE)
    return found


def test_contacts_are_named_by_their_airline(world: World) -> None:
    """The latest state of each; an airline that nobody delivered takes no contact away."""
    moved = [{**PEOPLE[0], "phone": "+1-212-555-0199", "_op": "u"}, {**PEOPLE[1], "_op": "d"}]
    world.given(raw.airline_contacts, moved)
    world.publish(curated.airline_contacts)
    rows = world.rows(curated.airline_contacts)
    found = [(r["contact_id"], r["airline"], r["phone"]) for r in rows]
    assert [each for each in found if each[0] in (1, 2, 4, 48)] == [
        (1, "Endeavor Air Inc.", "+1-212-555-0199"),
        (4, "American Airlines Inc.", PEOPLE[3]["phone"]),
        (48, None, PEOPLE[47]["phone"]),
    ]


def test_mistyped_address_goes_aside_masked(world: World) -> None:
    """One of 48; the others are published; whoever looks sees no person."""
    done = world.publish(curated.airline_contacts)
    (outcome,) = done.outcomes
    assert (outcome.rows_out, dict(outcome.aside)) == (47, {"matches_email": 1})
    assert done.samples["matches_email"] == [str(MISTYPED)]
    (row,) = world.aside(curated.airline_contacts)
    assert " at " in json.loads(row["payload"])["email"]
    shown = CliRunner().invoke(app, ["quarantine", "show", str(CONTACTS), "--json"])
    (told,) = json.loads(shown.stdout)
    payload = json.loads(told["payload"])
    assert {name for name, value in payload.items() if value == "***"} == HELD
    assert payload["contact_id"] == MISTYPED


def test_many_mistyped_addresses_hold_all_back(world: World) -> None:
    """A tenth of the contacts may go aside; more is no slip of a hand."""
    strict = (matches("email", "[a-l].*", severity="quarantine"),)
    done = world.contacts(replace(curated.airline_contacts, checks=strict))
    with pytest.raises(BrokenContractError, match="break `quarantine_limit`"):
        done.refuse_blocked()


def test_difference_of_contacts_shows_no_person(world: World) -> None:
    """Every value that changed is told by its column alone."""
    world.publish(curated.airline_contacts)
    mended = [{**p, "email": "office@airline.example", "name": "An Office"} for p in PEOPLE]
    world.given(raw.airline_contacts, [{**p, "_op": "u"} for p in mended])
    told = canary(curated.airline_contacts, None, replace(world.job, rebuild=True)).difference
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
    asset = asset_for(curated.airline_contacts, world.find)
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
