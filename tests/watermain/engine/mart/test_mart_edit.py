"""Edits of a dbt project: those that can change rows change a mart's version, the others do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.house.tree import DBT as PROJECT
from tests.watermain.dbt.museum import READS, ROOM, model, project
from watermain.dbt.dbt import prepare_manifest
from watermain.engine.code.code import code_version
from watermain.engine.mart.mart import marts
from watermain.settings import Settings

FROM = 'from {{ source("operations_curated", "aircraft") }}'
ELSE = 'from {{ source("operations_curated", "flights") }}'


class Edit(NamedTuple):
    """One edit: a mart's SQL with another file, each before and after; whether rows may change."""

    name: str
    sql: tuple[str, str]
    counts: bool
    other: tuple[str, str, str] | None = None


def same(sql: str) -> tuple[str, str]:
    """A mart whose own SQL stays."""
    return sql, sql


def pair(sql: str, old: str, new: str) -> tuple[str, str]:
    """A mart's SQL with one word of it, before and after."""
    return sql.replace("@", old), sql.replace("@", new)


def macro(name: str, before: str, after: str, *, called: str = "") -> tuple[str, str, str]:
    """A file of macros, before and after the edit."""
    text = "{%% macro %s(%s) %%}%s{%% endmacro %%}\n"
    head = called or ""
    old, new = (text % (name, head, body) for body in (before, after))
    return f"macros/{name}.sql", old, new


EDITS = (
    Edit("constant", (f"{READS} where 1 < 2", f"{READS} where 1 < 3"), True),
    Edit("string", (f"{READS} where 'a' <> ''", f"{READS} where 'A' <> ''"), True),
    Edit("layout_of_string", (f"{READS} where 'a b' <> ''", f"{READS} where 'a  b' <> ''"), True),
    Edit(
        "expression",
        (READS, READS.replace("tail_number f", "upper(tail_number) as tail_number f")),
        True,
    ),
    Edit("source", (f"select tail_number {FROM}", f"select tail_number {ELSE}"), True),
    Edit("distinct", (READS, READS.replace("select", "select distinct")), True),
    Edit("limit", (f"{READS} limit 5", f"{READS} limit 6"), True),
    Edit("order", (f"{READS} order by 1 limit 5", f"{READS} order by 1 desc limit 5"), True),
    Edit("cast", (f"{READS} where 1::int = 1", f"{READS} where 1::bigint = 1"), True),
    Edit(
        "range",
        pair(
            f"{READS} where 1 in (9{{% for i in range(@) %}}, {{{{ i }}}}{{% endfor %}})", "2", "3"
        ),
        True,
    ),
    Edit("set", pair(f"{{% set n = @ %}}{READS} where 1 < {{{{ n }}}}", "2", "3"), True),
    Edit("macro", same(f"{READS} where 1 < {{{{ plain() }}}}"), True, macro("plain", "2", "3")),
    Edit("nested", same(f"{READS} where 1 < {{{{ outer() }}}}"), True, macro("inner", "2", "3")),
    Edit(
        "argument",
        same(f"{READS} where 1 < {{{{ argument() }}}}"),
        True,
        (
            "macros/argument.sql",
            "{% macro argument(n=2) %}{{ n }}{% endmacro %}",
            "{% macro argument(n=3) %}{{ n }}{% endmacro %}",
        ),
    ),
    Edit(
        "macro_constant",
        same(f"{READS} where 1 < {{{{ macro_constant() }}}}"),
        True,
        (
            "macros/macro_constant.sql",
            "{% macro macro_constant() %}{% set miles = 3958 %}{{ miles }}{% endmacro %}",
            "{% macro macro_constant() %}{% set miles = 3959 %}{{ miles }}{% endmacro %}",
        ),
    ),
    Edit(
        "dispatched",
        same(f"{READS} where 1 < {{{{ adapter.dispatch('dispatched')() }}}}"),
        True,
        (
            "macros/dispatched.sql",
            "{% macro default__dispatched() %}2{% endmacro %}",
            "{% macro default__dispatched() %}2{% endmacro %}"
            "{% macro duckdb__dispatched() %}3{% endmacro %}",
        ),
    ),
    Edit("variable", same(f"{READS} where 1 < {{{{ var('rate') }}}}"), True),
    Edit("fallback", pair(f"{READS} where 1 < {{{{ var('absent', @) }}}}", "2", "3"), True),
    Edit("branch", same(f"{READS} {{% if var('rate') > 2 %}} where true {{% endif %}}"), True),
    Edit("environment", same(f"{READS} where '' <> '{{{{ env_var(\"EDITED\") }}}}'"), True),
    Edit(
        "part",
        same('select * from {{ ref("a_part") }}'),
        True,
        (
            "models/a_part.sql",
            f"{{{{ config(materialized='ephemeral') }}}} {READS}",
            f"{{{{ config(materialized='ephemeral') }}}} {READS} where true",
        ),
    ),
    Edit("type_of_column", same(READS), True, (f"{ROOM}/type_of_column.yml", "varchar", "blob")),
    Edit(
        "test_of_ones_own",
        same(READS),
        True,
        (
            "tests/generic/own.sql",
            "{% test own(model) %}select 1 from {{ model }} where 1 > 2{% endtest %}",
            "{% test own(model) %}select 1 from {{ model }} where 1 > 3{% endtest %}",
        ),
    ),
    Edit("layout", (READS, READS.replace(" from", "\n\n   from")), False),
    Edit("keywords", (READS, READS.replace("select", "SELECT")), False),
    Edit("jinja_comment", (READS, f"{{# a note #}}{READS}"), False),
    Edit(
        "jinja_layout",
        (READS, READS.replace("{{ source", "{{-  source").replace("from {{-", "from {{")),
        False,
    ),
    Edit("renamed_set", pair(f"{{% set @ = 2 %}}{READS} where 1 < {{{{ @ }}}}", "a", "b"), False),
    Edit("unused_macro", same(READS), False, macro("unused", "2", "3")),
    Edit("unused_variable", same(f"{READS} where 1 < {{{{ var('still') }}}}"), False),
    Edit(
        "macro_rewritten",
        same(f"{READS} where 1 < {{{{ rewritten() }}}}"),
        False,
        macro("rewritten", "2", "{%- set n = 1 + 1 -%}{{ n }}"),
    ),
    Edit(
        "same_by_variable",
        (f"{READS} where 1 < 7", f"{READS} where 1 < {{{{ var('still') }}}}"),
        False,
    ),
    Edit(
        "environment_default",
        same(f"{READS} where '' <> '{{{{ env_var(\"STILL\", \"x\") }}}}'"),
        False,
    ),
    Edit(
        "documented",
        same(READS),
        False,
        ("models/docs.md", "", "{% docs words %} some {% enddocs %}"),
    ),
    Edit("seed_beside", same(READS), False, ("seeds/codes.csv", "a\n1\n", "a\n2\n")),
    Edit(
        "tagged", same(READS), False, (f"{ROOM}/tagged.yml", "config: {", "config: {tags: [new], ")
    ),
)


