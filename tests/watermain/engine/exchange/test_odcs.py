"""Contracts as documents of the open standard: written, read back the same, refused clearly."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import open_data_contract_standard
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings

from platform_assets.operations.curated import flights
from platform_assets.operations.raw import airline_contacts
from watermain import declare
from watermain.declare import Check, Column, Contract, Sensitivity, matches, row_count
from watermain.declare.errors import UnreadableContractError
from watermain.engine.exchange.declaration_code import (
    STANDARD,
    WHOLE,
    check_code,
    declaration,
    imports,
    type_code,
)
from watermain.engine.exchange.odcs import document, facts
from watermain.engine.exchange.odcs_reader import read_document
from watermain.engine.exchange.released import Released, released
from watermain.engine.exchange.rule_words import check_of, rule_of, whole
from watermain.engine.exchange.type_words import engine_type, type_of, type_word
from watermain.testing.strategies.declared import TYPES, checks, releases

FEW = settings(max_examples=25)
KNOWN: dict[str, Any] = {}
exec(imports(f"x = ({', '.join([*STANDARD, *WHOLE, *declare.__all__])})"), KNOWN)
FOREIGN = """
apiVersion: v3.0.2
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
version: "2.1"
domain: Sales & More
schema:
  - name: Orders 2024
    description: all orders
    properties:
      - {name: order_id, logicalType: string, primaryKey: true, primaryKeyPosition: 1, unique: true}
      - {name: total, logicalType: number, physicalType: "numeric(9,2)", required: true}
      - {name: at, logicalType: timestamp, classification: confidential}
      - {name: place, logicalType: object, properties: [{name: zip, logicalType: string}]}
      - {name: tags, logicalType: array, items: {logicalType: string}, classification: level 4}
      - name: state
        logicalType: string
        quality:
          - {metric: invalidValues, arguments: {validValues: [open, done]}, mustBe: 0}
          - {metric: nullValues, mustBeLessThan: 5, name: few nulls}
    quality:
      - {type: library, metric: rowCount, mustBeGreaterThan: 0, severity: warning}
      - {type: sql, query: "select count(*) from x", mustBe: 0}
"""


@cache
def standard() -> jsonschema.Draft201909Validator:
    """The schema of the standard, as its authors publish it."""
    schema = resources.files(open_data_contract_standard).joinpath("schema.json")
    return jsonschema.Draft201909Validator(json.loads(schema.read_text(encoding="utf-8")))


@FEW
@given(releases())
def test_document_reads_back_the_same(promise: Released) -> None:
    """Round trip: whatever a contract says, quotes, unicode, nesting too."""
    assert read_document(document(promise)) == [promise]


@FEW
@given(releases())
def test_document_follows_the_standard(promise: Released) -> None:
    """The standard's own schema accepts it."""
    found = yaml.safe_load(document(promise))
    assert [e.message for e in standard().iter_errors(found)] == []


@FEW
@given(releases())
def test_document_is_one_text_for_one_promise(promise: Released) -> None:
    """The order in which checks were declared does not show."""
    turned = replace(promise, checks=promise.checks[::-1])
    assert document(turned) == document(promise)


@FEW
@given(releases())
def test_declaration_promises_what_was_read(promise: Released) -> None:
    """The printed Python, run, declares the same."""
    names: dict[str, Any] = {}
    code = declaration(promise)
    exec(imports(code) + code, names)
    assert released(names[promise.name.split(".")[2]]) == promise


@given(TYPES)
def test_type_reads_back_the_same(kind: pa.DataType) -> None:
    """As words in YAML, as Python."""
    assert type_of(json.loads(json.dumps(type_word(kind)))) == kind
    assert eval(type_code(kind), KNOWN) == kind


@given(checks(("a", 'b "c"', "ü")))
def test_check_reads_back_the_same(check: Check) -> None:
    """As a quality rule, as Python; whether or not the dataset is partitioned."""
    for cut in (True, False):
        column, rule = rule_of(check, is_partitioned=cut)
        assert check_of(yaml.safe_load(yaml.safe_dump(rule)), column) == check
    assert eval(check_code(check), KNOWN) == check


def test_document_tells_what_the_standard_has_words_for() -> None:
    """Key, grain, unit, sensitivity, owner, promise, quality, place."""
    found = facts(released(flights))
    (table,) = found["schema"]
    columns = {c["name"]: c for c in table["properties"]}
    assert found["team"] == {"name": "team:operations"}
    assert found["servers"] == [
        {"server": "lake", "type": "duckdb", "database": "lake", "schema": "operations_curated"}
    ]
    assert table["physicalName"] == "flights"
    assert table["dataGranularityDescription"] == "one row per flight leg"
    assert columns["flight_id"]["primaryKey"] is True
    assert columns["carrier"]["required"] is True
    assert columns["distance_miles"]["customProperties"] == [{"property": "unit", "value": "miles"}]
    assert columns["carrier"]["quality"][0]["arguments"] == {"pattern": "^(?:[A-Z0-9]{2})$"}
    assert table["quality"][1]["query"].startswith("select count(*) from ${table} where ")
    assert table["quality"][1]["severity"] == "warning"
    assert found["slaProperties"][0]["value"] == 3600
    contacts = facts(released(airline_contacts))["schema"][0]
    assert contacts["properties"][2]["classification"] == "personal"
    assert not any(c.get("primaryKey") for c in contacts["properties"])  # changes repeat keys


