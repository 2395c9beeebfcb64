"""The pages, over a real PostgreSQL with the books of a month."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.lakes import LakeTemplate, recall, use
from tests.watermain.console.reader import PageReader
from tests.watermain.console.seeded import SCRIPT, SeededPlatform, facts
from tests.watermain.engine.promise.promises import june
from watermain.console.application import HEADERS
from watermain.console.asked import LedgerAnswer
from watermain.console.books import ShownBooks
from watermain.declare.errors import UnreachableSystemError
from watermain.engine.rooms.last_good import FOLDER
from watermain.settings import child_environment

NOW = june(20, 12)
LATE, BROKEN = "operations.curated.late_fees", "operations.curated.broken_fees"
MART = "operations.marts.fct_fees"
PAGES = ("/", "/on-call", "/debug", "/datasets", f"/datasets/{LATE}", f"/datasets/{MART}",
         f"/debug?dataset={LATE}", f"/debug?dataset={MART}")  # fmt: skip
LISTS = ("/", "/on-call", "/debug", "/datasets")
GREEN = 'class="badge fine"'


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
def reader(seeded: SeededPlatform) -> PageReader:
    """A reader of its pages."""
    return PageReader(seeded.sight())


@pytest.fixture
def fresh(home: Path, lake: object) -> SeededPlatform:
    """A platform of which nothing was told yet."""
    from watermain.settings import load_settings

    return SeededPlatform(home, str(load_settings().postgres), NOW)


@pytest.mark.parametrize("page", PAGES)
def test_page_is_shown_whole_and_escaped(reader: PageReader, page: str) -> None:
    """Every page ends well, in HTML that holds nothing that a text brought along."""
    answer = reader.get(page)
    assert answer.status_code == 200, answer.text
    assert SCRIPT not in answer.text
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert answer.text.rstrip().endswith("</html>")
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("page", [*PAGES, "/health", "/static/console.js"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(reader: PageReader, page: str, method: str) -> None:
    """Every address is for reading alone."""
    assert reader.get(page, method).status_code == 405


@pytest.mark.parametrize("host", ["example.org", "example.org:3070", "127.0.0.1.example.org", ""])
def test_another_host_is_refused(reader: PageReader, host: str) -> None:
    """A name that was made to lead here gets nothing."""
    answer = reader.get("/datasets", Host=host)
    assert answer.status_code == 421
    assert LATE not in answer.text


def test_what_needs_a_look_comes_first(reader: PageReader) -> None:
    """Breached, burning, met, and then what promises nothing."""
    text = reader.get("/datasets").text
    order = [text.index(f"/datasets/{name}") for name in (BROKEN, LATE)]
    order += [text.index("/datasets/operations.curated.fees"), text.index(f"/datasets/{MART}")]
    assert order == sorted(order)
    for words in ("</span> breached", "</span> burning", "</span> met", "it promises nothing"):
        assert words in text
    assert "21 of 28" in text
    assert "4 too many were" in text
    assert "the last 14, oldest first: 12 in time, 2 missed" in text


def test_lists_are_narrowed(reader: PageReader) -> None:
    """By room, by state, by a word; a whole name leads to its page; nothing is said to be none."""
    only = reader.get("/datasets?state=breached").text
    assert BROKEN in only
    assert LATE not in only
    assert "No dataset is like that" in reader.get("/datasets?room=weather").text
    assert "No dataset is like that" in reader.get(f"/datasets?word={SCRIPT}").text
    assert reader.get(f"/datasets?word={LATE}").headers["location"] == f"/datasets/{LATE}"
    for page in ("0", "-1", "x", "9" * 9, "٣"):
        assert reader.get(f"/datasets?page={page}").status_code == 200


def test_page_of_a_dataset_tells_all_of_it(reader: PageReader) -> None:
    """Calendar, budget, checks, alert, incident, runbooks, and both directions of lineage."""
    text = reader.get(f"/datasets/{LATE}").text
    for words in (
        "Partitions ready within 2 h, at most 3 of 28 late.",
        "26 of 28",
        "2026-06-18: missed, and still missing",
        "2026-06-17: in time",
        "between_amount",
        f"watermain alert ack {LATE}@20260620T000000Z",
        "2026-06-18 is missing, and 2 of the last 7 were late",
        "watermain incident show 1",
        "refused by between_amount (3 of 9 rows)",
        "docs/runbooks/partitions-held-back.md",
        "/datasets/operations.raw.fees",
        f"/datasets/{MART}",
        f"http://127.0.0.1:3000/assets/{LATE.replace('.', '/')}",
        "the board",
    ):
        assert words in text, words
    broken = reader.get(f"/datasets/{BROKEN}").text
    assert "missed, came 7 h late" in broken
    assert "None is open." in broken


def test_alert_is_on_the_page_of_what_it_reaches(reader: PageReader) -> None:
    """The mart below promises nothing, and is told of all the same."""
    text = reader.get(f"/datasets/{MART}").text
    assert "watermain alert ack" in text
    assert "It promises nothing" in text


def test_who_is_on_call_sees_what_is_wrong(reader: PageReader) -> None:
    """What was not delivered, what is open, what was tried in vain."""
    text = reader.get("/on-call").text
    for words in (
        "1 message was not delivered to oncall",
        "It reaches 1 dataset",
        f"watermain explain {LATE} 2026-06-18",
        "Room weather:",
        "Top failing datasets",
    ):
        assert words in text, words


def test_executive_counts_promises_and_incidents(reader: PageReader) -> None:
    """The share in time over all windows; what nobody measures says so."""
    text = reader.get("/").text
    assert "89.3%" in text
    assert "75 of 84 judged, 84 due" in text
    assert re.search(r"short of rows</dt><dd><span class=\"figure\">1<.*fct_fees</a>", text)
    assert "of 3 promises" in text


@pytest.mark.parametrize(
    "page", ["/datasets/operations.curated.nothing", "/datasets/x", "/datasets/..%2f..%2fetc",
             f"/datasets/{SCRIPT}", "/nothing", "/debug?dataset=operations.raw.nothing",
             f"/debug?dataset={SCRIPT}", "/static/../application.py", "/static/nothing.css"]
)  # fmt: skip
def test_what_is_not_there_is_said_not_to_be(reader: PageReader, page: str) -> None:
    """404, in plain words."""
    answer = reader.get(page)
    assert answer.status_code == 404
    assert SCRIPT not in answer.text
    assert "There is no such" in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]


@pytest.mark.parametrize("page", [*LISTS[:2], "/datasets", f"/datasets/{LATE}"])
def test_postgres_that_is_away_is_said_to_be(seeded: SeededPlatform, page: str) -> None:
    """503, with what to do; no trace, no address."""
    away = replace(seeded, dsn="host=127.0.0.1 port=9 password=hidden connect_timeout=1")
    answer = PageReader(away.sight()).get(page)
    assert answer.status_code == 503
    assert "The books cannot be read now" in answer.text
    assert "Next: watermain" in answer.text
    assert "Traceback" not in answer.text
    assert "hidden" not in answer.text


def test_mistake_of_ours_shows_no_trace(
    seeded: SeededPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500, and what is in the error stays here."""

    def wrong(_: ShownBooks) -> list[object]:
        raise ZeroDivisionError("/a/secret/path")

    monkeypatch.setattr(ShownBooks, "incidents", wrong)
    answer = PageReader(seeded.sight()).get("/")
    assert answer.status_code == 500
    assert "The console made a mistake" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]


