"""An incident follows its alert, keeps its clock, is closed by what proves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.watermain.engine.shop import give, sales
from tests.watermain.observe.sink import sink
from tests.watermain.observe.trouble import CHAIN, MINUTE, NOON, late, name
from watermain.declare import between, row_count
from watermain.declare.connection.notifier import NotifierConnection
from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.promise.signal import Signal
from watermain.engine.publish.attempt import Attempt
from watermain.lake.lake import Lake
from watermain.observe.alert.alert import Sighting
from watermain.observe.alert.book import AlertBook
from watermain.observe.alert.step import AlertStep, notifiers, ways
from watermain.observe.incident.book import IncidentBook
from watermain.observe.incident.incident import Incident, IncidentEntry, repair_times
from watermain.observe.incident.regression import prove
from watermain.observe.incident.suspect import changes, suspects
from watermain.observe.incident.wording import postmortem, status, timeline
from watermain.settings import load_settings

HOUR = timedelta(hours=1)


@pytest.fixture
def dsn(home: Path) -> str:
    """A database of its own."""
    found = load_settings().postgres
    assert found
    return found


@pytest.fixture
def book(dsn: str) -> IncidentBook:
    """The incidents."""
    return IncidentBook(dsn)


class Shift:
    """Alerts over minutes, with the incidents that they open."""

    def __init__(self, dsn: str, address: str) -> None:
        known = notifiers({"pager": NotifierConnection("pager", address=address)})
        opened = ways(known, load_settings(), Path("/nonexistent"))
        self.step, self.now = AlertStep(AlertBook(dsn), CHAIN, known, opened), NOON

    def look(self, *datasets: str | Signal, after: timedelta = MINUTE) -> None:
        """Look once."""
        self.now += after
        signals = tuple(late(d, self.now) if isinstance(d, str) else d for d in datasets)
        self.step.step(Sighting(at=self.now, signals=signals))


@pytest.fixture
def shift(dsn: str) -> Iterator[Shift]:
    """A shift whose pages go to a sink."""
    with sink() as received:
        yield Shift(dsn, received.by_apprise)


def test_page_opens_one_incident_that_follows_its_alert(shift: Shift, book: IncidentBook) -> None:
    """Opened, repaired, opened again by the same cause: one incident with one clock."""
    shift.look("orders", "lines")
    shift.look("orders", "lines")
    (opened,) = book.listed()
    assert (opened.state, opened.dataset, opened.owner) == ("open", name("orders"), "team:shop")
    assert opened.title == "shop.curated.orders: 2026-11-29 is late"
    assert opened.began_at == NOON + MINUTE
    shift.look()
    shift.look(after=3 * MINUTE)
    (repaired,) = book.listed()
    assert (repaired.state, repaired.is_open) == ("repaired", True)
    shift.look("orders", after=10 * MINUTE)
    shift.look("orders")
    shift.look()
    shift.look(after=3 * MINUTE)
    (again,) = book.listed()
    kinds = [entry.kind for entry in again.entries]
    assert kinds == ["opened", "repaired", "reopened", "repaired"]
    assert (again.began_at, again.openings) == (opened.began_at, 2)
    assert repair_times(book.listed()) == [shift.now - opened.began_at]


def test_ticket_opens_no_incident_until_it_is_a_page(shift: Shift, book: IncidentBook) -> None:
    """What nobody is woken for is no incident."""
    for _ in range(3):
        shift.look(late("orders", severity="ticket"))
    assert book.listed() == []
    shift.look("orders")
    assert [each.state for each in book.listed()] == ["open"]


def test_incident_by_hand_is_noted_closed_and_opened_again(book: IncidentBook) -> None:
    """Its clock goes on; what is closed is not closed twice, nor what is open opened."""
    made = book.open(name("orders"), "amounts are doubled", owner="team:shop", by="ann", at=NOON)
    book.add(made.number, "note", "the till sent twice", by="ann", at=NOON + HOUR)
    with pytest.raises(InvalidDeclarationError, match="is open"):
        book.add(made.number, "reopened", "again", by="bob", at=NOON)
    done = book.add(made.number, "closed", "no check: one of a kind", by="ann", at=NOON + 2 * HOUR)
    assert (done.state, done.repair_time) == ("closed", 2 * HOUR)
    with pytest.raises(InvalidDeclarationError, match="is closed already"):
        book.add(made.number, "closed", "again", by="bob", at=NOON)
    again = book.add(made.number, "reopened", "doubled again", by="bob", at=NOON + 3 * HOUR)
    assert (again.state, again.repair_time, again.began_at) == ("open", None, NOON)
    assert timeline(again)[1] == "2026-11-30 13:00:00  note      ann: the till sent twice"
    with pytest.raises(InvalidDeclarationError, match="there is no incident 77"):
        book.add(77, "note", "x", by="ann", at=NOON)


def test_line_of_a_timeline_stays(book: IncidentBook, dsn: str) -> None:
    """No statement changes or deletes one."""
    book.open(name("orders"), "wrong", owner="", by="ann", at=NOON)
    for statement in ("delete from watermain.incident_entry", "update watermain.incident_entry"
                      " set text = 'fine'", "truncate watermain.incident_entry"):  # fmt: skip
        with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.RaiseException):
            connection.execute(statement)


def incident(*entries: tuple[int, str], dataset: str = "lines") -> Incident:
    """An incident whose entries came so many minutes after noon."""
    return Incident(
        number=7,
        dataset=name(dataset),
        title="2026-11-29 is late",
        severity="page",
        owner="team:shop",
        began_at=NOON,
        entries=tuple(
            IncidentEntry(at=NOON + n * MINUTE, kind=kind, by="ann", text=f"{kind} it")  # type: ignore[arg-type]
            for n, kind in entries
        ),
    )


def test_repair_ends_when_the_data_is_well_not_when_the_paper_is() -> None:
    """Closing later adds nothing; opening again takes the repair back."""
    assert incident((0, "opened"), (30, "repaired"), (90, "closed")).repair_time == 30 * MINUTE
    assert incident((0, "opened"), (90, "closed")).repair_time == 90 * MINUTE
    assert incident((0, "opened"), (9, "repaired"), (20, "reopened")).repair_time is None
    twice = incident((0, "opened"), (9, "repaired"), (20, "reopened"), (50, "repaired"))
    assert twice.repair_time == 50 * MINUTE


def test_stakeholders_and_successors_read_what_the_timeline_knows() -> None:
    """In plain words; the file has every part to be filled in."""
    found = incident((0, "opened"), (5, "note"), (30, "repaired"))
    said = status(found, CHAIN, NOON + HOUR)
    assert said.splitlines() == [
        "shop.curated.lines is well again.",
        "What: 2026-11-29 is late",
        "Since: 2026-11-30 12:00 UTC, for 30 min.",
        "It reaches: shop.curated.report, shop.curated.shelf.",
        "Who relies on it: the board.",
        "Last heard: note it (12:05 UTC)",
    ]
    changed = [(name("orders"), NOON - HOUR, "first publish by other code")]
    causes = suspects(found.dataset, NOON, changed, {}, CHAIN)
    text = postmortem(found, CHAIN, causes, NOON + HOUR)
    assert "- 2026-11-30 11:00:00 shop.curated.orders: first publish by other code" in text
    assert "told as repaired: 30 min after it began" in text
    assert "Not closed: no check proves it yet." in text
    assert "- 2026-11-30 12:05:00  note      ann: note it" in text


def test_what_failed_furthest_up_is_suspected_first() -> None:
    """Then what changed last before it began; nothing from elsewhere, nothing from later."""
    words = {"wanted": "v", "tries": 1, "run": "r", "at": NOON - HOUR}
    failed = Attempt(state="failed", why="the body raised", **words)  # type: ignore[arg-type]
    held = Attempt(state="held", why="rows break it", **words)  # type: ignore[arg-type]
    tried = {
        (name("lines"), "2026-11-29"): failed,
        (name("orders"), "2026-11-29"): held,
        (name("stock"), ""): failed,
    }
    changed = [
        (name("orders"), NOON - 5 * HOUR, "other code"),
        (name("report"), NOON - HOUR, "another contract"),
        (name("report"), NOON + HOUR, "other code"),
        (name("shelf"), NOON - HOUR, "other code"),
    ]
    found = suspects(name("report"), NOON, changed, tried, CHAIN)
    assert [(str(each.dataset.table), each.what) for each in found] == [
        ("orders", "2026-11-29 failed: rows break it"),
        ("lines", "2026-11-29 failed: the body raised"),
        ("report", "another contract"),
        ("orders", "other code"),
    ]


def test_change_of_code_is_found_in_the_ledger(lake: Lake) -> None:
    """The first publish by other code; the very first publish of all is no change."""
    made = sales([("a", 1, 1), ("b", 2, 2)])
    began = datetime.now(UTC)
    give(lake, made, "2013-01-01", "2013-01-01")
    with lake.get_connection() as connection:
        names, last = [made.name], datetime.now(UTC) + HOUR
        assert changes(connection, names, began - HOUR, last) == []
        connection.execute(
            "insert into lake.upkeep_raw.publishes by name (select * exclude (code_version,"
            " published_at), 'other' as code_version, now() + interval 1 minute as published_at"
            " from lake.upkeep_raw.publishes limit 1)"
        )
        ((dataset, at, what),) = changes(connection, names, began - HOUR, last)
    assert (dataset, what) == (made.name, "first publish by other code (2013-01-01)")
    assert at > began


def test_check_that_failed_before_and_passes_after_is_proved(lake: Lake) -> None:
    """On the snapshot of then and on the data of now; anything less is refused."""
    wrong = sales([("a", 1, 1), ("b", 2, 900)])
    give(lake, wrong)
    began = datetime.now(UTC)
    with lake.get_connection() as connection:
        then = lake.snapshot(connection)
        with pytest.raises(InvalidDeclarationError, match="has to fail before and pass after"):
            prove(connection, wrong, wrong.checks[0].label, began)
    give(lake, sales([("a", 1, 1), ("b", 2, 9)]))
    bound = between("amount", low=0, high=100)
    guarded = replace(wrong, checks=(bound, row_count(low=1)))
    with lake.get_connection() as connection:
        made = prove(connection, guarded, bound.label, began)
        assert (made.before, made.after, made.snapshot) == (1, 0, then)
        assert prove(connection, guarded, bound.label, began, then) == made
        with pytest.raises(InvalidDeclarationError, match="declares no check `nothing`") as told:
            prove(connection, guarded, "nothing", began)
        assert bound.label in told.value.next
        with pytest.raises(InvalidDeclarationError, match="cannot be read"):
            prove(connection, guarded, bound.label, began, 10**6)
        with pytest.raises(InvalidDeclarationError, match="no snapshot of"):
            prove(connection, guarded, bound.label, datetime(2001, 1, 1, tzinfo=UTC))