def files(*, after: bool) -> dict[str, str | bytes]:
    """Every mart with its other file, before the edits or after all of them."""
    made: dict[str, str | bytes] = {
        "macros/outer.sql": "{% macro outer() %}{{ inner() }}{% endmacro %}"
    }
    for edit in EDITS:
        made |= model(edit.name, edit.sql[after])
    made[f"{ROOM}/test_of_ones_own.yml"] = str(made[f"{ROOM}/test_of_ones_own.yml"]).replace(
        "    columns:", "    data_tests: [own]\n    columns:"
    )
    for edit in EDITS:
        if edit.other:
            path, old, new = edit.other
            described = made.get(path)
            made[path] = new if after else old
            if described is not None:
                made[path] = str(described).replace(old, new) if after else described
    return made


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_edits_that_can_change_rows_change_the_version_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies, macros, constants, variables, the environment, parts, tests; each by itself."""

    def versions(*, after: bool) -> dict[str, str]:
        made = project(tmp_path / f"{after}" / "dbt_project", files(after=after))
        told = made / "dbt_project.yml"
        rate = 3 if after else 2
        told.write_text(f"{told.read_text()}\nvars: {{rate: {rate}, still: 7, gone: {rate}}}\n")
        monkeypatch.setenv("EDITED", str(after))
        monkeypatch.setenv("BESIDE", str(after))
        settings = Settings(data_dir=PROJECT / "target" / f"edited_{after}")
        found = marts("operations", prepare_manifest(settings, made))
        assert [d.broken for d in found if d.broken] == []
        return {d.name.table: code_version(d) for d in found}

    before, now = versions(after=False), versions(after=True)
    changed = {name for name, version in now.items() if version != before[name]}
    assert changed == {edit.name for edit in EDITS if edit.counts}
    assert len(EDITS) == len(now) > 30


def test_each_edit_is_one() -> None:
    """Names are unique; an edit changes its SQL or its other file, or the whole project does."""
    names = [edit.name for edit in EDITS]
    assert len(set(names)) == len(names)
    whole: Callable[[Edit], bool] = lambda e: e.sql[0] == e.sql[1] and e.other is None  # noqa: E731
    assert {e.name for e in EDITS if whole(e)} == {
        *("branch", "environment", "environment_default", "unused_variable", "variable"),
    }
