"""The tags by which a run says what it was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
REBUILD = "watermain/rebuild"  # replace partitions although nothing has changed
REPLAY = "watermain/replay"  # let rows in quarantine try again
FRAMES = "watermain/frames"  # the partitions of an asset whose frames are to be captured
FRAMES_UNTIL = "watermain/frames_until"  # the newest materialization that the sensor had seen
PLAN = "watermain/plan"  # the key of a request that the planner made
RUN = "watermain/run"  # what people call the run
TEAM = "watermain/team"
WHY = "watermain/why"
CAPTURE, PUBLISH, CHECK = "capture", "publish", "check"
MOST_LETTERS = 120
# What of Dagster's tags tells who asked, and how to say it.
_ASKED = (
    ("dagster/schedule_name", "the schedule {}"),
    ("dagster/from_automation_condition", "its inputs changed"),
    ("dagster/sensor_name", "the sensor {}"),
    ("dagster/parent_run_id", "run {:.8} again"),
    ("dagster/backfill", "the backfill {}"),
)


def run_tags(
    paths: Iterable[Sequence[str]], tags: Mapping[str, str], why: str = "", verb: str = ""
) -> dict[str, str]:
    """Say in tags what a run is, whose it is and why: of the assets at `paths`, with its own tags.

    Guarantees: a tag that the run has already stands as it is.

    >>> run_tags([("operations", "raw", "flights")], {}, "3 changes wait")[RUN]
    'capture operations.raw.flights'
    """
    assets = sorted({tuple(path) for path in paths})
    if not assets:
        return {WHY: why or asked(tags), **tags}
    span = span_text(tags)
    found = {
        RUN: f"{verb or _verb(assets)} {_named(assets)}{f' [{span}]' if span else ''}",
        TEAM: ", ".join(dict.fromkeys(path[0] for path in assets)),
        WHY: why or asked(tags),
    }
    return {**{key: value[:MOST_LETTERS] for key, value in found.items()}, **tags}


def partition_tags(first: str, last: str) -> dict[str, str]:
    """The tags that tell Dagster which partitions are asked for."""
    return {RANGE_START: first, RANGE_END: last}


def asked(tags: Mapping[str, str]) -> str:
    """Who asked for a run, as Dagster's own tags tell."""
    for key, words in _ASKED:
        if key in tags:
            return words.format(tags[key])
    return "somebody asked for it"


def span_text(tags: Mapping[str, str]) -> str:
    """The partitions that a run is asked for, without what both ends begin with.

    >>> span_text({RANGE_START: "2013-01-02", RANGE_END: "2013-01-05"})
    '2013-01-02..05'
    """
    single = tags.get(PARTITION, "")
    first, last = tags.get(RANGE_START, single), tags.get(RANGE_END, single)
    if first == last:
        return first
    same = 0
    while first[: same + 1] == last[: same + 1]:
        same += 1
    return f"{first}..{last[first.rfind('-', 0, same) + 1 :]}"


def _verb(assets: Sequence[tuple[str, ...]]) -> str:
    return CAPTURE if all(path[1:2] == ("raw",) for path in assets) else PUBLISH


def _named(assets: Sequence[tuple[str, ...]]) -> str:
    """One by its name; several by what their names begin with, and how many they are."""
    if len(assets) == 1:
        return ".".join(assets[0])
    for length in (2, 1):
        if len({path[:length] for path in assets}) == 1:
            return f"{'.'.join(assets[0][:length])} ({len(assets)})"
    return f"datasets of several teams ({len(assets)})"
