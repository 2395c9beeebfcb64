"""Generated rules, tried by promtool over known series."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from tests.services.promtool import Scenario, Told, promtool
from tests.watermain.engine.promise.promises import promise
from watermain.declare import AtMost, Hourly, Slo, Urgency
from watermain.engine.promise.calendar import Promised
from watermain.observe.export.folder import prometheus_files, write
from watermain.observe.export.groups import group
from watermain.observe.export.prometheus.promise_rules import (
    groups_of,
    promise_rules,
    silent,
    slug,
)
from watermain.observe.export.prometheus.recording import recording
from watermain.observe.export.prometheus.requests import feature_server, request_rules
from watermain.observe.export.prometheus.rule import rules_text
from watermain.observe.export.prometheus.watching import watching

pytestmark = pytest.mark.services

SLOTH = Path(__file__).parent / "sloth"
TWO_HOURS = timedelta(hours=2)
DAILY = promise()
PAGED_AT_ONCE = promise(
    Slo(
        ready_within=TWO_HOURS,
        objective=AtMost(1, of=20),
        urgency=Urgency(tier=1, page_on_first_miss=True),
    )
)
TICKETS = promise(Slo(ready_within=TWO_HOURS, urgency=Urgency(severity="ticket")))
HOURLY = promise(Slo(ready_within=TWO_HOURS, urgency=Urgency(tier=1)), Hourly())
LOOSE = promise(Slo(ready_within=TWO_HOURS, objective=AtMost(7, of=28)))
ALL = (DAILY, PAGED_AT_ONCE, TICKETS, HOURLY, LOOSE)
FEES = 'dataset="billing.curated.fees"'
PAGE = "WatermainPartitionMissing"


@pytest.fixture
def rules(tmp_path: Path) -> list[Path]:
    """All rules of five promises, as the command writes them."""
    texts = {
        "recording": rules_text(recording()),
        "promises": rules_text(promise_rules(ALL), silent(ALL)),
        "watching": rules_text(watching(groups_of(ALL))),
        "requests": rules_text(request_rules(feature_server(0.99))),
    }
    found = []
    for name, text in texts.items():
        found.append(tmp_path / f"{name}.yml")
        found[-1].write_text(text)
    return found


def series(promised: Promised, **values: str) -> dict[str, str]:
    """The series of one promise: `info`, `cause` where it is given, and the others by name."""
    cause = values.pop("cause", "")
    found = {
        f'watermain_promise_info{{{FEES},room="billing",owner="team:billing",tier="2",'
        f'severity="page",group="{group(promised)}"}}': "1x5000"
    }
    if cause:
        found[f'watermain_alert_cause{{{FEES},cause_id="billing.raw.orders@1"}}'] = cause
    windows = {"5m": 5, "30m": 30, "1h": 60, "2h": 120, "6h": 360, "24h": 1440, "72h": 4320}
    for window, minutes in windows.items():
        name = f'watermain_promise_scheduled_minutes{{{FEES},window="{window}"}}'
        found[name] = f"{minutes}x5000"
    for name, told in values.items():
        kind, _, last = name.partition("_last_")
        more = f',last="{last}"' if last else ""
        found[f"watermain_promise_{kind}{{{FEES}{more}}}"] = told
    return found


def labels(promised: Promised, severity: str, cause: str = "", **words: str) -> Told:
    """What an alert of a promise carries."""
    return {
        "dataset": "billing.curated.fees",
        "room": "billing",
        "owner": "team:billing",
        "tier": "2",
        "severity": severity,
        "source": "prometheus",
        "group": slug(group(promised)),
        "cause_id": cause or "billing.curated.fees",
        **words,
    }


def test_rules_are_what_prometheus_takes(rules: list[Path]) -> None:
    """Every file, with nothing twice."""
    said = promtool("check", "rules", *rules)
    assert said.count("SUCCESS") == len(rules)


def test_settings_are_what_prometheus_and_alertmanager_take(tmp_path: Path) -> None:
    """Pages go to one receiver and everything else to the other."""
    write(tmp_path, prometheus_files(ALL, {"watermain": 9190}, serve_target=0.999))
    said = promtool("check", "config", tmp_path / "prometheus.yml")
    assert "4 rule files found" in said
    found = shutil.which("amtool")
    assert found, "apt-get install prometheus-alertmanager"
    config = f"--config.file={tmp_path / 'alertmanager.yml'}"
    for severity, receiver in (("page", "pages"), ("ticket", "tickets")):
        command = [found, "config", "routes", "test", config, f"severity={severity}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == receiver


def test_one_late_day_is_a_ticket_and_two_of_seven_are_a_page(
    tmp_path: Path, rules: list[Path]
) -> None:
    """Missing from minute 10, the second from minute 20; it comes at minute 30."""
    told = series(
        DAILY,
        is_missing="0x9 1x19 0x30",
        is_promised="1x60",
        late_last_7="0x9 1x9 2x60",
        cause="_x8 1x60",
    )
    scenario = Scenario(told)
    scenario.fires("9m", PAGE).fires("10m", PAGE)
    cause = "billing.raw.orders@1"
    scenario.fires("11m", PAGE, labels(DAILY, "ticket", cause))
    scenario.fires("21m", PAGE, labels(DAILY, "page", cause))
    scenario.fires("29m", PAGE, labels(DAILY, "page", cause)).fires("30m", PAGE)
    scenario.run(tmp_path, rules)


def test_page_outside_promised_hours_is_a_ticket(tmp_path: Path, rules: list[Path]) -> None:
    """Until they begin, at minute 20."""
    told = series(DAILY, is_missing="1x60", is_promised="0x19 1x60", late_last_7="2x60")
    scenario = Scenario(told).fires("10m", PAGE, labels(DAILY, "ticket"))
    scenario.fires("21m", PAGE, labels(DAILY, "page")).run(tmp_path, rules)


def test_ticket_stays_one_and_first_miss_pages_where_it_was_said(
    tmp_path: Path, rules: list[Path]
) -> None:
    """The urgency of the promise decides."""
    told = {"is_missing": "1x60", "is_promised": "1x60"}
    scenario = Scenario(series(TICKETS, late_last_7="2x60", **told))
    scenario.fires("10m", PAGE, labels(TICKETS, "ticket")).run(tmp_path, rules)
    scenario = Scenario(series(PAGED_AT_ONCE, late_last_7="1x60", **told))
    scenario.fires("10m", PAGE, labels(PAGED_AT_ONCE, "page")).run(tmp_path, rules)


@pytest.mark.parametrize(("late", "severity"), [((1, 1, 1, 1), "ticket"), ((1, 2, 2, 2), "page")])
def test_hours_are_counted_in_partitions(
    tmp_path: Path, rules: list[Path], late: tuple[int, ...], severity: str
) -> None:
    """In tier 1 two bad hours of the last day wake somebody, and one is a ticket."""
    counted = {
        f"late_last_{last}": f"{count}x60" for last, count in zip((2, 6, 24, 72), late, strict=True)
    }
    scenario = Scenario(series(HOURLY, is_missing="1x60", is_promised="1x60", **counted))
    scenario.fires("10m", PAGE, labels(HOURLY, severity)).run(tmp_path, rules)


def test_burn_follows_bad_minutes_and_ends_with_the_repair(
    tmp_path: Path, rules: list[Path]
) -> None:
    """At 95 % an hour burns 14.4x with 43.2 bad minutes; the short window is bad long before.

    Missing from minute 100 to 159: 44 bad minutes at minute 143, and an alert a minute later.
    """
    told = series(PAGED_AT_ONCE, slice_bad="0x99 1x59 0x400", objective="0.95x600")
    fast = labels(PAGED_AT_ONCE, "page", burn="14.4x", window="1h")
    slower = labels(PAGED_AT_ONCE, "page", burn="6x", window="6h")
    scenario = Scenario(told)
    scenario.gives("142m", "watermain:bad_ratio:1h * 60", ("{" + FEES + "}", 43))
    scenario.fires("143m", "WatermainPromiseBurns")
    scenario.fires("144m", "WatermainPromiseBurns", fast)
    scenario.fires("159m", "WatermainPromiseBurns", fast)
    scenario.fires("160m", "WatermainPromiseBurns")
    scenario.gives("160m", "watermain:bad_ratio:6h * 360", ("{" + FEES + "}", 60))
    scenario.run(tmp_path, rules)
    told = series(PAGED_AT_ONCE, slice_bad="0x99 1x400", objective="0.95x600")
    scenario = Scenario(told).fires("210m", "WatermainPromiseBurns", fast, slower)
    scenario.run(tmp_path, rules)


def test_burn_is_a_ticket_where_one_miss_wakes_nobody(tmp_path: Path, rules: list[Path]) -> None:
    """The same minutes of a promise that said nothing of its first miss."""
    told = series(DAILY, slice_bad="0x99 1x59 0x400", objective="0.964285714x600")
    fast = labels(DAILY, "ticket", burn="14.4x", window="1h")
    Scenario(told).fires("140m", "WatermainPromiseBurns", fast).run(tmp_path, rules)


def test_rule_that_can_never_fire_is_left_out_and_said(tmp_path: Path, rules: list[Path]) -> None:
    """At 75 % everything bad burns 4x: neither 14.4x nor 6x stands in the file, but its head."""
    text = (tmp_path / "promises.yml").read_text()
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert head == [
        f"# billing.curated.fees: burn {rule} is dropped: at 75% the fastest burn is 4x,"
        " when everything is bad"
        for rule in ("14.4x over 1 h and 5 min", "6x over 6 h and 30 min")
    ]
    told = series(LOOSE, slice_bad="1x6000", objective="0.75x6000")
    three = labels(LOOSE, "ticket", burn="3x", window="24h")
    one = labels(LOOSE, "ticket", burn="1x", window="72h")
    Scenario(told).fires("20h", "WatermainPromiseBurns", three, one).run(tmp_path, rules)


def test_gap_in_scrapes_is_no_bad_minute(tmp_path: Path, rules: list[Path]) -> None:
    """An average over what is left would say one in two; twenty minutes of sixty are bad."""
    told = series(DAILY, slice_bad="0x49 1x19 _x19 stale _x10", objective="0.96x200")
    gap = {name: v.replace("5000", "200") for name, v in told.items()}
    scenario = Scenario(gap).gives("88m", "watermain:bad_ratio:1h * 60", ("{" + FEES + "}", 25))
    scenario.gives("74m", "round(watermain:bad_ratio:1h * 60)", ("{" + FEES + "}", 25))
    scenario.run(tmp_path, rules)


def silence(alert: str, severity: str = "page", **words: str) -> Told:
    """What an alert about the watcher carries."""
    told = {"severity": severity, "source": "prometheus", "cause_id": f"platform/{alert}"}
    return told | words


def test_watcher_that_is_dead_is_noticed(tmp_path: Path, rules: list[Path]) -> None:
    """Absent from the beginning; then standing still; each in minutes."""
    Scenario({"up": "1x60"}).fires("6m", "WatermainFiguresAbsent", silence("WatermainFiguresAbsent")
    ).fires("4m", "WatermainFiguresAbsent").run(tmp_path, rules)  # fmt: skip
    told = {
        "watermain_export_timestamp_seconds": "0+60x9 540x60",
        "watermain_evaluated_timestamp_seconds": "0+60x9 540x60",
    }
    scenario = Scenario(told)
    for alert, at in (("WatermainFiguresStandStill", 17), ("WatermainNobodyJudges", 22)):
        scenario.fires(f"{at - 1}m", alert).fires(f"{at}m", alert, silence(alert))
    scenario.fires("30m", "WatermainFiguresAbsent").run(tmp_path, rules)


def test_book_that_cannot_be_read_is_noticed(tmp_path: Path, rules: list[Path]) -> None:
    """There are figures, and none of promises."""
    alert = "WatermainNothingWasJudged"
    told = {"watermain_export_timestamp_seconds": "0+60x60"}
    Scenario(told).fires("11m", alert, silence(alert)).fires("9m", alert).run(tmp_path, rules)


def test_what_keeps_people_from_hearing_is_noticed(tmp_path: Path, rules: list[Path]) -> None:
    """A service that is down, an outbox that nobody takes, datasets without series."""
    told = {
        'watermain_service_up{service="stream"}': "1x9 0x60",
        'watermain_outbox_oldest_timestamp_seconds{notifier="pager"}': "300x60",
        "watermain_export_folded_datasets": "3x60",
        'watermain_export_unread{part="lake"}': "1x60",
    }
    scenario = Scenario(told)
    for at, alert, severity, words in (
        (13, "WatermainServiceDown", "page", {"service": "stream"}),
        (18, "WatermainAlertsUndelivered", "page", {"notifier": "pager"}),
        (10, "WatermainDatasetsFolded", "ticket", {}),
        (10, "WatermainFiguresUnread", "ticket", {"part": "lake"}),
    ):
        scenario.fires(f"{at - 1}m", alert)
        scenario.fires(f"{at}m", alert, silence(alert, severity, **words))
    scenario.run(tmp_path, rules)


def test_promise_that_no_rule_knows_or_nothing_measures_is_noticed(
    tmp_path: Path, rules: list[Path]
) -> None:
    """It was promised after the rules were written; another one has ended."""
    other = promise(Slo(ready_within=TWO_HOURS, objective=AtMost(2, of=28)))
    told = series(other) | {
        f'watermain_promise_state{{{FEES},state="not measured"}}': "1x100",
        'watermain_promise_info{dataset="billing.curated.gone",room="billing",owner="a",tier="2"'
        f',severity="page",group="{group(DAILY)}"}}': "1x10 stale",
    }
    dataset = {"dataset": "billing.curated.fees"}
    alert = "WatermainPromiseWithoutRules"
    words = {**dataset, "room": "billing", "owner": "team:billing", "tier": "2"}
    words |= {"group": str(group(other)), "cause_id": f"platform/{alert}"}
    scenario = Scenario(told)
    scenario.fires("12m", alert, silence(alert, "ticket", **words))
    alert = "WatermainPromiseNotMeasured"
    scenario.fires("59m", alert).fires("60m", alert, silence(alert, "ticket", **dataset))
    alert = "WatermainPromiseGone"
    gone = silence(alert, "ticket", dataset="billing.curated.gone")
    scenario.fires("36m", alert, gone).fires("15m", alert).fires("46m", alert)
    scenario.run(tmp_path, rules)


@pytest.mark.parametrize(("book", "fires"), [("20x300", True), ("6.666667x300", False)])
def test_book_and_prometheus_that_differ_are_noticed(
    tmp_path: Path, rules: list[Path], book: str, fires: bool
) -> None:
    """Twenty bad minutes of an hour are 6.7x of what 95 % allows; the book says so, or 20x."""
    told = series(DAILY, slice_bad="0x79 1x19 0x200", objective="0.95x300")
    told[f'watermain_promise_burn{{{FEES},window="1h"}}'] = book
    alert = "WatermainBurnDiffers"
    words = silence(alert, "ticket", dataset="billing.curated.fees", window="1h")
    expected = (words,) if fires else ()
    Scenario(told).fires("115m", alert, *expected).run(tmp_path, rules)


# Errors per minute of 100 answers: calm, a short outage, a long slow burn, a total loss.
COURSES = {
    "calm": "0+0x4500",
    "short outage": "0+0x600 0+50x20 1000+0x4000",
    "slow": "0+2x4500",
    "burst": "0+0x2000 0+10x120 1200+0x2400",
    "total": "0+0x1000 0+100x400 40000+0x3000",
}


@pytest.mark.parametrize("course", list(COURSES))
def test_request_rules_agree_with_those_of_sloth(
    tmp_path: Path, rules: list[Path], course: str
) -> None:
    """The same shares of bad answers in every window; alerts at the same minutes."""
    told = {
        'watermain_serve_requests_total{consumer="a",status="200"}': "0+100x4500",
        'watermain_serve_requests_total{consumer="a",status="503"}': COURSES[course],
    }
    scenario = Scenario(told, every="20m")
    pairs = {"24h": "1d", "72h": "3d"}
    for minute in range(20, 4400, 120):
        for window in ("5m", "30m", "1h", "2h", "6h", "24h", "72h"):
            theirs = f"sum(slo:sli_error:ratio_rate{pairs.get(window, window)})"
            apart = f"abs(sum(watermain:request_errors:{window}) - {theirs}) > 0.000001"
            scenario.gives(f"{minute}m", apart)
        for severity in ("page", "ticket"):
            ours, sloth = (
                f'(count(ALERTS{{alertname="{name}",severity="{severity}",alertstate="firing"}})'
                " > bool 0 or on () vector(0))"
                for name in ("WatermainRequestsBurn", "SlothRequestsBurn")
            )
            scenario.gives(f"{minute}m", f"({ours} != on () {sloth})")
    scenario.run(tmp_path, [*rules, SLOTH / "rules.yml"])


def test_both_rules_of_requests_do_fire(tmp_path: Path, rules: list[Path]) -> None:
    """Agreeing on nothing at all would be no agreement."""
    told = {
        'watermain_serve_requests_total{status="200"}': "0+100x4500",
        'watermain_serve_requests_total{status="503"}': COURSES["total"],
    }
    scenario = Scenario(told, every="20m")
    for name in ("WatermainRequestsBurn", "SlothRequestsBurn"):
        for severity in ("page", "ticket"):
            firing = f'ALERTS{{alertname="{name}",severity="{severity}",alertstate="firing"}}'
            scenario.gives("1380m", f"count({firing}) > bool 0", ("{}", 1))
            scenario.gives("900m", f"count({firing})")
    scenario.run(tmp_path, [*rules, SLOTH / "rules.yml"])
