"""A dbt project in which every kind of mistake stands once, beside models that are right."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.house.tree import DBT as PROJECT
from watermain.dbt.dbt import prepare_manifest
from watermain.settings import Settings

READS = 'select tail_number from {{ source("operations_curated", "aircraft") }}'
ROOM = "models/marts/operations"
KEPT = ("dbt_project.yml", "profiles.yml", "models/sources.yml", "macros", "tests/generic")


def project(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Make a project of the real one's ground, without its models, and of these files."""
    for name in KEPT:
        source, target = PROJECT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def compiled_museum(folder: Path) -> Path:
    """The manifest of a project in which every mistake stands once, compiled once for all."""
    place = PROJECT / "target" / "museum"
    return prepare_manifest(Settings(data_dir=place), project(folder, MISTAKES))


def model(name: str, sql: str, *, more: str = "", column: str = "") -> dict[str, str | bytes]:
    """The two files of a mart with one column, its key."""
    described = (
        f"models:\n  - name: {name}\n    description: One row per aircraft.\n"
        f"    config: {{{more}meta: {{watermain: {{key: [tail_number]}}}}}}\n"
        f"    columns: [{{name: tail_number, data_type: varchar, description: x{column}}}]\n"
    )
    return {f"{ROOM}/{name}.sql": sql, f"{ROOM}/{name}.yml": described}


def tested(name: str, test: str) -> dict[str, str | bytes]:
    """A mart that is right but for one test."""
    return model(name, READS, column=f", data_tests: [{test}]")


HOOKS = 'on-run-start:\n  - "select 1"\n  - "{{ torn() }}"\non-run-end: ["grant usage\\non x"]\n'
MACROS: dict[str, str | bytes] = {
    "dbt_project.yml": (PROJECT / "dbt_project.yml").read_text() + HOOKS,
    "macros/asking.sql": (
        "{% macro asking() %}\n{% set x = run_query('select 1 from x') %}1\n{% endmacro %}\n"
    ),
    "macros/torn.sql": "{% macro torn() %}\n{% if %}1\n{% endmacro %}\n",
    "packages.yml": "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.1.1\n",
    "seeds/codes.csv": "a,b\n1,2\n",
    "snapshots/past.sql": (
        '{% snapshot past %}\n{{ config(target_schema="s", unique_key="tail_number",'
        ' strategy="check", check_cols="all") }}\n'
        'select * from {{ source("operations_curated", "aircraft") }}\n{% endsnapshot %}\n'
    ),
    "models/part.sql": '{{ config(materialized="ephemeral") }}\n{% set r = run_query("x") %}\n1',
    "models/staged.sql": f'{{{{ config(materialized="view") }}}}\n{READS}',
    f"{ROOM}/many.yml": (
        "models:\n  - {name: beside, description: x}\n"
        "  - {name: listed, description: x, columns: 7}\n"
    ),
    f"{ROOM}/listed.sql": READS,
    f"{ROOM}/bytes.sql": b"\xff\xfe\x00",
    "models/marts/weather/twin.sql": READS,
    "tests/lonely.sql": "select 1 as one where false",
}
RECKONS = (
    "{% set n = run_query(\"select datediff('day', date '2013-01-01', date '2013-01-11')\") %}\n"
    "{% if execute %}-- {{ n.columns[0].values()[0] }} days\n{% endif %}"
)
OF_PAST = '{% set c = adapter.get_columns_in_relation(ref("past")) %}\n'
MISTAKES: dict[str, str | bytes] = {
    **MACROS,
    **model("right", READS),
    **model("right_too", 'select * from {{ ref("right") }}'),
    **model("incremental", f"{READS}\n{{% if is_incremental() %}} where true {{% endif %}}"),
    **model("grows", READS, more="materialized: incremental, "),
    **model("asks", f'-- one\n{{% set r = run_query("select a from x") %}}\n{READS}'),
    **model("asks_the_clock", f"{{% set r = run_query('select current_date') %}}\n{READS}"),
    **model("reckons", RECKONS + READS),
    **model("asks_far", f"{READS} where {{{{ asking() }}}} = 1"),
    **model("columns", '{% set c = adapter.get_columns_in_relation(ref("right")) %}\n' + READS),
    **model(
        "columns_of_past", '{% set c = adapter.get_columns_in_relation(ref("past")) %}\n' + READS
    ),
    **model("nowhere", 'select *\nfrom {{ ref("nothing") }}'),
    **model("unsourced", 'select * from {{ source("operations_curated", "nosuch") }}'),
    **model("syntax", f"{READS}\n{{% if %}}"),
    **model("package", f"{READS}\nwhere {{{{ dbt_utils.star('a') }}}}"),
    **model("reads_wrong", 'select * from {{ ref("asks") }}'),
    **model("reads_torn", 'select * from {{ ref("syntax") }}'),
    **model("reads_part", 'select * from {{ ref("part") }}'),
    **model("reads_staged", 'select * from {{ ref("staged") }}'),
    **model("reads_seed", 'select * from {{ ref("codes") }}'),
    **model("reads_past", 'select * from {{ ref("past") }}'),
    **model("clock", f"{READS}\nwhere '{{{{ run_started_at }}}}' <> ''"),
    **model("today", f"{READS}\nwhere '{{{{ modules.datetime.datetime.now() }}}}' <> ''"),
    **model("divides", f"{READS} where 1 = {{{{ 1 / 0 }}}}"),
    **model("unset", f"{READS} where x = '{{{{ env_var(\"NO_SUCH\") }}}}'"),
    **model("given", f"{READS} where 'x' <> '{{{{ env_var(\"MUSEUM\", \"dear\") }}}}'"),
    **model("unvaried", f"{READS} where x = '{{{{ var(\"no_such\") }}}}'"),
    **model("torn_macro", f"{READS} where {{{{ torn() }}}} = 1"),
    **model("circle_one", 'select * from {{ ref("circle_two") }}'),
    **model("circle_two", 'select * from {{ ref("circle_one") }}'),
    **model("hooked", READS, more="pre_hook: select 1, "),
    **model("odd", READS, more="enabled: perhaps, "),
    **model("no_sql", 'select (1 from {{ source("operations_curated", "aircraft") }}'),
    **model("twin", READS),
    **tested("no_test", "no_such_test"),
    **tested("no_target", '{relationships: {arguments: {to: ref("gone"), field: a}}}'),
    **tested("no_word", "{accepted_values: {arguments: {valuez: [1]}}}"),
    **tested("severe", "{unique: {config: {severity: perhaps}}}"),
    **tested("warned", '{unique: {config: {warn_if: "> 3"}}}'),
    **tested("stored", "{unique: {config: {store_failures: true}}}"),
    **tested("unknown", "{unique: {config: {threshold: 3}}}"),
    f"{ROOM}/in_python.py": 'def model(dbt, session):\n    return dbt.ref("right")\n',
    f"{ROOM}/in_python.yml": model("in_python", "")[f"{ROOM}/in_python.yml"],
    **model("unread", READS),
    f"{ROOM}/unread.yml": "models:\n  - name: unread\n   description: [\n",
    **model("words", READS),
    f"{ROOM}/words.yml": (
        "models:\n  - name: words\n    description: x\n"
        "    columns: [{name: a, data_type: varchar, description: x}]\n"
        "    config: {meta: {watermain: {key: [a], cadence: [daily]}}}\n"
    ),
    f"{ROOM}/deeper/below.sql": READS,
}
