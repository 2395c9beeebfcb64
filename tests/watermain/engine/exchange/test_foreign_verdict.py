"""Each rule of pandera is judged as pandera judges it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
import yaml

from watermain.cli.contract import _code
from watermain.declare import Check, Column, Contract, Dataset, DatasetName
from watermain.declare.errors import UnreadableContractError
from watermain.engine.audit.audit import audit
from watermain.engine.exchange.frame_schema import frame_checks, frame_notes
from watermain.engine.table.staged import Staged

C = pandera.Check
ENGINE = duckdb.connect()
NUMBERS: list[list[Any]] = [
    [],
    [None],
    [0],
    [5],
    [-1, 3],
    [3, None],
    [None, None],
    [3, 3],
    [1, 2, 7],
]
TEXTS: list[list[Any]] = [
    [],
    [None],
    ["a"],
    ["ab"],
    [""],
    ["a", None],
    [None, None],
    ["a", "a"],
    ["xa", "b"],
    ["a\n"],
    ["é"],
]
OF_NUMBERS = [
    *(C.ge(3), C.gt(3), C.le(3), C.lt(3), C.eq(3), C.ne(3), C.isin([3, 5]), C.notin([3])),
    *(C.isin([3, None]), C.notin([3, None]), C.notin([]), C.in_range(0, 3)),
    *(C.in_range(0, 3, include_min=False), C.in_range(0, 3, include_max=False)),
]
OF_TEXTS = [
    *(C.isin(["a"]), C.notin(["a"]), C.eq("a"), C.ne("a"), C.str_matches("a"), C.str_matches("a$")),
    *(C.str_matches("a|b"), C.str_contains("a"), C.str_contains("^a$"), C.str_contains("a|b")),
    *(C.str_startswith("a"), C.str_endswith("a"), C.str_length(1, 1), C.str_length(min_value=1)),
    *(C.str_matches(r"^\w+$"), C.str_length(exact_value=1), C.str_length(max_value=1)),
]


def passes(schema: pandera.DataFrameSchema, frame: pd.DataFrame) -> bool:
    """Pandera's own verdict."""
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors:
        return False
    return True


def ours(checks: Sequence[Check], rows: pa.Table) -> bool:
    """Our verdict: by the audit that publishes use."""
    contract = Contract(
        grain="one row",
        key=(rows.schema.names[0],),
        columns=tuple(Column(f.name, f.type, "it") for f in rows.schema),
    )
    dataset = Dataset(
        name=DatasetName.parse("shop.curated.rows"),
        contract=contract,
        owner="team:x",
        declared="here",
        checks=tuple(checks),
    )
    with ENGINE.cursor() as connection:
        connection.register("given", rows)
        connection.execute("create or replace table staged as from given")
        staged = Staged(
            dataset=dataset,
            relation="staged",
            where="true",
            span=None,
            others=str,
        )
        _, findings = audit(connection, staged, [""], checks)
    return all(f.passed for f in findings)


def both(
    schema: pandera.DataFrameSchema, columns: dict[str, list[Any]], kinds: dict[str, str]
) -> tuple[bool, bool]:
    """Pandera's verdict with ours."""
    made = {n: pd.array(v, dtype=kinds[n]) for n, v in columns.items()}
    arrow = {"Int64": pa.int64(), "string": pa.string()}
    rows = pa.table({n: pa.array(v, arrow[kinds[n]]) for n, v in columns.items()})
    return passes(schema, pd.DataFrame(made)), ours(frame_checks(schema), rows)


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("check", OF_NUMBERS, ids=str)
def test_rule_of_numbers_judges_alike(check: Any, unique: bool, nullable: bool) -> None:
    schema = pandera.DataFrameSchema(
        {"a": pandera.Column("Int64", check, nullable=nullable, unique=unique)}
    )
    for values in NUMBERS:
        theirs, mine = both(schema, {"a": values}, {"a": "Int64"})
        assert theirs == mine, values


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("check", OF_TEXTS, ids=str)
def test_rule_of_texts_judges_alike(check: Any, nullable: bool) -> None:
    schema = pandera.DataFrameSchema({"a": pandera.Column("string", check, nullable=nullable)})
    for values in TEXTS:
        theirs, mine = both(schema, {"a": values}, {"a": "string"})
        assert theirs == mine, values


