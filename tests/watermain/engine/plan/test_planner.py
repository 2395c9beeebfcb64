"""What a planner asks for as rows come, checks fail, time passes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.watermain.engine.plan.field import (
    KNOWN,
    READERS,
    conditions,
    readings,
    reports,
)
from tests.watermain.engine.plan.world import World, edited, made, source
from watermain.declare import Daily, Dataset
from watermain.declare.name import DatasetName
from watermain.engine.plan.guard import Guard
from watermain.engine.plan.planner import PlanCursor, PlanLook, Planner
from watermain.engine.plan.survey import Around
from watermain.engine.publish.attempt import MOST_TRIES, Attempt
from watermain.lake.ledger import Standing

Asked = set[tuple[str, str]]
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


class Daemon:
    """A planner over a room, looking again and again at its ledger."""

    def __init__(self, *datasets: Dataset, guard: Guard | None = None) -> None:
        self.world = World({d.name: d for d in datasets}, now=NOW)
        self.planner = Planner.of(self.world.datasets, datasets[0].name.team, lambda _: False)
        self.cursor = PlanCursor()
        self.guard = guard or Guard()
        self.attempts: dict[object, Attempt] = {}

    def came(self, dataset: Dataset, *keys: str, failing: str = "{}") -> None:
        """Capture rows of partitions, with what their checks found."""
        for key in keys:
            self.world.arrive(dataset.name, key)
            telling = self.world.rows[dataset.name][key][-1]
            told = replace(telling, standing=telling.standing._replace(failing=failing))
            self.world.rows[dataset.name][key][-1] = told

    def look(self) -> PlanLook:
        """Look once."""
        found = self.planner.look_into(self.world, self.cursor, self._around, self.world.now)
        self.cursor = PlanCursor.parse(str(found.cursor))
        return found

    def _around(self) -> Around:
        return Around(now=self.world.now, attempts=dict(self.attempts), guard=self.guard)  # type: ignore[arg-type]

    def asked(self) -> Asked:
        """Look once, do what is asked for; give that."""
        found = self.look().requests
        asked = {(n.table, k) for r in found for n, k in r.wanted}
        for request in found:
            self.world.run(request)
        self.world.pass_time(timedelta(minutes=6))
        return asked

    def states(self) -> dict[str, str]:
        """How each stale partition stands."""
        survey = self.planner.look_into(
            self.world, PlanCursor(), self._around, self.world.now
        ).survey
        outlooks = survey.outlooks.values() if survey else ()
        return {str(v.due): v.state for of in outlooks for v in of.values()}

    def why(self, due: str) -> str:
        """Why a stale partition is not asked for."""
        survey = self.planner.look_into(
            self.world, PlanCursor(), self._around, self.world.now
        ).survey
        assert survey is not None
        return next(
            v.why for of in survey.outlooks.values() for v in of.values() if str(v.due) == due
        )


@pytest.fixture
def daemon() -> Daemon:
    """A planner that has looked once at nothing."""
    daemon = Daemon(*KNOWN.values())
    assert daemon.asked() == set()
    return daemon


def test_day_without_an_optional_input_is_asked_for_then_again_when_it_comes(
    daemon: Daemon,
) -> None:
    """Reports make rows without readings; readings make them anew; who needs both waits."""
    daemon.came(reports, "2026-03-02")
    wanted = {("conditions", "2026-03-02"), ("either", "2026-03-02"), ("months", "2026-03-01")}
    assert daemon.asked() == wanted
    assert daemon.asked() == set()
    daemon.came(readings, "2026-03-02")
    assert daemon.asked() == {(t, "2026-03-02") for t in ("conditions", "either", "both")}
    assert daemon.asked() == set()


def test_day_before_the_optional_input_begins_is_asked_for(daemon: Daemon) -> None:
    """In January no readings exist at all, nor does a partition of theirs."""
    daemon.came(reports, "2026-01-05")
    assert daemon.asked() == {
        ("conditions", "2026-01-05"),
        ("either", "2026-01-05"),
        ("months", "2026-01-01"),
    }


def test_dataset_of_optional_inputs_alone_waits_for_one_of_them(daemon: Daemon) -> None:
    """Readings without reports are enough for either, not for the rest."""
    daemon.came(readings, "2026-03-03")
    assert daemon.asked() == {("either", "2026-03-03")}


def test_month_is_asked_for_with_each_of_its_days(daemon: Daemon) -> None:
    """The month is computed from the days that are there, again when more come."""
    daemon.came(reports, "2026-04-01")
    assert ("months", "2026-04-01") in daemon.asked()
    daemon.came(reports, "2026-04-02", "2026-04-30")
    assert ("months", "2026-04-01") in daemon.asked()
    daemon.came(reports, "2026-05-01")
    assert {a for a in daemon.asked() if a[0] == "months"} == {("months", "2026-05-01")}


def test_failed_check_of_captured_rows_holds_their_readers_back(daemon: Daemon) -> None:
    """What may be missing may not be wrong; rows that keep the check let go of them."""
    daemon.came(readings, "2026-03-02", failing='{"unique_key_id": 1}')
    daemon.came(reports, "2026-03-02")
    assert daemon.asked() == {("months", "2026-03-01")}
    told = daemon.why("field.curated.conditions 2026-03-02")
    assert told == "field.raw.readings 2026-03-02 breaks unique_key_id"
    daemon.came(readings, "2026-03-02")
    assert ("conditions", "2026-03-02") in daemon.asked()


def test_days_without_a_gap_are_one_run_of_the_fewest() -> None:
    """Datasets that share their days share their run; a gap begins another."""
    daemon = Daemon(*KNOWN.values())
    daemon.came(reports, "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-08")
    told = [str(r) for r in daemon.look().requests]
    assert told == [
        "field.curated.months [2026-03-01]",
        "field.curated.conditions, field.curated.either [2026-03-02..2026-03-04]",
        "field.curated.conditions, field.curated.either [2026-03-08]",
    ]


def test_chain_is_one_run_and_other_rooms_follow_it() -> None:
    """What the same room computes from it goes with it; another room waits for it."""
    days = Daily(start=NOW.date().replace(day=1))
    raw = source("shop.raw.sales", days)
    first = made("shop.curated.sales", days, {"shop.raw.sales": {}})
    second = made("shop.curated.sums", days, {"shop.curated.sales": {}})
    other = made("bank.curated.sums", days, {"shop.curated.sums": {}, "shop.raw.sales": {}})
    daemon = Daemon(first, raw, second, other)
    daemon.planner = Planner.of(daemon.world.datasets, "bank", lambda _: False)
    daemon.came(raw, "2026-05-02")
    assert daemon.states() == {
        "shop.curated.sales 2026-05-02": "ready",
        "shop.curated.sums 2026-05-02": "ready",
        "bank.curated.sums 2026-05-02": "waits",
    }
    assert daemon.asked() == set()
    shop = Planner.of(daemon.world.datasets, "shop", lambda _: False)
    found = shop.look_into(daemon.world, PlanCursor(), daemon._around, daemon.world.now)
    assert [str(r) for r in found.requests] == [
        "shop.curated.sales, shop.curated.sums [2026-05-02]"
    ]
    for request in found.requests:
        daemon.world.run(request)
    assert daemon.asked() == {("sums", "2026-05-02")}


def test_publish_that_changed_nothing_is_no_news(daemon: Daemon) -> None:
    """The same version told once more makes nobody stale."""
    daemon.came(reports, "2026-03-02")
    daemon.asked()
    of = daemon.world.rows[reports.name]["2026-03-02"]
    daemon.world.snapshot += 1
    of.append(replace(of[-1], snapshot=daemon.world.snapshot))
    daemon.world.log.append((daemon.world.snapshot, reports.name, "2026-03-02"))
    assert daemon.asked() == set()


def test_partition_rests_between_two_publishes_unless_its_code_changed(daemon: Daemon) -> None:
    """News of the running day come every second; nobody runs it as often."""
    today = "2026-05-20"
    daemon.came(reports, today)
    found = daemon.look().requests
    for request in found:
        daemon.world.run(request)
    daemon.came(reports, today)
    daemon.world.pass_time(timedelta(minutes=2))
    assert daemon.states()[f"field.curated.conditions {today}"] == "rests"
    assert daemon.look().requests == ()
    daemon.world.pass_time(timedelta(minutes=3))
    assert ("conditions", today) in daemon.asked()
    edited(daemon.world, conditions.name)
    daemon.planner.__dict__["code"] = "another"
    assert ("conditions", today) in daemon.asked()


def test_partition_goes_with_what_it_reads_when_its_rest_is_nearly_over() -> None:
    """Two datasets of a chain were published seconds apart; they stay in one run."""
    days = Daily(start=NOW.date().replace(day=1))
    raw = source("shop.raw.sales", days)
    first = made("shop.curated.sales", days, {"shop.raw.sales": {}})
    second = made("shop.curated.sums", days, {"shop.curated.sales": {}, "shop.raw.sales": {}})
    daemon = Daemon(first, raw, second)
    daemon.came(raw, "2026-05-20")
    daemon.world.compute(first.name, "2026-05-20")
    daemon.world.pass_time(timedelta(seconds=20))
    daemon.world.compute(second.name, "2026-05-20")
    daemon.came(raw, "2026-05-20")
    daemon.world.pass_time(timedelta(minutes=4, seconds=39))
    assert daemon.look().requests == ()
    daemon.world.pass_time(timedelta(seconds=1))
    assert daemon.asked() == {("sales", "2026-05-20"), ("sums", "2026-05-20")}


def test_refused_partition_is_asked_for_again_when_its_inputs_change(daemon: Daemon) -> None:
    """Neither it nor what reads it is tried in vain."""
    daemon.came(reports, "2026-03-02")
    (wanted,) = {
        v for r in daemon.look().requests for (n, _), v in r.wanted.items() if n == conditions.name
    }
    daemon.attempts[conditions.name, "2026-03-02"] = Attempt(
        wanted=wanted, tries=1, state="held", why="refused by x", run="r", at=NOW
    )
    assert daemon.states()["field.curated.conditions 2026-03-02"] == "held"
    assert ("conditions", "2026-03-02") not in daemon.asked()
    daemon.came(reports, "2026-03-02")
    assert ("conditions", "2026-03-02") in daemon.asked()


@pytest.mark.parametrize(
    ("tries", "after", "state"),
    [
        (1, timedelta(seconds=20), "failing"),
        (1, timedelta(seconds=40), "ready"),
        (3, timedelta(minutes=5), "failing"),
        (3, timedelta(minutes=9), "ready"),
        (MOST_TRIES, timedelta(days=9), "failing"),
        (2, timedelta(hours=-1), "ready"),
    ],
)
def test_failed_partition_is_tried_ever_more_rarely(
    daemon: Daemon, tries: int, after: timedelta, state: str
) -> None:
    """Until its version changes it is given up after a few; a clock set back delays nothing."""
    daemon.came(reports, "2026-03-02")
    (wanted,) = {
        v for r in daemon.look().requests for (n, _), v in r.wanted.items() if n == conditions.name
    }
    daemon.attempts[conditions.name, "2026-03-02"] = Attempt(
        wanted=wanted, tries=tries, state="failed", why="run 1 failed", run="r", at=NOW
    )
    daemon.world.now = NOW + after
    assert daemon.states()["field.curated.conditions 2026-03-02"] == state


@pytest.mark.parametrize(
    ("guard", "told"),
    [
        (Guard(partitions=2), "3 partitions are more than the 2 that nobody need ask for"),
        (Guard(partitions=0), "3 partitions are more than the 0 that nobody need ask for"),
        (Guard(rows=0), "0 rows are more than the 0 that nobody need ask for"),
    ],
)
def test_request_beyond_the_guard_is_told_and_holds_its_readers(guard: Guard, told: str) -> None:
    """A guard of zero lets nothing through by itself."""
    daemon = Daemon(*KNOWN.values(), guard=guard)
    daemon.came(reports, "2026-03-02", "2026-03-03", "2026-03-04")
    assert {a for a in daemon.asked() if a[0] == "conditions"} == set()
    assert daemon.why("field.curated.conditions 2026-03-02") == told


def test_closed_partition_keeps_its_rows_and_is_told() -> None:
    """After its closing late rows are kept and reported; what is missing is still made."""
    days = Daily(start=NOW.date().replace(day=1), closes_after=timedelta(days=3))
    raw = source("shop.raw.sales", Daily(start=days.start))
    sums = made("shop.curated.sums", days, {"shop.raw.sales": {}})
    daemon = Daemon(sums, raw)
    daemon.came(raw, "2026-05-10", "2026-05-19")
    assert daemon.asked() == {("sums", "2026-05-10"), ("sums", "2026-05-19")}
    daemon.came(raw, "2026-05-10", "2026-05-19")
    assert daemon.asked() == {("sums", "2026-05-19")}
    assert daemon.why("shop.curated.sums 2026-05-10") == (
        "it was closed to late rows at 2026-05-14 00:00"
    )


@pytest.mark.parametrize(
    ("refresh", "wanted"),
    [
        ("all", {("sums", "2026-05-19"), ("sums", "2026-05-20")}),
        ("open", {("sums", "2026-05-20")}),
        ("new", set()),
    ],
)
def test_news_of_a_whole_table_concern_the_partitions_that_are_said(
    refresh: str, wanted: Asked
) -> None:
    """Only published partitions, and of these all, the open ones, or none."""
    days = Daily(start=NOW.date().replace(day=1))
    raw, tariffs = source("shop.raw.sales", days), source("shop.raw.tariffs", None)
    read = {"shop.raw.sales": {}, "shop.raw.tariffs": {"refresh": refresh}}
    daemon = Daemon(made("shop.curated.sums", days, read), raw, tariffs)
    daemon.came(raw, "2026-05-19", "2026-05-20")
    daemon.came(tariffs, "")
    assert daemon.asked() == {("sums", "2026-05-19"), ("sums", "2026-05-20")}
    daemon.came(tariffs, "")
    assert daemon.asked() == wanted
    daemon.came(raw, "2026-05-18")
    assert daemon.asked() == {("sums", "2026-05-18")}


def test_what_has_not_begun_waits_for_its_day() -> None:
    """The day after looks back at today; it is asked for when it begins."""
    days = Daily(start=NOW.date().replace(day=1))
    raw = source("shop.raw.sales", days)
    sums = made("shop.curated.sums", days, {"shop.raw.sales": {"before": timedelta(days=1)}})
    daemon = Daemon(sums, raw)
    daemon.came(raw, "2026-05-20")
    assert daemon.asked() == {("sums", "2026-05-20")}
    assert daemon.asked() == set()
    daemon.world.now = datetime(2026, 5, 21, 0, 0, 1, tzinfo=UTC)
    assert daemon.asked() == {("sums", "2026-05-21")}


def test_room_that_was_renamed_begins_anew(daemon: Daemon) -> None:
    """What a cursor says of datasets that are no more is forgotten."""
    daemon.cursor = PlanCursor(snapshot=0, code=daemon.planner.code, due={"gone.curated.x": ("a",)})
    daemon.came(reports, "2026-03-02")
    assert ("conditions", "2026-03-02") in daemon.asked()


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"due": 3}', '{"wake_at": "soon"}'])
def test_cursor_of_another_kind_is_the_beginning(text: str | None) -> None:
    """A planner that knows nothing looks at everything."""
    assert PlanCursor.parse(text) == PlanCursor()


def test_quiet_look_asks_nothing_more_than_what_changed(daemon: Daemon) -> None:
    """With nothing new no dataset's partitions are read."""
    daemon.came(reports, "2026-03-02")
    daemon.asked()
    daemon.asked()
    read: list[object] = []
    daemon.world.standing = lambda names: read.append(list(names)) or {}  # type: ignore[method-assign,return-value,func-returns-value]
    assert daemon.look().survey is None
    assert read == []