def test_foreign_document_is_read_as_far_as_words_go() -> None:
    """What has no word is told, never guessed."""
    (found,) = read_document(FOREIGN)
    assert found.name == "sales_more.curated.orders_2024"
    assert found.contract.version == "2.1.0"
    assert found.contract.key == ("order_id",)
    assert found.contract.schema == pa.schema(
        {
            "order_id": pa.string(),
            "total": pa.decimal128(9, 2),
            "at": pa.timestamp("us", "UTC"),
            "place": pa.struct({"zip": pa.string()}),
            "tags": pa.list_(pa.string()),
            "state": pa.string(),
        }
    )
    assert found.contract.column("at").sensitivity is Sensitivity.SECRET
    assert row_count(low=1, severity="warn") in found.checks
    assert sorted(c.label for c in found.checks) == [
        "accepted_values_state",
        "row_count",
        "unique_key_order_id",
    ]
    assert found.notes == (
        "`tags`: classification 'level 4' has no word here",
        "`state`: the rule 'few nulls' has no word here",
        "the table: the rule 'select count(*) from x' has no word here",
    )
    assert "# not kept: `state`: the rule 'few nulls' has no word here" in declaration(found)


MALFORMED = {
    "kind: Other": "it is no data contract",
    "- 1": "it is no data contract",
    "kind: DataContract\napiVersion: v2.2.2": "apiVersion 'v2.2.2' is not version 3",
    "kind: DataContract\nkind: DataContract": "`kind` stands twice in the mapping of line 1",
    "a: &a [*a]": "an alias",
    "a: !!python/object/apply:os.system [ls]": "could not determine a constructor",
    "a: [": "is not plain YAML",
    "[" * 200 + "]" * 200: "nested more than 100 deep",
    "kind: DataContract\napiVersion: v3.1.0\nsurprise: 1": "surprise",
}
COLUMN = (
    "kind: DataContract\napiVersion: v3.1.0\nid: x\nversion: 1.0.0\n"
    "schema:\n- name: t\n  properties:\n"
)
BROKEN_TABLES = {
    "  - {name: a}\n": "no column of the table t is its primary key",
    "  - {name: a, primaryKey: true}\n  - {name: a}\n": "column `a` is declared twice",
    "  - {name: a, primaryKey: true}\n  - {name: A}\n": "differ by case alone",
    '  - {name: "", primaryKey: true}\n': "a column has no name",
    "  - {name: a, customProperties: [{property: arrowType, value: int3}]}\n": "names no type",
    "  - {name: a, primaryKey: 3x}\n": "primaryKey",
    "  - name: a\n    primaryKey: true\n    quality:\n"
    "    - {type: custom, engine: watermain, implementation: {check: no}}\n": "is no check",
}  # fmt: skip


@pytest.mark.parametrize("text", [*MALFORMED, *(COLUMN + t for t in BROKEN_TABLES)])
def test_malformed_document_is_refused_in_four_lines(text: str) -> None:
    """Wrong kinds, versions, circles, tags, columns: the file is named with what is wrong."""
    says = MALFORMED.get(text) or BROKEN_TABLES[text.removeprefix(COLUMN)]
    with pytest.raises(UnreadableContractError) as refused:
        read_document(text, "orders.yaml")
    assert says in refused.value.what
    assert "orders.yaml" in refused.value.what
    assert len(str(refused.value).splitlines()) == 4


@pytest.mark.slow
def test_contract_of_ten_thousand_columns_makes_the_journey() -> None:
    """Written, read back; its errors stay short."""
    columns = tuple(Column(f"c{n}", pa.int32(), "one of many") for n in range(10_000))
    wide = Contract(grain="one row", key=("c0",), columns=columns)
    promise = Released(name="shop.curated.wide", contract=wide, owner="team:shop")
    assert read_document(document(promise)) == [promise]
    with pytest.raises(Exception, match="is declared twice") as refused:
        Contract(grain="one row", key=("c0",), columns=(*columns, columns[0]))
    assert len(str(refused.value)) < 3000


def test_types_without_a_word_are_refused() -> None:
    """A union is no column; half a float has no engine type."""
    with pytest.raises(UnreadableContractError, match="cannot be written"):
        type_word(pa.dense_union([pa.field("a", pa.int8())]))
    assert engine_type(pa.float16()) is None
    assert engine_type(pa.struct({'a "b"': pa.int8()})) == 'struct("a ""b""" tinyint)'


@pytest.mark.parametrize(
    ("searched", "matched"),
    [
        ("^(?:[a-z]+)$", "[a-z]+"),
        ("^[a-z]+$", "[a-z]+"),
        ("^a", "a(?s:.*)"),
        ("a$", "(?s:.*)a"),
        ("a", "(?s:.*)(?:a)(?s:.*)"),
        ("^(?:a)(?:b)$", "(?:a)(?:b)"),
        ("^a|b$", "(?s:.*)(?:^a|b$)(?s:.*)"),
        (r"a\$", r"(?s:.*)(?:a\$)(?s:.*)"),
    ],
)
def test_pattern_that_is_searched_becomes_one_that_matches(searched: str, matched: str) -> None:
    """Other tools search; ours match from end to end."""
    assert whole(searched) == matched
    assert check_of(rule_of(matches("a", matched), is_partitioned=False)[1], "a") == matches(
        "a", matched
    )
