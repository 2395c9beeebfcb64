"""Each check says on its page what it demands, where it stands, what to read."""

from __future__ import annotations

import dagster as dg

from watermain.declare import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.publish.publication import check_labels
from watermain.engine.rooms.directory import everything
from watermain.orchestrate.page.checks import check_specs, places


def spec(dataset: Dataset, label: str) -> dg.AssetCheckSpec:
    """The spec of one check."""
    (found,) = [s for s in check_specs(dataset) if s.name == label]
    return found


def test_check_tells_its_rule_its_line_its_runbook() -> None:
    """The line is that of the rule; of what the contract implies it is the dataset's."""
    flights = everything()[DatasetName.parse("operations.curated.flights")]
    origin = spec(flights, "accepted_values_origin")
    rule = next(c for c in flights.checks if c.label == "accepted_values_origin")
    assert rule.declared != flights.declared
    assert origin.description == (
        "`origin` is one of EWR, JFK, LGA; blocks the partition otherwise.\n\n"
        f"Declared at `{rule.declared}`; when it fails, read `docs/runbooks/rows-break-a-rule.md`."
    )
    assert origin.blocking
    (reference,) = origin.metadata["dagster/code_references"].value.code_references
    assert reference.label == rule.declared
    assert flights.declared in str(spec(flights, "not_null_origin").description)
    assert "read `docs/runbooks/duplicate-keys.md`" in str(
        spec(flights, "unique_key_flight_id").description
    )


def test_each_check_of_the_project_has_a_spec() -> None:
    """In the order of the publish, with its severity."""
    for dataset in everything().values():
        specs = check_specs(dataset)
        assert [(s.name, s.blocking) for s in specs] == [
            (label, severity == "block") for label, severity in check_labels(dataset)
        ]
        assert all(places(dataset).values())