def test_who_remembers_what_is_coming_is_told_of_it_once() -> None:
    """A stream keeps it until it is published; a daemon, which keeps nothing, asks again."""
    days = Daily(start=NOW.date().replace(day=1))
    raw = source("shop.raw.sales", days)
    sums = made("shop.curated.sums", days, {"shop.raw.sales": {"before": timedelta(days=1)}})
    for is_heard, again in ((False, True), (True, False)):
        daemon = Daemon(sums, raw)
        daemon.planner = replace(daemon.planner, heard=is_heard)
        daemon.came(raw, "2026-05-20")
        survey = daemon.look().survey
        assert survey is not None
        assert survey.outlooks[sums.name]["2026-05-20"].state == "ready"
        assert (daemon.look().survey is not None) is again
        daemon.world.now = datetime(2026, 5, 21, 0, 0, 1, tzinfo=UTC)
        survey = daemon.look().survey  # the day that was not yet begun
        assert survey is not None
        assert survey.outlooks[sums.name]["2026-05-21"].state == "ready"


def test_candidates_are_looked_up_together(daemon: Daemon) -> None:
    """One question of the ledger tells how all stand that may be stale, with what they read."""
    daemon.came(reports, "2026-03-02")
    daemon.came(readings, "2026-03-02")
    read: list[set[object]] = []
    own = daemon.world.standing

    def standing(names: Iterable[DatasetName]) -> dict[DatasetName, dict[str, Standing]]:
        read.append(set(names := list(names)))
        return own(names)

    daemon.world.standing = standing  # type: ignore[method-assign]
    daemon.look()
    assert {d.name for d in READERS} | {reports.name, readings.name} <= read[0]
    assert all(each <= read[0] for each in read)
