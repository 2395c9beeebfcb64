"""`watermain quarantine`: what lies aside is counted, shown masked, let go for a reason."""

from __future__ import annotations

import getpass
import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from platform_assets.operations.raw import airline_contacts as contacts
from watermain.__main__ import app
from watermain.cli.look.explain import _published
from watermain.cli.look.masking import masked, masked_payload
from watermain.declare import Column, Contract, Dataset, DatasetName, Sensitivity
from watermain.declare.errors import InvalidDeclarationError, UnknownDatasetError
from watermain.lake import ledger
from watermain.lake.lake import Lake

FLIGHTS = "operations.raw.flights"


def quarantine(*words: str) -> Result:
    return CliRunner().invoke(app, ["quarantine", *words])


def told(*words: str) -> Any:
    """The facts that the command prints."""
    done = quarantine(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def aside(lake: Lake) -> Lake:
    """Three rows aside, of two causes."""
    with lake.get_connection() as connection:
        for position, reason in (("1", "late"), ("2", "late"), ("3", "torn")):
            connection.execute(
                f"insert into {ledger.QUARANTINE} (dataset, batch_id, position, reason, payload)"
                " values (?, 'b', ?, ?, '{}')",
                [FLIGHTS, position, reason],
            )
    return lake


def test_command_counts_shows_discards(aside: Lake) -> None:
    """Rows are chosen by their cause; who let them go is whoever is logged in."""
    counts = told("list", FLIGHTS)
    assert [(c["why"], c["status"], c["rows"]) for c in counts] == [
        ("late", "open", 2),
        ("torn", "open", 1),
    ]
    assert told("list") == counts
    assert [r["position"] for r in told("show", FLIGHTS, "--rule", "torn")] == ["3"]
    assert len(told("show", FLIGHTS, "--limit", "2")) == 2
    gone = told("discard", FLIGHTS, "--rule", "late", "--reason", "known")
    assert (gone["discarded"], gone["by"]) == (2, getpass.getuser())
    assert [r["position"] for r in told("show", FLIGHTS)] == ["3"]
    assert "discarded" in quarantine("list").stdout


def test_replay_of_nothing_starts_no_run(lake: Lake) -> None:
    """There is no Dagster instance here that could hold one."""
    assert told("replay", FLIGHTS) == {"dataset": FLIGHTS, "tried": 0, "open": 0}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("show", "operations.raw.flihgts"), UnknownDatasetError),
        (("discard", FLIGHTS, "--reason", " "), InvalidDeclarationError),
    ],
)
def test_wrong_use_says_what_is_right(lake: Lake, words: tuple[str, ...], error: type) -> None:
    """Four lines, nothing decided."""
    result = quarantine(*words)
    assert isinstance(result.exception, error)
    assert len(str(result.exception).splitlines()) == 4


PEOPLE = Dataset(
    name=DatasetName("shop", "curated", "people"),
    contract=Contract(
        grain="one row per person",
        key=("id",),
        columns=(
            Column("id", pa.string(), "who"),
            Column("mail", pa.string(), "address", sensitivity=Sensitivity.PERSONAL),
        ),
    ),
    owner="team:shop",
    declared="here",
)


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ('{"id": "a", "mail": "a@b.c"}', '{"id": "a", "mail": "***"}'),
        ('{"id": "a"}', '{"id": "a"}'),
        ("a;a@b.c", "***"),
        ('["a@b.c"]', "***"),
        ('{"id": "a", "MAIL": "a@b.c"}', '{"id": "a", "MAIL": "***"}'),
        ('{"after": {"mail": "a@b.c"}}', '{"after": "***"}'),
        (None, None),
    ],
)
def test_sensitive_values_are_masked(payload: str | None, shown: str | None) -> None:
    """What cannot be told apart is hidden as a whole."""
    assert masked_payload(PEOPLE, payload) == shown


def test_key_that_is_sensitive_is_no_position() -> None:
    """A computed row's position is its key; a captured one's is a place in its source."""
    secret = replace(PEOPLE.contract.columns[0], sensitivity=Sensitivity.PERSONAL)
    contract = replace(PEOPLE.contract, columns=(secret, PEOPLE.contract.columns[1]))
    hidden, row = replace(PEOPLE, contract=contract), {"position": "ann", "payload": None}
    assert masked(hidden, row)["position"] == "***"
    assert masked(PEOPLE, row)["position"] == "ann"
    assert masked(replace(contacts, contract=contract), row)["position"] == "ann"


def test_explain_shows_no_sensitive_value_of_rows_aside(lake: Lake) -> None:
    """A sample of each cause, masked as `quarantine show` masks it."""
    payload = json.dumps({"contact_id": "x", "email": "a@b.c"})
    with lake.get_connection() as connection:
        connection.execute(
            f"insert into {ledger.QUARANTINE} (dataset, batch_id, position, reason, payload)"
            " values (?, 'b', '1', 'torn', ?)",
            [str(contacts.name), payload],
        )
    (told,) = _published(contacts, None)["quarantined"]
    assert json.loads(told["sample"]) == {"contact_id": "x", "email": "***"}
