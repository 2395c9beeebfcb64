"""What a living platform costs while nobody asks anything of it.

It looks at the platform of the data folder that the settings name, which has to run, and changes
nothing: CPU and PSS of each service, runs, failures, growth of the databases and of the data
folder. The demo's outside world and PostgreSQL are told apart from what is ours. There is no peer:
the limits are the promise. Growth is a line through samples, projected to a day, and told in two
parts: what stays for ever (`benchmarks/growth.py`), and what is kept for a window and levels off.
The limit is of the first; the second is level once the longest window has passed, which a platform
with shorter windows shows within an hour.
Run it: `python -m benchmarks.idle --minutes 30`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from benchmarks.growth import for_ever, room
from watermain.lake.lake import Lake
from watermain.process.family import Families
from watermain.process.instance import storage_url
from watermain.process.platform import OUTSIDE, TODAY, Services
from watermain.process.supervisor import MARK
from watermain.settings import load_settings

POSTGRES, DEMO_DATABASE = "postgres", "demo database"
APART = {POSTGRES, DEMO_DATABASE, *TODAY, *OUTSIDE}
LIMITS = {
    "runs_a_minute": 1.0,
    "failed_runs": 0,
    "cpu_percent": 12.0,
    "pss_mib": 1.2 * 1024,
    "stays_mib_a_day": 20.0,
}
CPU_EVERY, SIZE_EVERY = 2.0, 30.0
STAYS_EVERY = 300.0  # it reads whole tables
HERTZ = os.sysconf("SC_CLK_TCK")
DAY = 86_400.0
FOLDERS = ("lake", "logs", "dagster", "run")
OURS = {"database dagster", "database watermain", *(f"folder {name}" for name in FOLDERS)}
RUNS = "select status, count(*) from runs where create_timestamp >= %s group by 1"
WHAT = """
select coalesce((select value from run_tags t where t.run_id = runs.run_id
    and key in ('dagster/schedule_name', 'dagster/sensor_name', 'dagster/backfill',
        'dagster/from_automation_condition', 'watermain/capture') order by key desc limit 1),
    'by hand') as cause, count(*)
from runs where create_timestamp >= %s group by 1 order by 2 desc limit 12
"""
TICKS = "select count(*) from job_ticks where status = 'FAILURE' and timestamp >= %s"
ROWS = """
select 'event rows', count(*) from event_logs union all
select 'check rows', count(*) from asset_check_executions union all
select 'tick rows', count(*) from job_ticks
"""


@dataclass
class Seen:
    """What was seen of one service."""

    cpu_seconds: float = 0.0
    before: float | None = None
    pss_mib: list[float] = field(default_factory=list)
    processes: int = 0


Samples = dict[str, list[tuple[float, int]]]


def cpu_seconds(pid: int) -> float:
    """The CPU of a process with that of its children which have ended."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / HERTZ


def pss_mib(pid: int) -> float:
    """The memory of a process, shared pages in equal parts."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def services(platform: Services) -> dict[str, list[int]]:
    """The processes of each service; a server counts for itself, whoever started it."""
    found: dict[str, list[int]] = defaultdict(list)
    look, taken = Families(), set()
    for name, server in ((POSTGRES, platform.server), (DEMO_DATABASE, platform.demo_server)):
        if (pid := server.running()) is not None:
            found[name] = look.of(pid)
            taken |= set(found[name])
    mark = f"{platform.settings.home}:"
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            named = process.environ().get(MARK, "").rstrip()
            if named.startswith(mark) and process.pid not in taken:
                found[named.removeprefix(mark)].append(process.pid)
    return found


def look(platform: Services, seen: dict[str, Seen], *, memory: bool) -> None:
    """Add what happened since the last look; what a service restarted meanwhile is left out."""
    for name, pids in services(platform).items():
        one = seen[name]
        one.processes = len(pids)
        used = each_of(cpu_seconds, pids)
        if one.before is not None:
            one.cpu_seconds += max(0.0, used - one.before)
        one.before = used
        if memory:
            one.pss_mib.append(each_of(pss_mib, pids))


def each_of(measure: Callable[[int], float], pids: Iterable[int]) -> float:
    """The sum over processes, without those that have ended."""
    total = 0.0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            total += measure(pid)
    return total


def folder_bytes(folder: Path) -> int:
    """The bytes of all files below a folder."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(place, name)).st_size
    return total


def sizes(platform: Services, connection: psycopg.Connection) -> dict[str, int]:
    """Bytes of each database and folder that is ours; the log of writes is PostgreSQL's own."""
    rows = connection.execute(
        "select datname, pg_database_size(datname) from pg_database where not datistemplate"
    ).fetchall()
    found = {f"database {name}": int(size) for name, size in rows}
    found |= {f"folder {name}": folder_bytes(platform.settings.home / name) for name in FOLDERS}
    found["log of writes"] = folder_bytes(platform.server.data / "pg_wal")
    return found


def slope_a_day(samples: Sequence[tuple[float, int]]) -> float:
    """Bytes a day of the line through samples of seconds with bytes."""
    if len(samples) < 2:
        return 0.0
    line = statistics.linear_regression([s for s, _ in samples], [float(b) for _, b in samples])
    return line.slope * DAY


def rows_of(connection: psycopg.Connection) -> Counter[str]:
    """The rows of Dagster's largest tables."""
    return Counter(dict(connection.execute(ROWS).fetchall()))


