"""The pages, over a real PostgreSQL with the books of a month."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lakes import LakeTemplate, recall, use
from tests.watermain.console.reader import PageReader
from tests.watermain.console.seeded import SCRIPT, SeededPlatform
from tests.watermain.engine.promise.promises import june
from watermain.console.application import HEADERS

NOW = june(20, 12)
LATE, MART = "operations.curated.late_fees", "operations.marts.fct_fees"
PAGES = ("/", "/on-call", "/debug", "/datasets", f"/datasets/{LATE}", f"/datasets/{MART}",
         f"/debug?dataset={LATE}")  # fmt: skip


@pytest.fixture(scope="module")
def seeded(
    empty_lake: LakeTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SeededPlatform]:
    """A month of verdicts with an alert, an incident, and what was tried in vain."""
    home = tmp_path_factory.mktemp("console")
    empty_lake.copy(home.name, home)
    with pytest.MonkeyPatch.context() as patch:
        use(patch, home, empty_lake.server.dsn(home.name))
        recall()
        made = SeededPlatform(home, empty_lake.server.dsn(home.name), NOW)
        made.judged()
        made.troubled()
        yield made


@pytest.fixture
def client(seeded: SeededPlatform) -> PageReader:
    """A reader of its pages."""
    return PageReader(seeded.sight())


@pytest.mark.parametrize("page", PAGES)
def test_page_is_shown_whole_and_escaped(client: PageReader, page: str) -> None:
    """Every page ends well, in HTML that holds nothing that a text brought along."""
    answer = client.get(page)
    assert answer.status_code == 200, answer.text
    assert SCRIPT not in answer.text
    assert "<script>" not in answer.text
    assert answer.text.rstrip().endswith("</html>")
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["cache-control"] == "no-store"


def test_promises_are_listed_with_how_they_stand(client: PageReader, home: Path) -> None:
    """What needs a look comes first."""
    text = client.get("/datasets").text
    assert "breached" in text
