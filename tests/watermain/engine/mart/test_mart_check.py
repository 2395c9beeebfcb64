"""Imported dbt tests, judged beside dbt itself over the same rows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pytest

from tests.house.tree import DBT as PROJECT
from tests.watermain.dbt.museum import READS, ROOM, model, project
from tests.watermain.engine.house import House
from watermain.dbt.dbt import command, prepare_manifest
from watermain.declare.check import Check, Expression, NotNull, UniqueKey
from watermain.engine.audit.rule import counted
from watermain.engine.mart.mart_check import constraints_of
from watermain.engine.publish.publish import publish
from watermain.engine.rooms.from_dbt import marts
from watermain.lake.lake import Lake
from watermain.settings import Settings, child_environment

CODES = """{to: 'source("operations_curated", "aircraft")', field: tail_number}"""
PART = """models:
  - name: part
    columns:
      - name: tail_number
        data_tests:
          - not_null: {name: t_part_known}
          - accepted_values: {name: t_part_other, arguments: {values: [N9]}}
"""


CALM = "values (1, 'a'), (2, 'a'), (3, 'b')"
OVER_TWO = (
    'select s.* from {{{{ ref("starred") }}}} as s join {{{{ ref("calm") }}}} as c using (id)'
    " where id = {id}"
)
STARRED = """models:
  - name: starred
    columns:
      - name: id
        data_tests: [not_null]
      - name: c1
    data_tests:
      - spare_parts.pairs: {name: t_pairs, arguments: {columns: [id, c1]}}
      - spare_parts.pairs: {name: t_no_pairs, arguments: {columns: [c1]}}
