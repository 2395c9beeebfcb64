"""Answers that the standards of the web allow, in every spelling."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.watermain.source.kinds import Ledger, thing
from tests.watermain.source.web_kinds import HOUR, RestKind
from tests.watermain.source.web_server import ThingsApi, served
from watermain.declare.errors import (
    InconsistentAnswerError,
    InvalidDeclarationError,
    SourceError,
)
from watermain.declare.outside.web import ByCursor, ByLink, ByPage

Answer = Callable[[Request], Response]
CURSOR = ByCursor(next="meta.next")


def page(items: Any, following: Any = None, status: int = 200, **headers: str) -> Response:
    """A page of things."""
    body = json.dumps({"data": {"items": items}, "meta": {"next": following}})
    return Response(body, status, headers, "application/json")


def told(body: Any, status: int = 200) -> Response:
    """Any answer."""
    return Response(json.dumps(body), status, None, "application/json")


def captured(folder: Path, ledger: Ledger, answer: Answer, **words: Any) -> list[str]:
    """The ids that one window gives."""

    async def tell(request: Request) -> Response:
        return answer(request)

    with served(Starlette(routes=[Route("/v1/things", tell)])) as address:
        kind = RestKind(ThingsApi("cursor"), address, folder / "home")
        kind.clock.instant += HOUR
        ledger.capture(kind.open(**{"total": None, "pages": CURSOR, **words}))
    return [row[0] for row in ledger.rows("id")]


def linked(relation: str) -> Answer:
    """Two pages, the first of which names the second."""

    def answer(request: Request) -> Response:
        if "p" in request.query_params:
            return page([thing(2)])
        there = request.url.include_query_params(p=2)
        return page([thing(1)], Link=f"<{there}>; {relation}")

    return answer


@pytest.mark.parametrize(
    "relation", ['rel="next last"', 'REL="Next"', "rel=next", 'title="a, b"; rel="prefetch next"']
)
def test_link_is_followed_however_its_relation_is_spelled(
    relation: str, tmp_path: Path, ledger: Ledger
) -> None:
    """A relation holds any number of types, in any case of letters."""
    assert captured(tmp_path, ledger, linked(relation), pages=ByLink()) == ["1", "2"]


def test_link_header_that_cannot_be_read_ends_the_walk(tmp_path: Path, ledger: Ledger) -> None:
    """It may name a page that would be lost."""
    with pytest.raises(SourceError, match="its Link header is no list of links"):
        captured(tmp_path, ledger, linked('rel="next'), pages=ByLink())
    assert ledger.rows() == []


def test_link_header_counts_only_where_it_is_declared(tmp_path: Path, ledger: Ledger) -> None:
    """Whoever follows a cursor need not read it."""
    assert captured(tmp_path, ledger, linked('rel="next')) == ["1"]


@pytest.mark.parametrize(
    "empty",
    [
        Response(status_code=204),
        page(None),
        told({"data": None}),
        told(None),
    ],
    ids=["204", "null list", "null above the list", "null answer"],
)
def test_answer_without_content_has_no_records(
    empty: Response, tmp_path: Path, ledger: Ledger
) -> None:
    """At once, and the window is over: nothing is asked for again."""
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(str(request.url))
        return empty

    assert captured(tmp_path, ledger, answer) == []
    assert len(asked) == 1
    assert set(ledger.positions.values()) != {""}


def test_last_page_may_say_null(tmp_path: Path, ledger: Ledger) -> None:
    """Behind the last cursor."""

    def answer(request: Request) -> Response:
        return page(None) if "cursor" in request.query_params else page([thing(1)], "c2")

    assert captured(tmp_path, ledger, answer) == ["1"]


def test_total_of_a_page_before_counts_when_the_last_has_no_content(
    tmp_path: Path, ledger: Ledger
) -> None:
    """A walk that a 204 cuts short is seen."""

    def answer(request: Request) -> Response:
        if request.query_params["page"] == "1":
            return told({"data": {"items": [thing(1)]}, "meta": {"total": 2}})
        return Response(status_code=204)

    with pytest.raises(InconsistentAnswerError, match="tells of 2 records, 1 came"):
        captured(tmp_path, ledger, answer, pages=ByPage(size=1), total="meta.total")


def test_absent_list_has_no_records_when_that_is_declared(tmp_path: Path, ledger: Ledger) -> None:
    """Otherwise it may be an error that was answered with 200."""
    with pytest.raises(InconsistentAnswerError, match=r"no list of records at `data.items`"):
        captured(tmp_path, ledger, lambda _: told({"error": "busy"}))
    assert captured(tmp_path / "b", ledger, lambda _: told({}), no_records=("absent",)) == []


def test_what_is_no_list_is_never_taken_for_no_records(tmp_path: Path, ledger: Ledger) -> None:
    """Whatever is declared."""
    for odd in ({"data": {"items": {}}}, {"data": {"items": ""}}, {"data": {"items": 0}}):
        with pytest.raises(InconsistentAnswerError, match="no list of records"):
            captured(tmp_path, ledger, lambda _, odd=odd: told(odd), no_records=("absent",))


def counted(request: Request) -> Response:
    """One record on each of two pages; behind them 404."""
    number = int(request.query_params["page"])
    return page([thing(number)]) if number < 3 else told({"error": "no such page"}, 404)


def test_404_behind_the_last_page_ends_the_walk_when_that_is_declared(
    tmp_path: Path, ledger: Ledger
) -> None:
    """Otherwise it is a wrong path."""
    words: dict[str, Any] = {"pages": ByPage(size=1)}
    with pytest.raises(SourceError, match="the answer was 404"):
        captured(tmp_path, ledger, counted, **words)
    words["no_records"] = ("404",)
    assert captured(tmp_path / "b", ledger, counted, **words) == ["1", "2"]


def test_404_of_the_first_page_is_a_wrong_path(tmp_path: Path, ledger: Ledger) -> None:
    """Whatever is declared: nothing would ever be captured, and nobody would be told."""
    with pytest.raises(SourceError, match="the answer was 404"):
        captured(tmp_path, ledger, lambda _: told({}, 404), pages=ByPage(), no_records=("404",))


def flagged(pages: Any, flags: list[Any]) -> Answer:
    """An endpoint that gives a cursor on every page, and a flag."""

    def answer(request: Request) -> Response:
        at = int(request.query_params.get("cursor", request.query_params.get("page", 1)))
        meta = {"next": str(at + 1), "more": flags[at - 1]}
        return told({"data": {"items": [thing(at)]}, "meta": meta})

    return answer


@pytest.mark.parametrize(
    "pages",
    [
        ByCursor(next="meta.next", more="meta.more"),
        ByPage(size=1, more="meta.more"),
    ],
)
def test_flag_says_which_page_is_the_last(pages: Any, tmp_path: Path, ledger: Ledger) -> None:
    """A cursor that comes beside it is not followed."""
    answer = flagged(pages, [True, True, False])
    assert captured(tmp_path, ledger, answer, pages=pages) == ["1", "2", "3"]


@pytest.mark.parametrize("flag", ["false", 0, None, "", []])
def test_flag_that_is_none_is_told(flag: Any, tmp_path: Path, ledger: Ledger) -> None:
    """It is taken for neither answer."""
    pages = ByCursor(next="meta.next", more="meta.more")
    with pytest.raises(InconsistentAnswerError, match=r"`meta.more` is neither true nor false"):
        captured(tmp_path, ledger, flagged(pages, [flag]), pages=pages)


def test_flag_of_more_without_a_next_page_is_told(tmp_path: Path, ledger: Ledger) -> None:
    """The rest would be lost."""
    pages = ByCursor(next="meta.next", more="meta.more")

    def answer(_: Request) -> Response:
        return told({"data": {"items": [thing(1)]}, "meta": {"more": True, "next": None}})

    with pytest.raises(InconsistentAnswerError, match="tells of more, no next page is named"):
        captured(tmp_path, ledger, answer, pages=pages)


def test_mark_of_byte_order_is_passed_over(tmp_path: Path, ledger: Ledger) -> None:
    """RFC 8259 lets a reader ignore it."""
    body = b"\xef\xbb\xbf" + json.dumps({"data": {"items": [thing(1)]}}).encode()
    assert captured(tmp_path, ledger, lambda _: Response(body)) == ["1"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"no_records": ("null",)}, "no_records .* is unknown"),
        ({"no_records": "404"}, "no_records '404' is unknown"),
        ({"no_records": ("404",), "pages": CURSOR}, "none are counted"),
        ({"no_records": ("absent",), "records": ""}, "cannot leave it out"),
    ],
)
def test_words_that_cannot_be_kept_are_refused(
    words: dict[str, Any], says: str, tmp_path: Path
) -> None:
    """Where they are declared."""
    kind = RestKind(ThingsApi("cursor"), "http://127.0.0.1:1", tmp_path)
    with pytest.raises(InvalidDeclarationError, match=says):
        kind.word(**words)