@pytest.mark.parametrize("page", LISTS)
def test_empty_project_is_told_how_to_begin(fresh: SeededPlatform, page: str) -> None:
    """Nothing told, nothing judged, no table of alerts: no page is green, none fails."""
    answer = PageReader(fresh.sight()).get(page)
    assert answer.status_code == 200, answer.text
    assert GREEN not in answer.text.replace(f'{GREEN}><span aria-hidden="true">✓</span> met', "")


def test_project_without_promises_is_told_that_nothing_is_judged(fresh: SeededPlatform) -> None:
    """It is neither well nor ill."""
    fresh.rooms(promising=False)
    text = PageReader(fresh.sight()).get("/").text
    assert "promises anything, so nothing is judged" in text
    assert "</span> no promise" in PageReader(fresh.sight()).get("/datasets").text


def test_promise_that_nobody_judged_is_not_measured(fresh: SeededPlatform) -> None:
    """No verdict is no good verdict."""
    fresh.rooms()
    reader = PageReader(fresh.sight())
    text = reader.get("/datasets").text
    assert text.count("</span> not measured") == 3
    assert GREEN not in text
    assert "Nothing was judged yet." in text
    page = reader.get("/datasets/operations.curated.fees").text
    assert "Nothing was due yet in the window of the promise." in page