"""
# A package that stands in the project, as `dbt deps` would have put it there.
PACKAGE: dict[str, str | bytes] = {
    "packages.yml": "packages:\n  - local: ../spare_parts\n",
    "dbt_packages/spare_parts/dbt_project.yml": "name: spare_parts\nversion: '1.0'\n",
    "dbt_packages/spare_parts/macros/star.sql": (
        "{% macro star(of) %}{% if execute %}"
        "{% for c in adapter.get_columns_in_relation(of) %}"
        "{{ adapter.quote(c.name) }}{{ ', ' if not loop.last }}{% endfor %}"
        "{% else %}*{% endif %}{% endmacro %}\n"
    ),
    "dbt_packages/spare_parts/macros/pairs.sql": (
        "{% test pairs(model, columns) %}select {{ columns | join(', ') }} from {{ model }}"
        " group by all having count(*) > 1{% endtest %}\n"
    ),
}
ALONE = {
    "t_part_known": "pass",
    "t_part_other": "fail",
    "t_pairs": "pass",
    "t_no_pairs": "fail",
    "t_over_two": "fail",
    "t_none_over_two": "pass",
}


class Case(NamedTuple):
    """One test over a column of four rows."""

    test: str
    kind: str
    values: tuple[str, str, str, str]
    verdict: str


def generic(name: str, arguments: str = "", config: str = "") -> str:
    """A generic test as YAML, without its name."""
    parts = [f"arguments: {arguments}"] if arguments else []
    parts += [f"config: {config}"] if config else []
    return f"{name}|{', '.join(parts)}"


def listed(values: str, config: str = "", more: str = "") -> str:
    """The test of accepted values."""
    return generic("accepted_values", f"{{values: {values}{more}}}", config)


def over(warn: str, error: str, more: str = "") -> str:
    """The test for nulls, which judges their number."""
    return generic("not_null", config=f"{{warn_if: '{warn}', error_if: '{error}'{more}}}")


def summed(error: str) -> str:
    """The test for values that repeat, which counts the rows that have them."""
    calc = "coalesce(sum(n_records), 0)"
    return generic("unique", config=f"{{fail_calc: '{calc}', error_if: '{error}'}}")


CASES = (
    Case("unique|", "varchar", ("'a'", "'a'", "'b'", "null"), "fail"),
    Case("unique|", "varchar", ("'a'", "null", "null", "null"), "pass"),
    Case("unique|", "varchar", ("null", "null", "null", "null"), "pass"),
    Case("unique|", "varchar", ("'a'", "'b'", "'A'", "'a '"), "pass"),
    Case("unique|", "varchar", ("''", "''", "null", "null"), "fail"),
    Case("unique|", "bigint", ("1", "2", "null", "null"), "pass"),
    Case("unique|", "bigint", ("1", "2", "3", "3"), "fail"),
    Case("unique|", "bigint", ("1", "2", "3", "4"), "pass"),
    Case("unique|", "double", ("'nan'::double", "'nan'::double", "1", "null"), "fail"),
    Case("unique|", "double", ("0.0::double", "-0.0::double", "1", "null"), "fail"),
    Case("unique|", "decimal(4, 2)", ("1.5", "1.50", "null", "null"), "fail"),
    Case("unique|", "date", ("date '2013-01-01'", "null", "null", "date '2013-01-02'"), "pass"),
    Case(generic("unique", config="{severity: warn}"), "bigint", ("1", "1", "2", "3"), "warn"),
    Case(generic("unique", config="{where: id > 1}"), "bigint", ("1", "1", "2", "3"), "pass"),
    Case(generic("unique", config="{where: id < 3}"), "bigint", ("1", "1", "2", "3"), "fail"),
    Case(generic("unique", config='{error_if: ">0"}'), "bigint", ("1", "1", "2", "3"), "fail"),
    Case(over("> 1", "> 3"), "double", ("1", "2", "3", "null"), "pass"),
    Case(over("> 1", "> 3"), "double", ("1", "2", "null", "null"), "warn"),
    Case(over("> 1", "> 3"), "double", ("null", "null", "null", "null"), "fail"),
    Case(over("> 3", "> 1"), "double", ("1", "2", "null", "null"), "fail"),
    Case(over("> 1", "> 3", ", severity: warn"), "double", ("null",) * 4, "warn"),
    Case(over("!= 0", "> 1"), "double", ("1", "2", "3", "null"), "warn"),
    Case(over("between 2 and 3", "= 4"), "double", ("1", "null", "null", "null"), "warn"),
    Case(over("!= 0", "> 1", ", limit: 1"), "double", ("null",) * 4, "warn"),
    Case(over("!= 0", "> 1", ", where: id < 3"), "double", ("1", "null", "null", "2"), "warn"),
    Case(summed("> 4"), "bigint", ("7", "7", "7", "7"), "warn"),
    Case(summed("> 3"), "bigint", ("7", "7", "7", "7"), "fail"),
    Case(summed("> 0"), "bigint", ("1", "2", "3", "4"), "pass"),
    Case(generic("not_null", config="{store_failures: true}"), "double", ("null",) * 4, "fail"),
    Case("not_null|", "varchar", ("'a'", "'b'", "''", "'d'"), "pass"),
    Case("not_null|", "varchar", ("'a'", "'b'", "''", "null"), "fail"),
    Case(generic("not_null", config="{severity: WARN}"), "double", ("1", "2", "3", "null"), "warn"),
    Case(generic("not_null", config="{where: id < 4}"), "double", ("1", "2", "3", "null"), "pass"),
    Case(listed("[a, b]"), "varchar", ("'a'", "'b'", "null", "'a'"), "pass"),
    Case(listed("[a, b]"), "varchar", ("'a'", "'b'", "''", "'a'"), "fail"),
    Case(listed("[a, b]"), "varchar", ("null", "null", "null", "null"), "pass"),
    Case(listed("[a, b]", "{severity: warn}"), "varchar", ("'a'", "'A'", "'b'", "'b'"), "warn"),
    Case(listed("[a, b]", "{where: id < 4}"), "varchar", ("'a'", "'b'", "'b'", "'c'"), "pass"),
    Case(listed("[1, 2]"), "bigint", ("1", "2", "2", "null"), "pass"),
    Case(listed("[1, 2]"), "bigint", ("1", "2", "3", "null"), "fail"),
    Case(listed("[1, 2]"), "varchar", ("'1'", "'2'", "'x'", "null"), "fail"),
    Case(listed("[1, 2]"), "varchar", ("'1'", "'2'", "'2'", "null"), "pass"),
    Case(listed("[1, 2]", more=", quote: false"), "bigint", ("1", "2", "2", "null"), "pass"),
    Case(listed("[1, 2]", more=", quote: false"), "bigint", ("1", "2", "7", "null"), "fail"),
    Case(listed("[true]"), "boolean", ("true", "true", "true", "null"), "pass"),
    Case(listed("[true]"), "boolean", ("true", "true", "false", "null"), "fail"),
    Case(listed("['1.50']"), "decimal(4, 2)", ("1.5", "1.50", "null", "1.5"), "pass"),
    Case(listed("[2013-01-01]"), "date", ("date '2013-01-01'", "null", "null", "null"), "pass"),
    Case(listed("[~]"), "varchar", ("'a'", "null", "null", "null"), "fail"),
    Case(generic("relationships", CODES), "varchar", ("'N1'", "'N2'", "null", "'N1'"), "pass"),
    Case(generic("relationships", CODES), "varchar", ("'N1'", "'N9'", "null", "'N1'"), "fail"),
    Case(generic("relationships", CODES), "varchar", ("null", "null", "null", "null"), "pass"),
    Case(
        generic("relationships", CODES, "{severity: warn}"),
        "varchar",
        ("'N1'", "''", "null", "'N1'"),
        "warn",
    ),
    Case(
        generic("relationships", CODES, "{where: id <> 2}"),
        "varchar",
        ("'N1'", "'N9'", "null", "'N1'"),
        "pass",
    ),
)


def files() -> dict[str, str | bytes]:
    """A mart whose columns are the cases; one that an ephemeral model is part of."""
    rows = [", ".join([str(n + 1), *(c.values[n] for c in CASES)]) for n in range(4)]
    names = ", ".join(["id", *(f"c{n}" for n in range(len(CASES)))])
    casts = ", ".join(
        ["id::bigint as id", *(f"c{n}::{c.kind} as c{n}" for n, c in enumerate(CASES))]
    )
    sql = f"select {casts} from (values ({'), ('.join(rows)})) as given ({names})"
    columns = ["{name: id, data_type: bigint, description: x, data_tests: [unique, not_null]}"]
    for n, case in enumerate(CASES):
        word, _, rest = case.test.partition("|")
        test = f"{word}: {{name: t_c{n}{', ' if rest else ''}{rest}}}"
        kind = f'"{case.kind}"'
        columns.append(
            f"{{name: c{n}, data_type: {kind}, description: x, data_tests: [{{{test}}}]}}"
        )
    described = "\n".join(f"      - {c}" for c in columns)
    return {
        f"{ROOM}/cases.sql": f"{sql} where exists ({READS})",
        f"{ROOM}/cases.yml": (
            "models:\n  - name: cases\n    description: One row per case.\n"
            f"    config: {{meta: {{watermain: {{key: [id]}}}}}}\n    columns:\n{described}\n"
        ),
        "models/part.sql": f'{{{{ config(materialized="ephemeral") }}}}\n{READS}',
        "models/part.yml": PART,
        **model("whole", 'select * from {{ ref("part") }}'),
        **PACKAGE,
        f"{ROOM}/calm.sql": f"select * from ({CALM}) as given (id, c1) where exists ({READS})",
        f"{ROOM}/starred.sql": 'select {{ spare_parts.star(ref("calm")) }} from {{ ref("calm") }}',
        f"{ROOM}/starred.yml": STARRED,
        "tests/t_over_two.sql": OVER_TWO.format(id=1),
        "tests/t_none_over_two.sql": '{{ config(severity="warn") }}\n' + OVER_TWO.format(id=99),
    }


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_verdicts_are_those_of_dbt(lake: Lake, home: Path, tmp_path: Path) -> None:
    """Each imported test, in dbt and in the audit, over the same rows of the same lake."""
    made = project(tmp_path / "dbt_project", files())
    manifest = prepare_manifest(Settings(data_dir=PROJECT / "target" / "judged"), made)
    declared = {d.name.table: d for d in marts("operations", manifest)}
    tables = ["calm", "cases", "starred", "whole"]
    assert {n: d.broken for n, d in declared.items()} == dict.fromkeys(tables)
    house = House(lake, declared)
    rows = pa.Table.from_pylist([{"tail_number": "N1"}, {"tail_number": "N2"}])
    schema = house.known[declared["cases"].inputs["operations_curated_aircraft"]].contract.schema
    whole = [
        pa.nulls(2, f.type) if f.name != "tail_number" else rows["tail_number"] for f in schema
    ]
    house.give("operations.curated.aircraft", pa.table(whole, schema=schema))
    ours: dict[str, str] = {}
    for mart in map(declared.__getitem__, tables):
        for outcome in publish(mart, None, house.job).outcomes:
            for finding in outcome.findings:
                bad = "fail" if finding.severity == "block" else "warn"
                ours[finding.check] = "pass" if finding.passed else bad
    theirs = verdicts(made, home)
    for n, case in enumerate(CASES):
        own = {v for k, v in ours.items() if k == f"t_c{n}" or k.endswith(f"_c{n}")}
        assert (theirs[f"t_c{n}"], own) == (case.verdict, {case.verdict}), (n, case)
    assert {name: (ours[name], theirs[name]) for name in ALONE} == {
        name: (verdict, verdict) for name, verdict in ALONE.items()
    }
    assert [c.name for c in declared["starred"].contract.columns] == ["id", "c1"]
    assert "t_over_two" in {c.label for c in declared["starred"].checks}  # the last of the two


def verdicts(made: Path, home: Path) -> dict[str, str]:
    """What dbt says of each test, built in a schema of its own."""
    target = home / "target"
    subprocess.run(
        command("build", "--target-path", str(target), "--log-path", str(home), project=made),
        cwd=PROJECT.parent,
        env=child_environment(),
        capture_output=True,
        check=False,
    )
    told = json.loads((target / "run_results.json").read_text())["results"]
    return {r["unique_id"].split(".")[2]: r["status"] for r in told}


CONSTRAINTS: tuple[tuple[str, str, tuple[Check, ...]], ...] = (
    ("unique", "values (1), (1)", (UniqueKey(key=("a",), nulls_repeat=False),)),
    ("unique", "values (1), (null), (null)", (UniqueKey(key=("a",), nulls_repeat=False),)),
    ("unique", "values (null), (null)", (UniqueKey(key=("a",), nulls_repeat=False),)),
    ("primary_key", "values (1), (1)", (UniqueKey(key=("a",)), NotNull(column="a"))),
    ("primary_key", "values (1), (null)", (UniqueKey(key=("a",)), NotNull(column="a"))),
    ("primary_key", "values (1), (2)", (UniqueKey(key=("a",)), NotNull(column="a"))),
    ("not_null", "values (1), (null)", (NotNull(column="a"),)),
    ("not_null", "values (1), (1)", (NotNull(column="a"),)),
    ("check", "values (1), (-1)", (Expression(name="check_a", sql="a > 0"),)),
    ("check", "values (1), (null)", (Expression(name="check_a", sql="a > 0"),)),
)


@pytest.mark.parametrize(("kind", "rows", "checks"), CONSTRAINTS)
def test_constraints_say_what_the_engine_enforces(
    kind: str, rows: str, checks: tuple[Check, ...]
) -> None:
    """The engine refuses the rows exactly where a check of ours fails."""
    constraint = {"type": kind, "expression": "a > 0" if kind == "check" else None}
    node: dict[str, Any] = {"columns": {"a": {"name": "a", "constraints": [constraint]}}}
    found = tuple(constraints_of(node))
    assert found == checks
    sql = {"check": "check (a > 0)", "not_null": "not null", "primary_key": "primary key"}
    connection = duckdb.connect()
    connection.execute(f"create table held (a bigint {sql.get(kind, 'unique')})")
    try:
        connection.execute(f"insert into held {rows}")
        refused = False
    except duckdb.ConstraintException:
        refused = True
    connection.execute(f"create table free as select * from ({rows}) as given (a)")
    counts = [connection.execute(failing(check)).fetchall() for check in found]
    assert refused == any(count for ((count,),) in counts)


def failing(check: Check) -> str:
    """The SQL that counts what breaks a check."""
    if isinstance(check, UniqueKey):
        return f"select count(a) - count(distinct a) from free where {counted(check)}"
    if isinstance(check, NotNull):
        return "select count(*) from free where a is null"
    return "select count(*) from free where not (a > 0)"


def test_constraints_of_one_name_all_count() -> None:
    """Two that have no name of their own, one beside a test that only warns."""
    positive = {"type": "check", "expression": "a > 0"}
    small = {"type": "check", "expression": "a < 9"}
    node: dict[str, Any] = {"columns": {"a": {"name": "a", "constraints": [positive, small]}}}
    assert list(constraints_of(node)) == [
        Expression(name="check_a", sql="a > 0"),
        Expression(name="check_a_2", sql="a < 9"),
    ]
