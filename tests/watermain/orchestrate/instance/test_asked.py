"""Which partitions a request names, however it says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.watermain.orchestrate.launch.served import LAUNCH, launch_text, launching
from watermain.orchestrate.instance.asked import Named, change

SALES = {"path": ["shop", "curated", "sales"]}
PATHS = (("shop", "curated", "sales"),)
BACKFILL = "mutation($p: X!) { again: launchPartitionBackfill(backfillParams: $p) { x } }"


def test_text_and_variables_say_the_same() -> None:
    """A key in a literal, in a variable, in the default of one."""
    wanted = (Named(PATHS, ("2013-01-05",)),)
    written = change(launch_text(), {})
    given = change(LAUNCH, launching("2013-01-05"))
    default = (
        launch_text()
        .replace("mutation{", 'mutation($k:String="2013-01-05"){')
        .replace('value:"2013-01-05"', "value:$k")
    )
    told = change(default, {})
    assert written is not None
    assert given is not None
    assert told is not None
    assert written.named == given.named == told.named == wanted
    assert (written.answer, given.answer) == ("launchRun", "launchRun")


WORDS: dict[str, tuple[dict[str, Any], tuple[Named, ...]]] = {
    "names": (
        {"assetSelection": [SALES], "partitionNames": ["a", "b"]},
        (Named(PATHS, ("a", "b")),),
    ),
    "range": (
        {
            "partitionsByAssets": [
                {"assetKey": SALES, "partitions": {"range": {"start": "a", "end": "b"}}}
            ]
        },
        (Named(PATHS, ("a", "b")),),
    ),
    "ranges": (
        {"assetKey": SALES, "partitions": {"ranges": [{"start": "a", "end": "b"}]}},
        (Named(PATHS, ("a", "b")),),
    ),
    "keys": ({"assetKey": SALES, "partitionKeys": ["a"]}, (Named(PATHS, ("a",)),)),
    "nothing": ({"assetSelection": [SALES]}, ()),
    "odd": ({"assetSelection": 7, "partitionNames": {"a": None}, "selector": []}, ()),
}


@pytest.mark.parametrize("name", WORDS)
def test_partitions_of_a_change_stand_beside_their_datasets(name: str) -> None:
    """A backfill by names, by ranges; events; what is no such thing names nothing."""
    words, named = WORDS[name]
    told = change(BACKFILL, {"p": words})
    assert told is not None
    assert (told.answer, told.named) == ("again", named)


@pytest.mark.parametrize("query", ["{ version }", "no graphql {", "", "subscription { x }"])
def test_what_changes_nothing_is_left_to_others(query: str) -> None:
    """A question, nonsense."""
    assert change(query, {}) is None


def test_mutation_within_a_fragment_is_read() -> None:
    """Arguments are found wherever they stand."""
    fields = launch_text().removeprefix("mutation{").removesuffix("}")
    told = change("mutation{...f} fragment f on Mutation{" + fields + "}", {})
    assert told is not None
    assert told.named == (Named(PATHS, ("2013-01-05",)),)
