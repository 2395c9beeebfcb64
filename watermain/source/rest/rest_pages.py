"""The pages of one window, walked from the first to the last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import httpx

from watermain.declare.errors import InconsistentAnswerError
from watermain.declare.outside.web import ByCursor, ByPage
from watermain.source.rest.rest_client import Client, RestAnswer
from watermain.source.text.json_records import digest, found_at
from watermain.source.text.json_text import Number, written

MOST_PAGES = 20_000
MOST_RECORDS = 2_000_000

_ABSENT = object()
Step = tuple[httpx.URL, Mapping[str, str]]


class Pages:
    """Walk the pages of one window; the walk ends only when all that is told agrees.

    Guarantees: a page given twice, a cursor or link that leads back, and a total other than
    the number of different records: each ends the walk with an error instead of a quiet loss.
    Raises: InconsistentAnswerError, and what the client raises.
    """

    def __init__(self, client: Client, asked: Mapping[str, str], deadline: float) -> None:
        self.client, self.asked, self.deadline = client, asked, deadline
        self.word = client.word
        self._steps: set[str] = set()
        self._pages: set[bytes] = set()
        self._records: set[bytes] = set()
        self._told: object = None  # the last answer that has content, which may tell the total

    def __iter__(self) -> Iterator[list[object]]:
        """Give the records of each page."""
        step: Step | None = self._first()
        number = 0
        while step is not None:
            number += 1
            self._bounded(number)
            lacking = number > 1 and "404" in self.word.no_records
            answer = self.client.get(*step, self.deadline, may_lack=lacking)
            records = self._proved(answer)
            yield records
            following = None if answer.ends else self._following(answer, records, number, step[0])
            if following is None:
                self._counted()
            step = following

    def _first(self) -> Step:
        url, pages = self.client.url(self.word.path), self.word.pages
        if isinstance(pages, ByPage):
            return self._numbered(url, pages, pages.first)
        return url, self.asked

    def _numbered(self, url: httpx.URL, pages: ByPage, number: int) -> Step:
        own = {pages.parameter: str(number), pages.size_parameter: str(pages.size)}
        return url, {**self.asked, **own}

    def _following(
        self, answer: RestAnswer, records: list[object], number: int, here: httpx.URL
    ) -> Step | None:
        """Find out where the walk goes next; None at its end."""
        pages = self.word.pages
        more = None if pages is None or not pages.more else self._flag(answer, pages.more)
        if pages is None or more is False:
            return None
        if isinstance(pages, ByPage):
            goes_on = bool(records) if more is None else more
            return self._numbered(here, pages, pages.first + number) if goes_on else None
        if isinstance(pages, ByCursor):
            mark = self._pointer(answer, pages.next)
        else:
            mark = self._pointer(answer, pages.next) if pages.next else answer.link
        if not mark:
            if more:
                raise self._contradiction(f"`{pages.more}` tells of more, no next page is named")
            return None
        if isinstance(pages, ByCursor):
            return self._new(mark, self.client.url(self.word.path), pages)
        there = self.client.joined(here, mark)
        return self._new(str(there), there, None)

    def _flag(self, answer: RestAnswer, path: str) -> bool:
        found = found_at(answer.content, path)
        if not isinstance(found, bool):
            raise self._contradiction(f"`{path}` is neither true nor false")
        return found

    def _pointer(self, answer: RestAnswer, path: str) -> str | None:
        found = found_at(answer.content, path)
        if found is None or found is False or found == "":
            return None
        if isinstance(found, str | Number):
            return str(found)
        raise self._contradiction(f"`{path}` is neither text nor number")

    def _new(self, mark: str, url: httpx.URL, pages: ByCursor | None) -> Step:
        """Step where nobody stepped before."""
        if mark in self._steps:
            raise self._contradiction("the next page is one that was read before")
        self._steps.add(mark)
        return url, ({**self.asked, pages.parameter: mark} if pages else {})

    def _proved(self, answer: RestAnswer) -> list[object]:
        """Prove that a page is a list of records that no page before was."""
        if answer.ends:
            return []
        self._told = answer.content
        records = found_at(answer.content, self.word.records, _ABSENT)
        if records is None or (records is _ABSENT and "absent" in self.word.no_records):
            records = []
        if not isinstance(records, list):
            raise self._contradiction(f"there is no list of records at `{self.word.records}`")
        prints = [digest([written(each)]) for each in records]
        page = digest([b"".join(prints).hex()])
        if records and page in self._pages:
            raise self._contradiction("two pages hold the same records")
        self._pages.add(page)
        self._records.update(prints)
        return records

    def _counted(self) -> None:
        """Prove that the told total is the number of different records."""
        if not self.word.total or (self._told is None and not self._records):
            return
        told = found_at(self._told, self.word.total)
        if str(told) != str(len(self._records)):
            raise self._contradiction(
                f"`{self.word.total}` tells of {told} records, {len(self._records)} came"
            )

    def _bounded(self, number: int) -> None:
        if number > MOST_PAGES or len(self._records) > MOST_RECORDS:
            raise self.client.wrong(
                f"a window holds more than {MOST_PAGES} pages or {MOST_RECORDS} records",
                "declare a shorter `every`",
            )

    def _contradiction(self, what: str) -> InconsistentAnswerError:
        return InconsistentAnswerError(
            f"{self.client.name}: {what}",
            declared=self.client.declared,
            data="nothing of this window was kept; what the lake has committed stands",
            next="run again later; mend the declaration if it never agrees",
        )