def test_evaluator_that_is_away_is_told_of(fresh: SeededPlatform) -> None:
    """What was due since then is not measured, and no page calls it met."""
    fresh.judged(until=NOW - timedelta(days=4))
    reader = PageReader(fresh.sight())
    for page in ("/", "/on-call", "/datasets", f"/datasets/{LATE}"):
        text = reader.get(page).text
        assert "Nobody judges: the last verdicts are of 2026-06-16 12:00:00 UTC." in text
    text = reader.get("/datasets/operations.curated.fees").text
    assert "2026-06-18: not measured: nobody has judged it" in text
    assert "</span> not measured" in text
    assert "but nobody looks" in reader.get("/on-call").text


def test_room_that_does_not_load_is_told_and_shown_as_it_was(fresh: SeededPlatform) -> None:
    """Dagster says why; its datasets are known as it last told them."""
    fresh.judged()
    told = replace(facts(), locations={"operations": f"ValueError: {SCRIPT}\nand a trace"})
    reader = PageReader(fresh.sight(lambda: told))
    text = reader.get("/on-call").text
    assert "Does not load: ValueError: &lt;script&gt;" in text
    assert "and a trace" not in text
    assert reader.get(f"/datasets/{LATE}").status_code == 200


@pytest.mark.parametrize("spoilt", ["", "{", '{"format": 9, "datasets": []}', "[]"])
def test_room_whose_words_are_torn_is_silent_and_said_to_be(
    fresh: SeededPlatform, spoilt: str
) -> None:
    """The other rooms are shown."""
    fresh.rooms()
    (fresh.home / FOLDER / "weather.json").write_text(spoilt)
    text = PageReader(fresh.sight()).get("/datasets").text
    assert "What it told last cannot be read." in text
    assert LATE in text


def test_ledger_that_cannot_be_read_is_said_to_be(seeded: SeededPlatform) -> None:
    """The books are shown; what the ledger knows is unknown, and is not called none."""

    def away() -> LedgerAnswer:
        raise UnreachableSystemError.nothing_happened("it is away", declared="x", next="wait")

    reader = PageReader(seeded.sight(away))
    text = reader.get("/on-call").text
    assert "The ledger could not be read:</strong> it is away" in text
    assert text.count("</span> not measured") == 2
    assert "Nothing was published" not in reader.get(f"/datasets/{LATE}").text
    assert reader.get(f"/datasets/{LATE}").text.count('class="badge unknown"') == 1


def test_console_knows_no_engine(seeded: SeededPlatform) -> None:
    """A process that has shown every page holds neither Dagster nor DuckDB nor a room."""
    code = (
        "import sys, asyncio, httpx\n"
        "from watermain.console import serving\n"
        "from watermain.console.application import application\n"
        "from watermain.console.sight import Sight\n"
        "from watermain.console.asked import LedgerAnswer\n"
        "app = application(Sight.of_settings(lambda: LedgerAnswer(publishes={})))\n"
        "async def ask(page):\n"
        "    way = httpx.ASGITransport(app)\n"
        "    async with httpx.AsyncClient(transport=way, base_url='http://localhost') as client:\n"
        "        return (await client.get(page)).status_code\n"
        f"print([asyncio.run(ask(page)) for page in {list(PAGES)}])\n"
        "heavy = ('dagster', 'duckdb', 'pyarrow', 'pandas', 'ibis', 'platform_assets')\n"
        "print(sorted(m for m in heavy if m in sys.modules))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=child_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str([200] * len(PAGES)), "[]"]
