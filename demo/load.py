"""`python -m demo load`: the last days up to now, or days of 2013 as they were recorded."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import date, datetime, timedelta

import psycopg

from demo import services
from demo.began import Began, began
from demo.bus import Bus, Sent, follow_movements, publish_stretch
from demo.calendar import days_between, local_day
from demo.contacts import ensure_contacts
from demo.drop import drop_folder, drop_weekly, ensure_drop, monday_of
from demo.live import follow_today, replay_stretch
from demo.operations import count_flights, open_operations
from demo.options import LoadOptions, factor, instant, taking
from demo.pace import AT_ONCE, FOREVER, Pace, present, stop_asked
from demo.replay import Replay
from demo.screen import progress_bar, report
from demo.weather import Shelf


@taking(LoadOptions)
def load(options: LoadOptions) -> None:
    """Replay flights: filed the day before, and then departed, arrived and corrected.

    The days are the last ones up to now, moved from 2013 by whole weeks, and `live` goes on where
    they end; with --as-recorded they are those of 2013. A replay that was stopped, even by force,
    continues where it was.
    """
    clock = time.monotonic()
    ensure_drop(drop_folder(options.folder))
    with closing(open_operations(options.folder)) as connection:
        folder = began(connection)
        folder.check(as_recorded=options.as_recorded)
        ensure_contacts(connection, options.seed)
        recorded = options.as_recorded or folder.recorded
        facts = (_recorded if recorded else _moved)(options, connection, folder)
        facts = count_flights(connection) | facts
    seconds = round(time.monotonic() - clock, 1)
    outcome = "all has happened" if facts["complete"] else "stopped; the same command continues"
    report(
        {**facts, "seconds": seconds},
        f"{facts['flights']:,} flights in the operations database after {seconds} s; {outcome}",
        as_json=options.as_json,
    )


def _moved(
    options: LoadOptions, connection: psycopg.Connection, folder: Began
) -> dict[str, object]:
    """Let the days of today's world happen up to now, in every system alike."""
    now = instant(options.as_of) or present()
    since = folder.since or local_day(now) - timedelta(days=options.back)
    days = days_between(since, local_day(now))
    drop_weekly(drop_folder(options.folder), [monday_of(now.date()), *days])
    with stop_asked() as stop, progress_bar() as bar:
        pace = Pace(now, now, AT_ONCE, stop)
        replay = Replay(connection, options.seed)
        follow_today(connection, replay, pace, since=since, announce=bar.announce, tell=bar.tell)
        facts = {
            "complete": not pace.stopped(),
            "since": since.isoformat(),
            "weather_days": Shelf(services.shelf_of(options.folder)).go_live(since, now),
        }
        if (address := options.known_address("movement_bus")) is None:
            return facts
        sent, counts = Sent(services.sent_of(options.folder)), [0]
        follow_movements(
            Bus(address), options.seed, pace, sent, since=since, tell=lambda n, _: counts.append(n)
        )
        return {**facts, "movements": sum(counts)}


def _recorded(
    options: LoadOptions, connection: psycopg.Connection, folder: Began
) -> dict[str, object]:
    """Let days of 2013 happen as they were; those that the folder has, unless some are named."""
    days = options.days if options.as_recorded else list(folder.recorded)
    end = instant(options.as_of) or FOREVER
    drop_weekly(drop_folder(options.folder), days)
    replay, complete, speed = Replay(connection, options.seed), True, factor(options.speed)
    if options.final:
        replay.finish({day: day for day in days})
    else:
        with stop_asked() as stop, progress_bar() as bar:
            complete = replay_stretch(
                replay,
                days,
                lambda first: Pace(first, end, speed, stop),
                announce=bar.announce,
                tell=bar.tell,
            )
    facts = {"complete": complete, "until": days[-1].isoformat()}
    return facts | _others(options, connection, days, end)


def _others(
    options: LoadOptions, connection: psycopg.Connection, days: list[date], end: datetime
) -> dict[str, object]:
    """Load the same days onto the weather's shelf, and onto the bus when there is one."""
    archived = Shelf(services.shelf_of(options.folder)).archive(days, present())
    if (address := options.known_address("movement_bus")) is None:
        return {"weather_days": archived}
    messages = publish_stretch(connection, Bus(address), days, options.seed, end)
    return {"weather_days": archived, "movements": messages}
