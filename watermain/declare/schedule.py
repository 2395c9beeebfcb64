"""The instants at which a schedule is due."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

_FIELDS = 5
_CHANCE = re.compile(r"(?<![a-z])r(?![a-z])", re.IGNORECASE)
_SOME_MONDAY = datetime(2024, 1, 1)
_NEXT = "write minute, hour, day, month, weekday, such as `15 4 * * *`, or `@daily`"


def schedule_complaints(schedule: object) -> Iterator[tuple[str, str]]:
    """Say why a text is no schedule, and what to write instead.

    A schedule is five fields of cron which some day come true, and no field is left to chance.
    """
    from croniter import (  # type: ignore[import-untyped]
        CroniterBadDateError,
        CroniterError,
        croniter,
    )

    if not isinstance(schedule, str):
        yield f"schedule {schedule!r} is no text", _NEXT
        return
    try:
        fields, *_ = croniter.expand(schedule)
        if len(fields) != _FIELDS:
            yield f"schedule {schedule!r} has {len(fields)} fields, not {_FIELDS}", _NEXT
        elif _CHANCE.search(schedule):
            yield f"schedule {schedule!r} is due by chance", _NEXT
        else:
            croniter(schedule, _SOME_MONDAY).get_next(datetime)
    except CroniterBadDateError:
        yield f"schedule {schedule!r} is never due", "name a day that its months have"
    except CroniterError as error:
        yield f"schedule {schedule!r} is not understood: {error}", _NEXT
