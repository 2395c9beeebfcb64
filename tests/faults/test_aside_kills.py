"""Processes killed while they put rows aside, replay or discard them lose none, double none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import aside, crew
from tests.faults.campaign import COMMITTING
from tests.faults.contracts import DISCARD, QUARANTINE, REPLAY
from watermain.lake.lake import Lake, table
from watermain.lake.quarantine import listed


def killed(verb: str, failpoint: str) -> None:
    """Do the work in a process that dies at the failpoint."""
    crew.dies(aside.begin, verb, at=failpoint)


def rows(lake: Lake, name: Any) -> list[tuple[Any, ...]]:
    """The visible rows."""
    with lake.get_connection() as connection:
        return connection.execute(f"select id, amount from {table(name)} order by all").fetchall()


def put_aside(lake: Lake, name: Any) -> list[tuple[str, str]]:
    """The rows in quarantine with how each stands."""
    with lake.get_connection() as connection:
        found = listed(connection, str(name))
    return sorted((r["status"], r["payload"]) for r in found)


@pytest.mark.slow
@pytest.mark.parametrize("failpoint", [*QUARANTINE, *COMMITTING])
def test_kill_while_rows_go_aside_keeps_a_partition_whole(lake: Lake, failpoint: str) -> None:
    """Readers see the rows as before or as after; each computed row is published or aside, once."""
    name = aside.sales(0).name
    aside.perform("-2", lake)
    before = (rows(lake, name), put_aside(lake, name))
    killed("-3", failpoint)
    between = (rows(lake, name), put_aside(lake, name))
    aside.perform("-3", lake)
    after = (rows(lake, name), put_aside(lake, name))
    if failpoint == "publish.after_commit":
        assert between[0] == after[0]
    else:
        assert between == before
    assert after[0] == [("s3", 0), ("s4", 1), ("s5", 2)]
    assert [s for s, _ in after[1]].count("open") == 3


@pytest.mark.slow
@pytest.mark.parametrize("failpoint", [*REPLAY, *COMMITTING])
def test_kill_while_rows_are_replayed_publishes_each_once(lake: Lake, failpoint: str) -> None:
    """The row that still does not fit stays in quarantine."""
    aside.perform("capture", lake)
    assert len(rows(lake, aside.events.name)) == 4
    killed("replay", failpoint)
    committed = failpoint in ("replay.after_commit", "publish.after_commit")
    assert len(rows(lake, aside.events.name)) == (8 if committed else 4)
    aside.perform("replay", lake)
    aside.perform("replay", lake)
    assert rows(lake, aside.events.name) == [(f"s{n}", n) for n in range(8)]
    states = [s for s, _ in put_aside(lake, aside.events.name)]
    assert states == ["open", *["replayed"] * 4]
    with lake.get_connection() as connection:
        promised = connection.execute(
            "select partition, sum(rows_out)::bigint from lake.upkeep_raw.publishes"
            " group by 1 order by 1"
        ).fetchall()
    assert promised == [("2013-01-01", 4), ("2013-01-02", 4)]


@pytest.mark.slow
@pytest.mark.parametrize("failpoint", [*DISCARD, *COMMITTING])
def test_kill_while_rows_are_discarded_decides_once(lake: Lake, failpoint: str) -> None:
    """Either all of them have a verdict or none has."""
    aside.perform("capture", lake)
    killed("discard", failpoint)
    states = {s for s, _ in put_aside(lake, aside.events.name)}
    assert states == ({"discarded"} if failpoint == "publish.after_commit" else {"open"})
    aside.perform("discard", lake)
    with lake.get_connection() as connection:
        verdicts = connection.execute(
            "select verdict, reason, decided_by, count(*), count(distinct aside_id)"
            " from lake.upkeep_raw.quarantine_verdicts group by 1, 2, 3"
        ).fetchall()
    assert verdicts == [("discarded", "the till was broken", "ann", 5, 5)]
    aside.perform("replay", lake)
    assert len(rows(lake, aside.events.name)) == 4
