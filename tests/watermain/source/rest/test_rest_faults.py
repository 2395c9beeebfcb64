"""What the REST source does when the outside misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.watermain.source.kinds import Ledger, thing
from tests.watermain.source.rest.test_rest_source import Time, once, quick
from tests.watermain.source.web_kinds import BEGIN, HOUR, RestKind
from tests.watermain.source.web_server import ThingsApi, served
from watermain.declare.errors import (
    InconsistentAnswerError,
    SourceError,
    UnreachableSystemError,
)
from watermain.declare.outside.web import Rest
from watermain.source.protocol import Limit, Shape
from watermain.source.rest import rest_pages
from watermain.source.rest.rest_client import Bounds

__all__ = ["quick"]
PASSING = ["429", "503", "500", "502", "reset", "short", "cut", "duplicate", "total", "nothing"]


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_rest_gets_over_a_fault_that_passes(
    fault: str, at: int, rest_kind: RestKind, ledger: Ledger, quick: Time
) -> None:
    """The window is whole in the end, nothing doubled."""
    rest_kind.api.fault = once(fault, at)
    rest_kind.add([thing(number) for number in range(6)])
    (seen,) = ledger.capture(rest_kind.open())
    assert [row[0] for row in ledger.rows("id")] == list("012345")
    assert rest_kind.api.faults == {fault: 1}
    assert list(rest_kind.folder.rglob("*.spill.parquet")) == []
    assert seen.rejected == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("loop", "two pages hold the same records"),
        ("total", "`meta.total` tells of 7 records, 6 came"),
        ("nothing", "`meta.total` tells of 6 records, 0 came"),
    ],
)
def test_rest_gives_nothing_when_the_answers_never_agree(
    fault: str, says: str, rest_kind: RestKind, ledger: Ledger, quick: Time
) -> None:
    """A contradiction that stays is an error, the position stays too."""
    rest_kind.api.fault = lambda _: fault
    rest_kind.add([thing(number) for number in range(6)])
    with pytest.raises(InconsistentAnswerError, match=says):
        ledger.capture(rest_kind.open())
    assert ledger.positions == {}
    rest_kind.api.fault = lambda _: None
    ledger.capture(rest_kind.open())
    assert len(ledger.rows()) == 6


def test_rest_notices_a_cursor_that_leads_back(
    rest_kind: RestKind, ledger: Ledger, quick: Time
) -> None:
    """Empty pages do not go round in circles for ever."""
    rest_kind.api.fault = lambda _: "loop"
    rest_kind.add([])
    with pytest.raises(InconsistentAnswerError, match="the next page is one that was read before"):
        ledger.capture(rest_kind.open())


def test_rest_notices_a_page_that_comes_twice(
    rest_kind: RestKind, ledger: Ledger, quick: Time
) -> None:
    """The rows that the second copy stands for are not lost quietly."""
    rest_kind.api.fault = lambda number: "duplicate"
    rest_kind.add([thing(number) for number in range(6)])
    with pytest.raises(InconsistentAnswerError, match="two pages hold the same records"):
        ledger.capture(rest_kind.open(total=""))


@pytest.mark.parametrize("fault", ["500", "reset", "short", "cut"])
def test_rest_gives_up_for_now_when_a_fault_stays(
    fault: str, rest_kind: RestKind, ledger: Ledger, quick: Time
) -> None:
    """A few attempts, then an error that passes."""
    rest_kind.api.fault = lambda _: fault
    rest_kind.add([thing(1)])
    with pytest.raises(UnreachableSystemError, match=r"127\.0\.0\.1 gives no answer"):
        ledger.capture(rest_kind.open())
    assert 2 <= len(rest_kind.api.asked) <= 8


@pytest.mark.parametrize(
    ("fault", "says"),
    [("404", "the answer was 404"), ("302", "the answer was 302, a redirection")],
)
def test_rest_asks_once_when_the_declaration_is_wrong(
    fault: str, says: str, rest_kind: RestKind, ledger: Ledger
) -> None:
    """What no repetition mends is not repeated."""
    rest_kind.api.fault = lambda _: fault
    rest_kind.add([thing(1)])
    with pytest.raises(SourceError, match=says):
        ledger.capture(rest_kind.open())
    assert len(rest_kind.api.asked) == 1


@pytest.mark.parametrize("style", ["link", "body-link"])
def test_rest_follows_no_link_to_another_origin(
    style: str, rest_kind: RestKind, ledger: Ledger
) -> None:
    """Credentials stay where they were meant to be shown."""
    rest_kind.api.style = style
    rest_kind.api.fault = lambda _: "foreign"
    rest_kind.add([thing(number) for number in range(3)])
    with pytest.raises(SourceError, match=r"leads to evil\.example, away from 127\.0\.0\.1"):
        ledger.capture(rest_kind.open())
    assert ledger.positions == {}


def test_rest_waits_as_long_as_it_is_asked(
    rest_kind: RestKind, ledger: Ledger, quick: Time
) -> None:
    """Seconds of Retry-After are spent before the next request."""
    rest_kind.api.fault, rest_kind.api.retry_after = once("429"), "17"
    rest_kind.add([thing(1)])
    ledger.capture(rest_kind.open())
    assert 16.99 < quick.slept < 30


def test_rest_waits_until_a_date(rest_kind: RestKind, ledger: Ledger, quick: Time) -> None:
    """A date of Retry-After counts by the clock of whoever answers."""
    rest_kind.api.fault, rest_kind.api.retry_after = once("503"), "Fri, 31 Dec 1999 23:59:59 GMT"
    rest_kind.add([thing(1)])
    ledger.capture(rest_kind.open())
    assert quick.slept < 5


def test_rest_puts_captures_off_when_the_wait_is_long(
    rest_kind: RestKind, ledger: Ledger, quick: Time
) -> None:
    """Nobody sleeps through an hour: the call ends, the backlog tells why, later all is well."""
    rest_kind.api.fault, rest_kind.api.retry_after = once("429"), "900"
    rest_kind.add([thing(1)])
    with pytest.raises(UnreachableSystemError, match="asks us to wait longer"):
        ledger.capture(rest_kind.open())
    with pytest.raises(UnreachableSystemError, match=r"asked us to wait (900|899) s more"):
        rest_kind.open().backlog()
    assert len(rest_kind.api.asked) == 1
    quick.at += 901
    assert not rest_kind.open().backlog().is_empty
    ledger.capture(rest_kind.open())
    assert ledger.rows("id") == [("1",)]


def test_rest_refuses_an_answer_that_is_too_large(rest_kind: RestKind, ledger: Ledger) -> None:
    """The size is bounded while it arrives."""
    rest_kind.bounds = Bounds(bytes=1000)
    rest_kind.add([thing(1, "n" * 2000)])
    with pytest.raises(SourceError, match="an answer is larger than 1000 bytes"):
        ledger.capture(rest_kind.open())


def test_rest_refuses_a_window_of_too_many_pages(
    rest_kind: RestKind, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk is bounded."""
    monkeypatch.setattr(rest_pages, "MOST_PAGES", 2)
    rest_kind.add([thing(number) for number in range(6)])
    with pytest.raises(SourceError, match="more than 2 pages"):
        ledger.capture(rest_kind.open())


