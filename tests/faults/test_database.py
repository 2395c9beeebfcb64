"""A catalog database that does not answer, or stops answering, in four lines."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.faults.stage import Stage

OTHERS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and pid <> pg_backend_pid()"
)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("host=127.0.0.1 port=1 dbname=lake user=postgres", "refused"),
        ("host=/nowhere/at/all dbname=lake user=postgres", "No such file or directory"),
    ],
)
def test_publish_tells_of_a_database_that_does_not_answer(
    tmp_path: Path, address: str, says: str
) -> None:
    """Nobody listens at the address."""
    away = Stage({"WATERMAIN_DATA_DIR": str(tmp_path), "WATERMAIN_POSTGRES": address})
    name, message = away.run("publish").error
    assert name == "UnreachableSystemError"
    assert says in message
    assert len(message.splitlines()) == 4


@pytest.mark.parametrize(
    "place", ["publish.after_stage", "publish.before_commit", "publish.after_data_before_commit"]
)
def test_publish_leaves_nothing_when_the_database_stops_in_between(
    stage: Stage, place: str
) -> None:
    """Every connection is cut while a publish is under way; a retry publishes."""
    writer = stage.start("publish", failpoint=f"{place}=pause", at="publish")
    assert writer.stopped()
    with psycopg.connect(stage.environment["WATERMAIN_POSTGRES"], autocommit=True) as connection:
        connection.execute(OTHERS)
    writer.resume()
    name, message = writer.wait().error
    assert name == "UnreachableSystemError"
    assert len(message.splitlines()) == 4
    assert stage.seen() == stage.picture(1)
    assert len(stage.run("publish").results["publish"]) == 3
    assert stage.seen() == stage.picture(2)
