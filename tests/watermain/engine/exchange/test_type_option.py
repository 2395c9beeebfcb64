"""Options of a data contract's types become checks, or are told."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pytest
import yaml

from watermain.engine.audit.rule import violation
from watermain.engine.exchange.declaration_code import declaration
from watermain.engine.exchange.odcs_reader import read_document
from watermain.engine.exchange.physical_type import physical_type
from watermain.engine.exchange.released import Released


def read(**prop: Any) -> Released:
    """The promise of a document with one column `a`, beside its key."""
    columns = [{"name": "id", "logicalType": "string", "primaryKey": True}, {"name": "a", **prop}]
    words = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "orders",
        "version": "1.0.0",
        "status": "draft",
        "schema": [{"name": "orders", "properties": columns}],
    }
    (found,) = read_document(yaml.safe_dump(words))
    return found


def broken(promise: Released, values: list[Any]) -> list[Any]:
    """The values that some check refuses."""
    kind = promise.contract.column("a").type
    with duckdb.connect() as connection:
        connection.register("given", pa.table({"a": pa.array(values, kind)}))
        rule = " or ".join(f"({violation(c)})" for c in promise.checks) or "false"
        return [v for (v,) in connection.execute(f"select a from given where {rule}").fetchall()]


CASES: list[tuple[str, dict[str, Any], list[Any], list[Any]]] = [
    ("integer", {"minimum": 0}, [None, -1, 0, 1], [-1]),
    ("integer", {"maximum": 9}, [None, 9, 10], [10]),
    ("integer", {"minimum": 0, "maximum": 9}, [-1, 0, 9, 10], [-1, 10]),
    ("integer", {"exclusiveMinimum": 0}, [None, 0, 1], [0]),
    ("integer", {"exclusiveMaximum": 9}, [8, 9], [9]),
    ("integer", {"minimum": 0, "exclusiveMinimum": True}, [0, 1], [0]),
    ("integer", {"maximum": 9, "exclusiveMaximum": True, "minimum": 1}, [0, 1, 8, 9], [0, 9]),
    ("integer", {"maximum": 9, "exclusiveMaximum": False}, [9, 10], [10]),
    ("integer", {"multipleOf": 5}, [None, 0, 5, 7, -10], [7]),
    ("integer", {"enum": [1, 2]}, [None, 1, 3], [3]),
    ("number", {"minimum": 0.5, "exclusiveMaximum": 1}, [0.25, 0.5, 0.75, 1.0], [0.25, 1.0]),
    ("string", {"minLength": 2}, [None, "", "é", "ab"], ["", "é"]),
    ("string", {"minLength": 1, "maxLength": 2}, ["", "ab", "abc"], ["", "abc"]),
    ("string", {"pattern": "^B[0-9]+$"}, [None, "B1", "xB1", "B1x"], ["xB1", "B1x"]),
    ("string", {"pattern": "[0-9]"}, ["B1", "B"], ["B"]),
    ("string", {"enum": ["open", "it's"]}, [None, "open", "it's", "shut"], ["shut"]),
    (
        "string",
        {"format": "uuid"},
        [None, "3F2504E0-4f89-11d3-9a0c-0305e82c3301", "3f2504e0"],
        ["3f2504e0"],
    ),
    ("string", {"format": "ipv4"}, ["10.0.0.1", "256.0.0.1", "10.0.0"], ["256.0.0.1", "10.0.0"]),
]


@pytest.mark.parametrize(("logical", "options", "values", "wrong"), CASES)
def test_option_is_a_check(
    logical: str, options: dict[str, Any], values: list[Any], wrong: list[Any]
) -> None:
    """Null breaks none of them: that is `required`."""
    promise = read(logicalType=logical, logicalTypeOptions=options)
    assert broken(promise, values) == wrong
    assert promise.notes == ()
    assert "not kept" not in declaration(promise)


def test_bounds_of_dates_and_sizes_of_lists_are_checks() -> None:
    """Dates by their text; a list by its items."""
    dates = read(logicalType="date", logicalTypeOptions={"minimum": "2020-01-01"})
    (check,) = dates.checks
    with duckdb.connect() as connection:
        rows = "values (date '2019-12-31'), ('2020-01-01')"
        sql = f"select count(*) from ({rows}) t(a) where {violation(check)}"
        assert connection.execute(sql).fetchone() == (1,)
    lists = read(
        logicalType="array",
        items={"name": "part", "logicalType": "string"},
        logicalTypeOptions={"minItems": 1, "maxItems": 2},
    )
    assert broken(lists, [None, [], ["x"], ["x", "y", "z"]]) == [[], ["x", "y", "z"]]


def test_multiple_of_a_decimal_is_exact() -> None:
    promise = read(physicalType="NUMERIC(10,2)", logicalTypeOptions={"multipleOf": 0.05})
    kind = promise.contract.column("a").type
    values = pa.array(["0.05", "0.10", "0.12", "99999999.95"]).cast(kind).to_pylist()
    assert [str(v) for v in broken(promise, values)] == ["0.12"]


@pytest.mark.parametrize(
    ("prop", "says"),
    [
        ({"logicalType": "string", "logicalTypeOptions": {"pattern": "^(?!x).*$"}}, "`pattern: "),
        ({"logicalType": "string", "logicalTypeOptions": {"format": "email"}}, "`format: email`"),
        ({"logicalType": "string", "logicalTypeOptions": {"minimum": 3}}, "`minimum: 3`"),
        ({"logicalType": "number", "logicalTypeOptions": {"multipleOf": 0.1}}, "`multipleOf: 0.1`"),
        ({"logicalType": "date", "logicalTypeOptions": {"format": "dd.MM.yyyy"}}, "`format: dd"),
        (
            {"logicalType": "timestamp", "logicalTypeOptions": {"defaultTimezone": "Asia/Tokyo"}},
            "Tokyo",
        ),
        (
            {"logicalType": "integer", "logicalTypeOptions": {"minimum": 9, "maximum": 1}},
            "bounds 9 to 1",
        ),
        ({"logicalType": "string", "logicalTypeOptions": {"surprise": 1}}, "`surprise: 1`"),
        (
            {
                "logicalType": "array",
                "items": {
                    "name": "part",
                    "logicalType": "string",
                    "logicalTypeOptions": {"minLength": 2},
                },
            },
            "`a[]`: minLength of a part",
        ),
        (
            {
                "logicalType": "object",
                "properties": [
                    {"name": "b", "logicalType": "integer", "logicalTypeOptions": {"minimum": 2}}
                ],
            },
            "`a.b`: minimum of a part",
        ),
    ],
)
def test_option_without_a_check_is_told(prop: dict[str, Any], says: str) -> None:
    """Also in the Python that `contract import` prints."""
    promise = read(**prop)
    (note,) = promise.notes
    assert says in note
    assert f"# not kept: {note}" in declaration(promise)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("NUMERIC(10,2)", pa.decimal128(10, 2)),
        ("number (38, 0)", pa.decimal128(38, 0)),
        ("NUMBER(5)", pa.decimal128(5, 0)),
        ("Decimal( 12 , 3 )", pa.decimal128(12, 3)),
        ("INT64", pa.int64()),
        ("int4", pa.int32()),
        ("INT(11)", pa.int32()),
        ("SMALLINT", pa.int16()),
        ("FLOAT64", pa.float64()),
        ("DOUBLE PRECISION", pa.float64()),
        ("REAL", pa.float32()),
        ("BOOL", pa.bool_()),
        ("STRING", pa.string()),
        ("CHARACTER VARYING(20)", pa.string()),
        ("timestamp(6) with time zone", pa.timestamp("us", "UTC")),
        ("TIMESTAMP_NTZ", pa.timestamp("us")),
        ("TIMESTAMP(9)", pa.timestamp("ns")),
        ("BYTES", pa.binary()),
        ("TIME", pa.time64("us")),
    ],
)
def test_physical_type_is_kept(word: str, kind: pa.DataType) -> None:
    """As BigQuery, MySQL, Oracle, PostgreSQL and Snowflake spell it; nothing is told then."""
    promise = read(logicalType="string", physicalType=word)
    assert promise.contract.column("a").type == kind
    assert promise.notes == ()


@pytest.mark.parametrize(
    "word",
    ["NUMERIC", "NUMBER", "BIGNUMERIC", "NUMBER(76,0)", "NUMERIC(3,-2)", "money", "JSON", "INT(x)"],
)
def test_physical_type_that_is_uncertain_is_told(word: str) -> None:
    """It is read as the logical type, or as text."""
    assert physical_type(word) is None
    assert read(logicalType="number", physicalType=word).notes == (f"`a`: {word} read as double",)
    assert read(physicalType=word).notes == (f"`a`: type {word} read as text",)


def test_length_of_a_physical_type_is_a_check() -> None:
    """The tighter of both lengths holds."""
    assert broken(read(physicalType="VARCHAR(2)"), ["ab", "abc"]) == ["abc"]
    tighter = {"maxLength": 1}
    promise = read(physicalType="VARCHAR(2)", logicalTypeOptions=tighter)
    assert broken(promise, ["a", "ab", "abc"]) == ["ab", "abc"]


def test_format_gives_the_width_of_a_number_and_the_zone_of_an_instant() -> None:
    def kind(logical: str, **options: Any) -> pa.DataType:
        promise = read(logicalType=logical, logicalTypeOptions=options)
        assert promise.notes == ()
        return promise.contract.column("a").type

    assert kind("integer", format="i32") == pa.int32()
    assert kind("integer", format="u64") == pa.uint64()
    assert kind("number", format="f32") == pa.float32()
    assert kind("timestamp", timezone=False) == pa.timestamp("us")
    assert kind("timestamp", timezone=True) == pa.timestamp("us", "UTC")