@pytest.mark.parametrize(
    "address", ["ftp://host/x", "https://me:secret@host", "nothing", "https://host/?key=secret"]
)
def test_rest_refuses_an_address_that_is_none(address: str, rest_kind: RestKind) -> None:
    """What may be a secret is not repeated."""
    rest_kind.clock.instant += HOUR
    source = rest_kind.open()
    source.access.__dict__["address"] = lambda: address
    with pytest.raises(SourceError, match="no plain address") as told:
        source.verify()
    assert "secret@" not in str(told.value)
    assert "key=" not in str(told.value)


def test_rest_is_verified_by_a_page(rest_kind: RestKind) -> None:
    """A path that leads to no records is noticed before the first run."""
    rest_kind.add([thing(1)])
    with pytest.raises(InconsistentAnswerError, match="no list of records at `rows`"):
        rest_kind.open(records="rows").verify()
    with pytest.raises(SourceError, match="the answer was 404"):
        rest_kind.open(path="/others").verify()


def test_rest_names_what_cannot_be_reached(rest_kind: RestKind, quick: Time) -> None:
    """A closed port is an error that passes."""
    with closed_port() as address:
        rest_kind.address = address
        with pytest.raises(UnreachableSystemError, match="gives no answer: ConnectError"):
            rest_kind.open().verify()


@contextmanager
def closed_port() -> Iterator[str]:
    """An address at which nobody listens any more."""
    with served(ThingsApi().app) as address:
        assert httpx.get(address, trust_env=False, timeout=60).status_code == 404
    yield address


def test_rest_counts_windows_that_wait(rest_kind: RestKind, ledger: Ledger) -> None:
    """The backlog is told without a request."""
    for number in range(3):
        rest_kind.add([thing(number)])
    waiting = rest_kind.open().backlog()
    assert (waiting.files, waiting.oldest) == (3, BEGIN)
    ledger.capture(rest_kind.open(), Limit(seconds=0))
    assert ledger.positions == {}
    assert rest_kind.api.asked == []


def test_rest_forgets_what_no_overlap_reaches(rest_kind: RestKind, ledger: Ledger) -> None:
    """The memory is bounded by the overlap, its files by the position."""
    sizes = []
    for number in range(8):
        rest_kind.add([thing(number)])
        ledger.capture(rest_kind.open())
        (file,) = rest_kind.folder.rglob("*.seen")
        sizes.append(file.stat().st_size)
    assert sizes == [16 + 24 * kept for kept in (1, 2, 3, 3, 3, 3, 3, 3)]


def test_rest_declares_its_columns(rest_kind: RestKind, ledger: Ledger) -> None:
    """A column that no record has is null."""
    rest_kind.add([thing(1)])
    ledger.capture(rest_kind.open(Shape(dataset="a.raw.b", columns=("id", "missing"))))
    assert ledger.rows("id", "missing") == [("1", None)]
    assert isinstance(rest_kind.word(), Rest)