def watch(platform: Services, minutes: float) -> dict[str, object]:
    """Look for so many minutes; give the figures."""
    url = storage_url(platform.settings).replace("+psycopg2", "")
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select now() at time zone 'utc'").fetchone()
        assert row is not None
        since, rows = row[0], rows_of(connection)
        seen: dict[str, Seen] = defaultdict(Seen)
        grown: Samples = defaultdict(list)
        stays: Samples = defaultdict(list)
        began, sized, weighed = time.monotonic(), -SIZE_EVERY, -STAYS_EVERY
        while (elapsed := time.monotonic() - began) < minutes * 60:
            full = elapsed - sized >= SIZE_EVERY
            look(platform, seen, memory=full)
            if full:
                sized = elapsed
                for name, size in sizes(platform, connection).items():
                    grown[name].append((elapsed, size))
            if elapsed - weighed >= STAYS_EVERY:
                weighed = elapsed
                for name, size in for_ever(Lake.from_settings(), url).items():
                    stays[name].append((elapsed, size))
            time.sleep(CPU_EVERY)
        look(platform, seen, memory=False)
        seconds = time.monotonic() - began
        show(seen, grown, seconds)
        show_growth(grown, stays, url)
        more = rows_of(connection)
        more.subtract(rows)
        print({name: round(count * DAY / seconds) for name, count in more.items()}, "a day")
        print("runs by cause:", dict(connection.execute(WHAT, [since]).fetchall()))
        ticks = connection.execute(TICKS, [since]).fetchone()
        print("failed ticks:", ticks[0] if ticks else 0)
        runs: Counter[str] = Counter(dict(connection.execute(RUNS, [since]).fetchall()))
    return figures(seen, grown, stays, runs, seconds)


def show(seen: dict[str, Seen], grown: Samples, seconds: float) -> None:
    """Print every service and every place that grows."""
    print(f"{'service':<16}{'CPU %':>8}{'PSS MiB':>10}{'highest':>10}{'processes':>11}")
    for name, one in sorted(seen.items(), key=lambda pair: (pair[0] in APART, pair[0])):
        share, high = 100 * one.cpu_seconds / seconds, max(one.pss_mib, default=0)
        told = f"{name:<16}{share:>8.2f}{middle(one.pss_mib):>10.0f}{high:>10.0f}"
        print(f"{told}{one.processes:>11}{'  apart' if name in APART else ''}")
    print(f"\n{'place':<24}{'MiB':>8}{'MiB a day':>12}")
    for name, samples in grown.items():
        print(f"{name:<24}{samples[-1][1] / 2**20:>8.1f}{slope_a_day(samples) / 2**20:>12.1f}")


def show_growth(grown: Samples, stays: Samples, dagster: str) -> None:
    """Print what stays for ever, what levels off, and the room that the databases have."""
    print(f"\n{'stays for ever':<24}{'MiB':>8}{'MiB a day':>12}")
    for name, samples in stays.items():
        print(f"{name:<24}{samples[-1][1] / 2**20:>8.1f}{slope_a_day(samples) / 2**20:>12.1f}")
    total = sum(samples[-1][1] for name, samples in grown.items() if name in OURS)
    rest = total - sum(samples[-1][1] for samples in stays.values())
    change = all_a_day(grown) - sum(map(slope_a_day, stays.values()))
    print(f"{'kept for a window':<24}{rest / 2**20:>8.1f}{change / 2**20:>12.1f}")
    print(f"\n{'database':<24}{'rows':>8}{'indexes':>12}{'to be used again, MiB':>24}")
    for name, address in (("dagster", dagster), ("watermain", Lake.from_settings().dsn())):
        found = room(address)
        rows, indexes, free = (x / 2**20 for x in (found.rows, found.indexes, found.free))
        print(f"{name:<24}{rows:>8.1f}{indexes:>12.1f}{free:>24.1f}")


def all_a_day(grown: Samples) -> float:
    """Bytes a day of everything that is ours; the log of writes is bound and used again."""
    return sum(slope_a_day(samples) for name, samples in grown.items() if name in OURS)


def figures(
    seen: dict[str, Seen],
    grown: Samples,
    stays: Samples,
    runs: Counter[str],
    seconds: float,
) -> dict[str, object]:
    """The promise, kept or not."""
    ours = [one for name, one in seen.items() if name not in APART]
    each = {
        "runs_a_minute": round(runs.total() * 60 / seconds, 2),
        "failed_runs": runs["FAILURE"],
        "cpu_percent": round(100 * sum(one.cpu_seconds for one in ours) / seconds, 1),
        "pss_mib": round(sum(middle(one.pss_mib) for one in ours)),
        "stays_mib_a_day": round(sum(map(slope_a_day, stays.values())) / 2**20, 1),
    }
    met = all(value <= LIMITS[name] for name, value in each.items())
    now = {"grows_now_mib_a_day": round(all_a_day(grown) / 2**20, 1)}
    return {"claim": "a living platform at rest", **each, **now, "limits": LIMITS, "met": met}


def middle(values: Sequence[float]) -> float:
    """The median; 0 of nothing."""
    return statistics.median(values) if values else 0.0


def main() -> int:
    """Print the figures; end with 1 when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    given = parser.parse_args()
    platform = Services(load_settings())
    if not platform.supervisor.entries():
        print("nothing runs here: watermain up --detach")
        return 1
    found = watch(platform, given.minutes)
    print(json.dumps(found))
    return 0 if found["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
