"""Tests of the replay into a real operations database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest

from demo import replay as replay_module
from demo.calendar import days_between
from demo.replay import Replay
from watermain.declare.errors import SourceError, UnreachableSystemError

END = datetime(2014, 1, 31, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


def themselves(first: date, last: date) -> dict[date, date]:
    """Map days of 2013 to themselves."""
    return {day: day for day in days_between(first, last)}


def run(connection: psycopg.Connection, days: dict[date, date], until: datetime = END) -> int:
    """Replay days until an instant; return the number of changes applied."""
    told: list[int] = []
    replay = Replay(connection, seed=7)
    replay.stage(days)
    replay.catch_up(until, tell=lambda changes, _: told.append(changes))
    connection.execute("drop table staged")
    return sum(told)


def table(connection: psycopg.Connection, columns: str = "*") -> list[tuple[object, ...]]:
    """Return the flights, ordered."""
    return connection.execute(
        f"select {columns} from public.flights order by flight_id".encode()
    ).fetchall()


def delays(connection: psycopg.Connection) -> dict[object, object]:
    """Return the arrival delay of every flight."""
    return dict(table(connection, "flight_id, arrival_delay_minutes"))  # type: ignore[arg-type]


def expected(rows: list[dict[str, str]], days: dict[date, date]) -> Iterator[tuple[object, ...]]:
    """Tell, from nothing but the CSV, how each flight of some days must stand in the end."""

    def number(text: str) -> int | None:
        return None if text == "NA" else int(text)

    for row in rows:
        day = date(int(row["year"]), int(row["month"]), int(row["day"]))
        if day in days:
            leg = f"{row['carrier']}{row['flight']}-{row['origin']}-{row['dest']}-{day}"
            hhmm = int(row["sched_dep_time"])
            arrived = "arrived" if row["arr_delay"] != "NA" else "diverted"
            yield (
                leg,
                row["carrier"],
                int(row["flight"]),
                None if row["tailnum"] == "NA" else row["tailnum"],
                row["origin"],
                row["dest"],
                datetime(day.year, day.month, day.day, hhmm // 100, hhmm % 100),
                int(row["sched_arr_time"]),
                number(row["dep_delay"]),
                number(row["arr_delay"]),
                number(row["air_time"]),
                int(row["distance"]),
                "cancelled" if row["dep_time"] == "NA" else arrived,
            )


def test_replayed_days_end_as_the_csv_has_them(
    connection: psycopg.Connection, rows_of_2013: list[dict[str, str]]
) -> None:
    snow, spring, autumn = date(2013, 2, 8), date(2013, 3, 10), date(2013, 11, 3)
    days = {day: day for day in (snow, spring, autumn)}
    run(connection, days)
    ended = [row[:-2] for row in table(connection)]
    assert ended == sorted(expected(rows_of_2013, days))
    assert {row[-1] for row in table(connection)} == set(days)


def test_changes_come_out_once_each_in_whole_transactions(connection: psycopg.Connection) -> None:
    days = themselves(date(2013, 1, 1), date(2013, 1, 1))
    connection.execute("select pg_create_logical_replication_slot('demo', 'pgoutput')")
    applied = run(connection, days)
    messages = connection.execute(
        "select convert_from(substr(data, 1, 1), 'UTF8') from pg_logical_slot_get_binary_changes("
        "'demo', null, null, 'proto_version', '1', 'publication_names', 'watermain')"
    ).fetchall()
    connection.execute("select pg_drop_replication_slot('demo')")
    kinds = Counter(kind for (kind,) in messages)
    flights = len(table(connection))
    clock = connection.execute("select changes, planned, settled from demo.clock").fetchall()
    assert clock == [(applied, applied, True)]
    assert kinds["I"] == flights == 842
    assert kinds["U"] == applied - flights
    assert kinds["D"] == kinds["T"] == 0


def test_replay_in_pieces_ends_like_a_replay_in_one(connection: psycopg.Connection) -> None:
    days = themselves(date(2013, 1, 1), date(2013, 1, 2))
    noon = datetime(2013, 1, 1, 12, 20, tzinfo=NEW_YORK)
    begun = run(connection, themselves(date(2013, 1, 1), date(2013, 1, 1)), noon)
    statuses = Counter(status for (status,) in table(connection, "status"))
    assert statuses["scheduled"] > 300
    assert statuses["arrived"] > 100
    [(latest,)] = connection.execute("select max(updated_at) from public.flights").fetchall()
    assert latest <= noon
    rest = run(connection, days)
    in_pieces = table(connection)
    assert run(connection, days) == 0
    connection.execute("truncate public.flights, demo.clock")
    assert run(connection, days) == begun + rest
    assert table(connection) == in_pieces


def test_finish_gives_the_end_of_the_replay_at_once(connection: psycopg.Connection) -> None:
    days = themselves(date(2013, 1, 1), date(2013, 1, 1))
    run(connection, days, datetime(2013, 1, 1, 15, tzinfo=UTC))
    replay = Replay(connection, seed=7)
    assert replay.finish(days) > 700
    finished = table(connection)
    assert connection.execute("select settled from demo.clock").fetchall() == [(True,)]
    assert replay.finish(days) == 0
    connection.execute("drop table staged")
    assert run(connection, days) == 0
    connection.execute("truncate public.flights, demo.clock")
    run(connection, days)
    assert table(connection) == finished


def test_misreported_arrival_is_wrong_until_it_is_corrected(
    connection: psycopg.Connection,
) -> None:
    days = themselves(date(2013, 1, 1), date(2013, 1, 1))
    run(connection, days, datetime(2013, 1, 2, 15, tzinfo=UTC))
    first = delays(connection)
    run(connection, days)
    last = delays(connection)
    corrected = {flight for flight in last if first[flight] != last[flight]}
    late = connection.execute(
        "select flight_id from public.flights where updated_at > '2013-01-02 20:00+00'"
    ).fetchall()
    assert corrected == {flight for (flight,) in late}
    assert 1 <= len(corrected) <= 30


def test_other_seed_is_refused_for_a_day_that_was_begun(connection: psycopg.Connection) -> None:
    days = themselves(date(2013, 1, 1), date(2013, 1, 1))
    run(connection, days, datetime(2013, 1, 1, 15, tzinfo=UTC))
    before = table(connection)
    with pytest.raises(SourceError, match="2013-01-01 were begun with seed 7, not 8") as caught:
        Replay(connection, seed=8).stage(days)
    assert caught.value.next == "say --seed 7"
    assert table(connection) == before


def test_second_replay_is_refused_while_one_runs(
    connection: psycopg.Connection, operations: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_module, "ALONE_SECONDS", 0.1)
    Replay(connection, seed=7)
    with (
        psycopg.connect(operations, autocommit=True) as other,
        pytest.raises(UnreachableSystemError, match="another replay is running"),
    ):
        Replay(other, seed=7)
