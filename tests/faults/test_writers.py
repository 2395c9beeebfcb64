"""Writers side by side: two datasets at once, one dataset in turn, zombies refused."""

from __future__ import annotations

import pytest

from tests.faults import declared
from tests.faults.stage import Stage
from tests.faults.zombies import TWINS, zombies


def test_two_processes_publish_two_datasets_at_once(stage: Stage) -> None:
    """Both stand before their commit at the same time; both commit."""
    stage.run("publish", given={"datasets": TWINS[:2]}).results  # noqa: B018
    stage.arrive()
    both = [
        stage.start(
            "publish",
            given={"datasets": [name]},
            failpoint="publish.before_commit=pause",
            at="publish",
        )
        for name in TWINS[:2]
    ]
    assert [writer.stopped() for writer in both] == [True, True]
    for writer in both:
        writer.resume()
    assert [len(writer.wait().results["publish"]) for writer in both] == [3, 3]


def test_two_processes_make_the_first_tables_of_a_schema_at_once(empty: Stage) -> None:
    """Both are about to commit the schema that they share; both end with their table."""
    empty.arrive()
    both = [
        empty.start(
            "publish",
            given={"datasets": [name]},
            failpoint="publish.before_commit=pause",
            at="publish",
        )
        for name in TWINS[:2]
    ]
    assert [writer.stopped() for writer in both] == [True, True]
    for writer in both:
        writer.resume()
    assert [len(writer.wait().results["publish"]) for writer in both] == [3, 3]


def test_two_processes_publish_one_dataset_in_turn(stage: Stage) -> None:
    """The second waits for the first, then finds nothing new."""
    first = stage.start("publish", failpoint="publish.before_commit=pause", at="publish")
    assert first.stopped()
    second = stage.start("publish")
    first.resume()
    assert len(first.wait().results["publish"]) == 3
    assert second.wait().results["publish"] == []
    assert stage.seen() == stage.picture(2)


@pytest.mark.slow
def test_writer_that_wakes_without_its_lease_is_refused(stage: Stage) -> None:
    """Ten of ten zombies are told that the lease moved, though the engine sees no conflict.

    Their first commit made the table, the second would add rows beside the successor's.
    """
    assert zombies(stage, TWINS, nth=2) == ["LostLeaseError"] * len(TWINS)
    assert stage.run("publish", given={"datasets": TWINS}).results["publish"] == []


def test_writer_that_would_overwrite_its_successor_is_refused(stage: Stage) -> None:
    """Where the engine does see the conflict, the error is the same."""
    pieces = str(declared.pieces.name)
    assert zombies(stage, [pieces], nth=1) == ["LostLeaseError"]
    assert stage.seen() == stage.picture(2)
