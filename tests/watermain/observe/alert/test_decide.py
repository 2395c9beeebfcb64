"""Alerts go from a signal to its repair, decided without any effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watermain.observe.trouble import CHAIN, MINUTE, NOON, Days, late, lineage, name
from watermain.observe.alert.alert import Ailment, Maintenance, Sighting, Telling
from watermain.observe.alert.decide import acknowledged, decide

ORDERS, LINES = "fired shop.curated.orders", "fired shop.curated.lines"
HOUR = 60 * MINUTE


def test_alert_fires_when_its_signal_lasts() -> None:
    """One look is no page; the second is, once."""
    days = Days()
    assert days.look("orders") == []
    assert days.one().state == "pending"
    assert days.look("orders") == [ORDERS]
    assert days.look("orders") == []
    assert (days.one().state, days.one().owner) == ("firing", "team:shop")


def test_what_is_wrong_for_a_while_already_is_held_no_longer() -> None:
    """A look that comes late holds nothing back; what is due is held from when it was missed."""
    refused = late("orders", NOON, promise="secret")
    assert Days().look(refused, after=MINUTE / 3) == []
    assert Days().look(refused, after=MINUTE) == [ORDERS]
    assert Days().look(replace(late("orders", NOON), due_at=NOON), after=MINUTE) == []


def test_alert_that_nothing_else_explains_is_told_at_once() -> None:
    """Nobody waits for what could be the cause of a refusal; a window holds it all the same."""
    refused = replace(late("orders", promise="access"), is_alone=True)
    assert Days().look(refused, after=timedelta(0)) == [ORDERS]
    window = Maintenance(
        name="works",
        covers=(str(name("orders")),),
        begins_at=NOON,
        ends_at=NOON + HOUR,
        budget="counts",
    )
    held = Days().look(refused, after=timedelta(0), windows=(window,))
    assert held == []


def test_signal_that_is_gone_at_once_is_told_to_nobody() -> None:
    """Neither its beginning nor its end."""
    days = Days()
    told = days.look("orders") + days.look() + days.look(after=5 * MINUTE)
    assert (told, days.one().state) == ([], "resolved")


def test_repair_is_told_minutes_after_with_its_proof() -> None:
    """Not at the first look without a signal; with duration and proof."""
    days = Days()
    days.look("orders")
    days.look("orders")
    assert days.look(proofs={name("orders"): "published as snapshot 7"}) == []
    proofs = {name("orders"): "published as snapshot 7"}
    assert days.look(after=2 * MINUTE, proofs=proofs) == ["fixed shop.curated.orders"]
    (told,) = days.last.tellings
    assert "shop.curated.orders: published as snapshot 7" in told.text
    assert "lasted     2 min" in told.text
    assert days.one().lasted == 2 * MINUTE
    assert days.look() == []


def test_dataset_that_cannot_be_judged_clears_nothing() -> None:
    """Unmeasured is never well."""
    days = Days()
    days.look(late("orders", severity="ticket"))
    days.look(late("orders", severity="ticket"))
    for _ in range(5):
        assert days.look(after=5 * MINUTE, unmeasured=frozenset({name("orders")})) == []
    assert days.one().is_open
    days.look()
    assert days.look(after=3 * MINUTE) == ["fixed shop.curated.orders"]


def test_cause_stays_when_something_above_it_is_found_late() -> None:
    """The alert keeps its name; the dataset above joins it and is shown."""
    days = Days()
    days.look("report")
    assert days.look("report") == ["fired shop.curated.report"]
    assert days.look("report", "orders") == []
    alert = days.one()
    assert alert.cause_id.startswith("shop.curated.report@")
    assert alert.root == name("orders")
    assert name("lines") in alert.affected
    assert alert.consumers == ("the board",)


def test_what_only_shares_a_reader_has_a_cause_of_its_own() -> None:
    """The shelf reads both; that stock is late is not hidden in the page of orders."""
    days = Days()
    days.look("orders", "shelf")
    assert days.look("orders", "shelf") == [ORDERS]
    days.look("orders", "shelf", "stock")
    assert days.look("orders", "shelf", "stock") == ["fired shop.curated.stock"]


def test_failed_dataset_without_promise_is_the_cause() -> None:
    """It tells nobody by itself, and explains what is late below it."""
    ill = (Ailment(dataset=name("orders"), why="the body raised", at=NOON - HOUR),)
    days = Days()
    days.look(ailments=ill)
    assert days.alerts == {}
    days.look("report", "shelf", ailments=ill)
    assert days.look("report", "shelf", ailments=ill) == [ORDERS]


def test_one_failed_run_is_one_cause() -> None:
    """Two datasets without a path between them, broken by one run."""
    ill = tuple(
        Ailment(dataset=name(each), why="killed", at=NOON, run="r1") for each in ("orders", "stock")
    )
    days = Days()
    days.look("orders", "stock", ailments=ill)
    assert days.look("orders", "stock", ailments=ill) == [ORDERS]


def test_window_keeps_new_alerts_from_people_and_nothing_else() -> None:
    """What began before is repaired aloud; what begins inside is told when the window ends."""
    window = Maintenance(
        name="upgrade",
        covers=("shop",),
        begins_at=NOON + 3 * MINUTE,
        ends_at=NOON + 10 * MINUTE,
        budget="counts",
    )
    days = Days()
    days.look("orders", windows=(window,))
    assert days.look("orders", windows=(window,)) == [ORDERS]
    days.look("stock", after=2 * MINUTE, windows=(window,))
    assert days.look("stock", after=3 * MINUTE, windows=(window,)) == ["fixed shop.curated.orders"]
    held = [alert for alert in days.alerts.values() if alert.held_by]
    assert [(a.state, a.held_by) for a in held] == [("pending", "upgrade")]
    assert days.look("stock", after=3 * MINUTE, windows=(window,)) == ["fired shop.curated.stock"]


def test_nobody_is_told_of_what_began_and_ended_in_a_window() -> None:
    """Suppressed for good."""
    window = Maintenance(
        name="w", covers=("shop.curated.orders",), begins_at=NOON, ends_at=NOON + HOUR,
        budget="excused",
    )  # fmt: skip
    days = Days()
    told = [days.look(*each, windows=(window,)) for each in (["orders"], ["orders"], [], [], [])]
    assert (told, days.one().state) == ([[]] * 5, "resolved")


def test_reminders_back_off() -> None:
    """After one hour, then two, four; nobody is spammed."""
    days = Days()
    days.look(late("orders", severity="ticket"))
    at = [
        days.now - NOON
        for _ in range(8 * 60)
        if days.look(late("orders", severity="ticket")) == ["reminder shop.curated.orders"]
    ]
    assert [round(each / HOUR) for each in at] == [1, 3, 7]


def test_escalation_goes_on_until_somebody_takes_it() -> None:
    """A level after each pause; an acknowledgement stops it until it ends."""
    days = Days()
    days.look("orders")
    days.look("orders")
    assert days.look("orders", after=15 * MINUTE) == ["escalated shop.curated.orders"]
    assert days.one().level == 1
    until = days.now + 4 * HOUR
    alert = acknowledged(days.one(), "ann", until)
    days.alerts[alert.cause_id] = alert
    told = [days.look("orders", after=10 * MINUTE) for _ in range(23)]
    assert {each for one in told for each in one} == {"reminder shop.curated.orders"}
    assert days.look("orders", after=10 * MINUTE) == ["escalated shop.curated.orders"]
    assert (days.one().state, days.one().level) == ("firing", 2)


def test_ticket_never_escalates_and_may_become_a_page() -> None:
    """Once it is a page it stays one until it is over."""
    days = Days()
    days.look(late("orders", severity="ticket"))
    days.look(late("orders", severity="ticket"))
    assert days.look("orders") == ["raised shop.curated.orders"]
    assert days.look(late("orders", severity="ticket")) == []
    assert days.one().severity == "page"


@pytest.mark.parametrize(("pause", "openings", "causes"), [(30, 2, 1), (61, 1, 2)])
def test_same_again_is_the_same_within_the_hour(pause: int, openings: int, causes: int) -> None:
    """The clock of the repair goes on; later it is a new cause."""
    days = Days()
    days.look("orders")
    days.look("orders")
    days.look()
    days.look(after=2 * MINUTE)
    days.look("orders", after=pause * MINUTE)
    assert days.look("orders") == [ORDERS]
    assert len(days.alerts) == causes
    newest = list(days.alerts.values())[-1]
    assert newest.openings == openings
    assert (newest.began_at == NOON + MINUTE) == (openings == 2)
    ids = [told.id for told in days.last.tellings]
    assert ids[0].endswith(f"/fired/{openings}")


def test_clock_that_jumps_neither_clears_nor_hides() -> None:
    """Forward, one look without a signal is not enough; backward, nothing waits for old times."""
    days = Days()
    days.look("orders")
    days.look("orders")
    assert days.look(after=timedelta(days=2)) == []
    assert days.look("orders") == ["escalated shop.curated.orders"]
    days.look(after=-timedelta(days=1))
    assert days.look(after=3 * MINUTE) == ["fixed shop.curated.orders"]
    other = Days()
    other.look("orders")
    other.look("orders", after=-timedelta(days=1))
    assert other.look("orders") == [ORDERS]


def test_page_says_what_is_broken_whom_it_reaches_and_the_first_command() -> None:
    """The whole text, to the letter."""
    days = Days()
    days.look("orders", "lines")
    days.look("orders", "lines")
    (told,) = days.last.tellings
    assert told.title == "[page] shop.curated.orders: 2026-11-29 is late"
    assert told.text.splitlines() == [
        "began      2026-11-30 12:01:00 UTC, 1 min ago",
        "broken     shop.curated.lines: 2026-11-29 is late (burn 14.4x over 1 h and 5 m)",
        "broken     shop.curated.orders: 2026-11-29 is late (burn 14.4x over 1 h and 5 m)",
        "owner      team:shop",
        "reaches    3 datasets: shop.curated.lines, shop.curated.report, shop.curated.shelf",
        "read by    the board",
        "first      watermain explain shop.curated.orders 2026-11-29",
        "runbook    docs/runbooks/partitions-are-late.md",
        "go on      watermain runbook run partitions-are-late --dataset shop.curated.orders"
        " --partition 2026-11-29",
        f"take it    watermain alert ack {told.cause_id}",
    ]


DATASETS = ("orders", "lines", "report", "stock", "shelf")


@given(st.lists(st.sets(st.sampled_from(DATASETS)), min_size=1, max_size=25))
def test_whatever_comes_is_told_once_and_ends(looks: list[set[str]]) -> None:
    """No id twice; who was told of a beginning is told of its end; each late one is in an alert."""
    days, told = Days(), list[Telling]()
    for late_ones in looks:
        days.look(*sorted(late_ones))
        told += days.last.tellings
        open_ = [alert for alert in days.alerts.values() if alert.is_open]
        for each in late_ones:
            assert sum(name(each) in alert.members for alert in open_) >= 1
    for _ in range(2):
        days.look(after=3 * MINUTE)
        told += days.last.tellings
    ids = [each.id for each in told]
    assert len(ids) == len(set(ids))
    fired = {each.cause_id for each in told if each.kind == "fired"}
    assert {each.cause_id for each in told if each.kind == "fixed"} == fired
    assert not any(alert.is_open for alert in days.alerts.values())


@given(st.permutations([f"d{n}" for n in range(40)] + ["orders"]))
def test_order_of_signals_decides_nothing(order: list[str]) -> None:
    """One upstream failure is one alert, however its descendants are listed."""
    graph = lineage(orders="", **{f"d{n}": f"d{n - 1}" if n % 3 else "orders" for n in range(40)})
    seen = Sighting(at=NOON, signals=tuple(late(each) for each in order))
    first = decide((), seen, graph)
    (alert,) = first.alerts
    assert (alert.root, len(alert.affected)) == (name("orders"), 40)
    again = decide(first.alerts, replace(seen, at=NOON + MINUTE), graph)
    assert [told.kind for told in again.tellings] == ["fired"]


def test_chain_is_walked_both_ways_and_circles_end() -> None:
    """A circle in what is declared hangs nothing."""
    assert CHAIN.above(name("report")) == {name("lines"), name("orders")}
    assert CHAIN.below(name("orders")) == {name("lines"), name("report"), name("shelf")}
    circle = lineage(a="b", b="a")
    assert circle.above(name("a")) == {name("b")}
    days = Days(circle)
    days.look("a", "b")
    assert days.look("a", "b") in (["fired shop.curated.a"], ["fired shop.curated.b"])
