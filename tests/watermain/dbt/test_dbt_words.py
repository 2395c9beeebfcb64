"""Words that a model may not say."""

from __future__ import annotations

import pytest
from jinja2 import Environment

from watermain.dbt.dbt_words import advice, changing


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("select '{{ run_started_at }}'", ["run_started_at"]),
        ("{% set at = run_started_at.strftime('%Y') %}{{ at }}", ["run_started_at"]),
        ("{{ invocation_id }} {{ thread_id }}", ["invocation_id", "thread_id"]),
        ("{% set d = modules.datetime.datetime %}{{ d.utcnow() }}", ["utcnow"]),
        ("{{ modules.datetime.date.today() }}", ["today"]),
        ("{{ [1, 2] | random }}", ["random"]),
        ("{% set run_started_at = 1 %}select 1", []),
        ("{{ modules.datetime.timedelta(days=1) }} -- now() is the engine's", []),
        ("{# {{ run_started_at }} #}select now()", []),
    ],
)
def test_changing_finds_what_differs_at_each_compile(code: str, words: list[str]) -> None:
    """However it is reached; the engine's own clock and comments are none of it."""
    assert list(changing(Environment().parse(code))) == words


def test_advice_is_given_where_there_is_another_way() -> None:
    """For the incremental, the asking, the changing; of other words nothing is known."""
    assert "without the name of a package" in advice("is_incremental")
    assert advice("run_query") == advice("get_columns") == advice("adapter")
    assert advice("utcnow") == advice("random") == advice("run_started_at")
    assert advice("dbt_utils") == ""
