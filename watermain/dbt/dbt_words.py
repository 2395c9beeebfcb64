"""What a model may not say, for its SQL would not follow from the files alone."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

# What the adapter answers without asking the database.
ANSWERED = {
    *("convert_datetimes_to_strs", "get_binding_char", "is_motherduck", "quote"),
    *("quote_as_configured", "quote_seed_column", "render_raw_columns_constraints"),
    *("render_raw_model_constraints", "standardize_grants_dict", "timestamp_add_sql", "type"),
}
ASKING = {"adapter", "load_relation", "run_query", "statement"}
CHANGING = {"invocation_args_dict", "invocation_id", "run_started_at", "thread_id"}
CLOCKS = {"now", "today", "utcnow"}
ASKS = "asks the database while it is compiled"
CHANGES = "differs each time it is compiled"


def changing(tree: nodes.Template) -> Iterator[str]:
    """The words of a template whose value is another one at each compile."""
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name in CHANGING:
            yield name.name
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Getattr) and call.node.attr in CLOCKS:
            yield call.node.attr
    yield from (f.name for f in tree.find_all(nodes.Filter) if f.name == "random")


def advice(word: str) -> str:
    """What to do instead of asking the database or the clock; for other words, nothing."""
    if word == "is_incremental":
        return "call `is_incremental()` without the name of a package before it"
    if word in CHANGING or word in CLOCKS or word == "random":
        return "read the instant from a column of an input, or the value from a `var`"
    if word in ASKING or word.startswith("get_"):
        return (
            "write the values out, or keep them in a `var`: `dbt_vars = { values = [...] }` in"
            " [tool.watermain], then `var('values')`"
        )
    return ""
