"""What Prometheus keeps of promises, by recording rules."""

from __future__ import annotations

from datetime import timedelta

from watermain.observe.export.groups import window
from watermain.observe.export.prometheus.rule import Recorded, RuleGroup
from watermain.observe.export.promise_figures import WINDOWS

SLICE = "watermain:slice_bad:1m"
INFO = "watermain:promise:info"
SELDOM = "2m"  # well within the five minutes for which Prometheus knows a sample
SLOW = timedelta(hours=6)  # longer windows hold thousands of minutes, and change slowly
_HALF = timedelta(seconds=30)
_CAUSE = "max by (dataset, cause_id) (watermain_alert_cause)"
_PROMISE = "max by (dataset, room, owner, tier, severity, group) (watermain_promise_info)"


def ratio(name: str) -> str:
    """The name under which the share of bad minutes of a window is kept."""
    return f"watermain:bad_ratio:{name}"


def reach(length: timedelta) -> str:
    """A window that holds one sample for each of its minutes, in any release of Prometheus.

    Guarantees: it ends half a minute before its own length. Up to Prometheus 2 both ends of a
    window belong to it, and since 3 the end alone, so that an hour has 61 samples or 60.
    """
    minutes = length // timedelta(minutes=1) - 1
    hours, rest = divmod(minutes, 60)
    return f"{f'{hours}h' if hours else ''}{f'{rest}m' if rest else ''}{_HALF.seconds}s"


def recording() -> list[RuleGroup]:
    """The recording rules, the same for all promises."""
    info = (
        f"{_PROMISE}\n  * on (dataset) group_left (cause_id)\n{_CAUSE}\nor on (dataset)\n"
        f'label_replace({_PROMISE}, "cause_id", "$1", "dataset", "(.+)")\n'
    )
    first: list[Recorded] = [
        Recorded(record=SLICE, expr="max by (dataset) (watermain_promise_slice_bad)"),
        Recorded(record=INFO, expr=info),
    ]
    fast = [_ratio(name, length) for name, length in WINDOWS.items() if length <= SLOW]
    slow = [_ratio(name, length) for name, length in WINDOWS.items() if length > SLOW]
    return [
        RuleGroup(name="watermain-minutes", rules=[*first, *fast]),
        RuleGroup(name="watermain-days", rules=slow, every=SELDOM),
    ]


def scheduled(name: str) -> str:
    """The promised minutes of a window, as the book of verdicts counts them."""
    return f'max by (dataset) (watermain_promise_scheduled_minutes{{window="{name}"}} > 0)'


def _ratio(name: str, length: timedelta) -> Recorded:
    """Bad minutes by scheduled ones.

    Guarantees: a gap in the scrapes is no bad minute and takes none from the schedule, as an
    average would; where nothing was promised there is no series, and no division by zero.
    """
    bad = f"sum_over_time({SLICE}[{reach(length)}])"
    assert window(length) == name
    return Recorded(record=ratio(name), expr=f"{bad}\n  / on (dataset)\n{scheduled(name)}\n")