@pytest.mark.parametrize("report", ["exclude_first", "exclude_last", "all"])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1, 1], [1, 2]),
        ([1, 1], [1, 1]),
        ([1, 1], [None, None]),
        ([None, None], [None, None]),
        ([None, 1], [None, None]),
        ([None, None], [1, 2]),
    ],
)
def test_columns_unique_together_judge_alike(a: list[Any], b: list[Any], report: Any) -> None:
    """Null counts as a value there; how duplicates are reported changes no verdict."""
    columns = {n: pandera.Column("Int64", nullable=True) for n in ("a", "b")}
    schema = pandera.DataFrameSchema(columns, unique=["a", "b"], report_duplicates=report)
    theirs, mine = both(schema, {"a": a, "b": b}, {"a": "Int64", "b": "Int64"})
    assert theirs == mine


ONE = {"a": pandera.Column("Int64")}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (pandera.DataFrameSchema(ONE, index=pandera.Index(int, unique=True)), "over the index"),
        (
            pandera.DataFrameSchema(
                ONE, index=pandera.MultiIndex([pandera.Index(int), pandera.Index(str)])
            ),
            "over the index",
        ),
        (pandera.DataFrameSchema(ONE, drop_invalid_rows=True), "`drop_invalid_rows`"),
        (pandera.DataFrameSchema(ONE, add_missing_columns=True), "`add_missing_columns`"),
        (pandera.DataFrameSchema(ONE, parsers=pandera.Parser(len)), "`parsers`"),
        (pandera.DataFrameSchema({"a": pandera.Column(int, default=3)}), "`default`"),
        (
            pandera.DataFrameSchema({"a": pandera.Column(int, parsers=pandera.Parser(len))}),
            "`parsers`",
        ),
        (pandera.DataFrameSchema({"a": pandera.Column(int, C.ge(1, ignore_na=False))}), "options"),
        (
            pandera.DataFrameSchema({"a": pandera.Column(str, C.str_matches("(?=a)"))}),
            "looks around",
        ),
        (
            pandera.DataFrameSchema({"a": pandera.Column(str, C.str_contains("(?!a)"))}),
            "looks around",
        ),
        ({"columns": {"a": {}}, "surprise": True}, "`surprise`"),
    ],
)
def test_what_is_not_kept_is_refused_by_name(schema: Any, says: str) -> None:
    """Nothing that decides a verdict is dropped without a word."""
    with pytest.raises(UnreadableContractError, match=says) as refused:
        frame_checks(schema)
    assert len(str(refused.value).splitlines()) == 4


def test_what_belongs_into_the_contract_is_told(tmp_path: Any) -> None:
    """Types, casts, strictness and order, of the object as of its YAML."""
    schema = pandera.DataFrameSchema(
        {"a": pandera.Column("Int64", required=False, coerce=True)}, strict=True, ordered=True
    )
    notes = frame_notes(schema)
    assert notes == (
        "`ordered=True` of the schema: columns are put into the contract's order",
        "`strict=True` of the schema: a body returns the contract's columns, no other",
        "`a` is Int64: name the type in the contract",
        "`coerce` of `a`: cast in the body, for no check changes a value",
        "`a` may be left out there: a contract's columns are all there",
    )
    assert frame_notes(yaml.safe_load(schema.to_yaml())) == notes
    path = tmp_path / "schema.yaml"
    path.write_text(schema.to_yaml())
    told = _code(path)
    assert told.startswith("# not kept: `ordered=True` of the schema: ")
    assert told.endswith("checks = (\n    not_null('a'),\n)\n")
