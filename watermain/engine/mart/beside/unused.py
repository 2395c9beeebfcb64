"""What a dbt project says that the platform neither runs nor uses, told by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.mart.held import held
from watermain.engine.mart.manifest import CompiledProject
from watermain.engine.mart.node import Node, declared, is_table, refuse, words_of
from watermain.settings import project as company

HOOKS: Mapping[str, str] = {
    "pre-hook": "would run beside the transaction that publishes the rows",
    "post-hook": "would run beside the transaction that publishes the rows",
    "sql_header": "would run before the one query that a mart is",
    "grants": "would give rights that the platform does not give",
}
INSTEAD: Mapping[str, str] = {
    "pre-hook": "make a model, a seed or a macro of what it prepares",
    "post-hook": "make a model of what it writes: the platform lays out, compacts and keeps tables",
    "sql_header": "say it in the query, or in a macro that the query calls",
    "grants": "leave it out: who reads what is said of each column by its `sensitivity`",
}
# What dbt or its adapter for DuckDB understands of a node, all of which is honoured, mapped to
# a fact of the asset, or refused where it stands.
KNOWN = {
    *("access", "alias", "batch_size", "begin", "column_types", "concurrent_batches", "contract"),
    *("database", "delimiter", "docs", "enabled", "event_time", "full_refresh", "grants", "group"),
    *("incremental_strategy", "incremental_predicates", "lookback", "materialized", "meta"),
    *("merge_exclude_columns", "merge_update_columns", "on_configuration_change"),
    *("on_schema_change", "packages", "persist_docs", "post-hook", "pre-hook", "quote_columns"),
    *("quoting", "schema", "sql_header", "static_analysis", "tags", "unique_key"),
    *("check_cols", "dbt_valid_to_current", "hard_deletes", "invalidate_hard_deletes"),
    *("snapshot_meta_column_names", "strategy", "target_database", "target_schema"),
    *("unrendered_config", "updated_at"),
}


def refuse_hooks(node: Node) -> None:
    """Refuse what would run beside the query of a model.

    Raises: InvalidDeclarationError.
    """
    for word, why in HOOKS.items():
        if node["config"].get(word):
            refuse(node, f"sets `{word}`, which the platform does not run: it {why}", INSTEAD[word])


def unused(project: CompiledProject) -> Iterator[str]:
    """Each thing that has no effect here, a line for each."""
    yield from _run_hooks(project)
    yield from _tests(project)
    yield from _freshness(project)
    yield from _options(project)


def _run_hooks(project: CompiledProject) -> Iterator[str]:
    """Each hook of the project or of a package, none of which is run."""
    own = project.manifest["metadata"].get("project_name")
    for node in project.manifest["nodes"].values():
        if node["resource_type"] == "operation":
            package = node["package_name"]
            place = "" if package == own else f"dbt_packages/{package}/"
            said = " ".join(str(node["raw_code"]).split())
            yield (
                f"{company().dbt}/{place}dbt_project.yml `{node['tags'][0]}` says `{said}`,"
                " which the platform does not run: it builds each table by itself, at no"
                " beginning or end that all share"
            )


def _tests(project: CompiledProject) -> Iterator[str]:
    """Each test that no table of the project holds, so that nobody takes it for one that passes."""
    for test in project.tests:
        if not held(project).holders(test):
            yield (
                f"{declared(test)} dbt test `{test['name']}` {_about(project, test)},"
                f" so the platform does not run it: {_check_instead(test)}"
            )


def _about(project: CompiledProject, test: Node) -> str:
    for key in test["depends_on"].get("nodes", []):
        if key.startswith("source."):
            source = project.node(key)
            told = f"is about the source `{source['source_name']}.{source['name']}`"
            try:
                return f"{told}, which is `{project.name(source)}` of a room"
            except InvalidDeclarationError:
                return f"{told}, which is no dataset"
    return "speaks about no mart"


def _check_instead(test: Node) -> str:
    """The check of a room that says what a test of a source says."""
    said = test.get("test_metadata") or {}
    words: Mapping[str, Any] = said.get("kwargs", {})
    column, kind = words.get("column_name"), said.get("name")
    if column and not said.get("namespace") and kind in ("not_null", "unique"):
        return f'write `{kind}("{column}")` among the checks of that dataset'
    if column and not said.get("namespace") and kind == "accepted_values":
        values = [*words.get("values", ())]
        return f'write `accepted_values("{column}", {values!r})` among the checks of that dataset'
    return "declare a check of the curated dataset in its room, or test a mart"


def _freshness(project: CompiledProject) -> Iterator[str]:
    """Each source, or model, whose freshness dbt would be asked for."""
    for node in (*project.manifest["sources"].values(), *project.manifest["nodes"].values()):
        said = _limits(node["config"].get("freshness") or node.get("freshness"))
        if said and words_of(node).get("slo") is None:
            kind = node["resource_type"]
            name = f"{node['source_name']}.{node['name']}" if kind == "source" else node["name"]
            yield (
                f"{declared(node)} dbt {kind} `{name}` says `freshness: {said}`, which is not"
                " mapped: promise it where the dataset is declared, as"
                " `slo=Slo(ready_within=timedelta(...))` or `fresh_within(column, timedelta(...))`"
            )


def _limits(said: Any) -> str:
    """What of a freshness is said, as one line; "" where nothing is."""
    found = []
    for word, limit in (said or {}).items() if isinstance(said, Mapping) else ():
        if isinstance(limit, Mapping) and limit.get("count") is not None:
            found.append(f"{word}: {limit['count']} {limit.get('period')}")
    return ", ".join(found)


def _options(project: CompiledProject) -> Iterator[str]:
    """Each option of a node that only another adapter understands."""
    for node in project.manifest["nodes"].values():
        if is_table(node):
            for word, value in node["config"].items():
                if (
                    word not in KNOWN
                    and word != "freshness"
                    and value not in (None, [], {}, "", False)
                ):
                    yield (
                        f"{declared(node)} dbt {node['resource_type']} `{node['name']}` sets"
                        f" `{word}`, which has no meaning here"
                    )
